"""Small recordings with made-up accuracies, written as the recorder writes them."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from envs.net2net.cells import Cell, cell_of
from envs.net2net.manifest import FILE, Entry, digest, split_of
from envs.net2net.recording_files import finish, open_units, write_unit
from envs.net2net.recording_rows import LEAF, NODE
from envs.net2net.tree import sizes, unmasked

SMALL = cell_of("digits@600/depth", fractions=(0.1, 0.4))


def made_up(cell: Cell, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """NODE (N,) and LEAF (L,) of a seed: clocks as without edits, accuracies by chance."""
    rng = np.random.default_rng([seed, *cell.name.encode()])
    nodes, leaves = np.zeros(cell.nodes, NODE), np.zeros(cell.leaves, LEAF)
    depth = np.repeat(np.arange(cell.depth_of_tree),
                      cell.actions ** np.arange(cell.depth_of_tree))
    nodes["clock"], nodes["steps"] = np.array(cell.decisions)[depth] - 0.25, 10 * depth + 10
    leaves["clock"], leaves["steps"] = cell.budget_ms - 0.5, 100
    leaves["macs"], leaves["parameters"] = sizes(cell)
    for records in (nodes, leaves):
        for name in records.dtype.names:
            if name not in ("clock", "steps", "macs", "parameters"):
                records[name] = rng.random(len(records))
    known = unmasked(cell)
    nodes[~known[0]], leaves[~known[1]] = np.nan, np.nan
    return nodes, leaves


def write_recording(folder: Path, cells: tuple[Cell, ...] = (SMALL,), seeds: int = 5,
                    packed: bool = False) -> Path:
    """A finished recording of seeds 0, 1, ..."""
    plan = {cell: range(seeds) for cell in cells}
    open_units(folder, "key", plan)
    for cell in cells:
        for seed in range(seeds):
            write_unit(folder, cell, seed, *made_up(cell, seed))
    entries = [Entry(cell, tuple(range(seeds)), split_of(range(seeds)), "cpu") for cell in cells]
    finish(folder, entries, {"key": "key"}, packed)
    return folder


def change(folder: Path, name: str, edit: Callable[[list[str]], list[str]],
           hashed: bool = True) -> None:
    """Edit the lines of a file; `hashed`: so that the manifest agrees with it."""
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in edit(path.read_text().splitlines())))
    if hashed:
        change_manifest(folder, lambda config: config["files"].update({name: digest(path)}))


def change_manifest(folder: Path, edit: Callable[[dict], None]) -> None:
    """Edit the manifest."""
    config = json.loads((folder / FILE).read_text())
    edit(config)
    (folder / FILE).write_text(json.dumps(config))
