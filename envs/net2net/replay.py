"""Recordings: every sequence of a cell, really trained, as dense tables.

    table = read_recording("recorded").tables["pair_max@1500/depth"]
    table.leaves["val_accuracy"][:, 0]      # of `never`, by seed
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError, nearest
from envs.core.files import REPOSITORY, path_of
from envs.net2net.cells import Cell
from envs.net2net.manifest import (
    FILE,
    Entry,
    check_hash,
    entries_of,
    read_manifest,
    table_file,
)
from envs.net2net.recording_files import check_finished
from envs.net2net.recording_rows import LEAF, LEAVES, NODE, NODES, check_clocks, read_rows
from envs.net2net.tree import unmasked

__all__ = ["LEAF", "NODE", "SHIPPED", "Recording", "Table", "find_recording", "read_entries",
           "read_recording", "recording_names"]

SHIPPED = REPOSITORY / "traces" / "net2net"
MEAN = -1               # in place of a seed: means over the seeds of a part


@dataclass(frozen=True, eq=False)
class Table:
    """A recorded cell: a row per seed."""

    cell: Cell
    seeds: tuple[int, ...]
    split: Mapping[str, tuple[int, ...]]    # part -> positions in `seeds`
    nodes: np.ndarray                       # NODE (n, N), nan where not measured
    leaves: np.ndarray                      # LEAF (n, L), nan where not recorded
    recorded: np.ndarray                    # bool (L,)
    profile: str = "cpu"
    source: str = ""

    @property
    def apart(self) -> bool:
        """Whether training, validation and test have seeds of their own."""
        return set(self.split["train"]) != set(self.split["test"])

    @property
    def test_apart(self) -> bool:
        """Whether validation and test accuracy are two measurements."""
        return not self.cell.published

    @property
    def averaged(self) -> bool:
        """Whether its one row holds means over seeds."""
        return self.seeds == (MEAN,)

    @property
    def measured(self) -> bool:
        """Whether accuracies at decisions are recorded."""
        return not np.isnan(self.nodes["val_accuracy"][:, 0]).any()


@dataclass(frozen=True, eq=False)
class Recording:
    """The tables of a folder by cell."""

    name: str
    folder: Path
    tables: Mapping[str, Table]
    manifest: Mapping[str, Any]


def read_recording(path_or_name: str | Path) -> Recording:
    """The recording of a folder, or the one that ships under this name; raises `TraceError`."""
    folder = find_recording(path_or_name)
    return _read(folder, (folder / FILE).stat().st_mtime_ns)


def read_entries(path_or_name: str | Path) -> Mapping[str, Entry]:
    """The cells of a recording by name, from its manifest alone."""
    folder = find_recording(path_or_name)
    path = folder / FILE
    return {entry.cell.name: entry for entry in entries_of(read_manifest(folder), path)}


def find_recording(path_or_name: str | Path) -> Path:
    """The folder of a recording, which is finished."""
    for folder in (SHIPPED / str(path_or_name), path_of(path_or_name)):
        if folder.is_dir() and (folder / FILE).is_file():
            return folder
        if folder.is_dir():
            check_finished(folder)
    raise TraceError("no such recording", str(path_or_name),
                     nearest(path_or_name, recording_names()) + " (or give the path of a folder)")


def recording_names() -> list[str]:
    """The recordings that ship with the suite."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{FILE}"))


@lru_cache(8)
def _read(folder: Path, changed: int) -> Recording:
    """Cached until the manifest changes."""
    manifest = read_manifest(folder)
    entries = entries_of(manifest, folder / FILE)
    tables = {entry.cell.name: _table(folder, entry, manifest) for entry in entries}
    return Recording(folder.name, folder, tables, manifest)


def _table(folder: Path, entry: Entry, manifest: Mapping[str, Any]) -> Table:
    """What the rows say comes first, so that an error names the line rather than the hash."""
    cell, seeds = entry.cell, entry.seeds
    paths = {"node": table_file(folder, cell, "nodes"), "leaf": table_file(folder, cell, "leaves")}
    nodes, node_lines = read_rows(paths["node"], NODES, cell, seeds)
    leaves, leaf_lines = read_rows(paths["leaf"], LEAVES, cell, seeds)
    check_clocks(paths, cell, nodes, leaves, {"node": node_lines, "leaf": leaf_lines})
    for path in paths.values():
        check_hash(folder, path.name, manifest)
    split = {part: tuple(seeds.index(seed) for seed in chosen)
             for part, chosen in entry.split.items()}
    return Table(cell, seeds, split, nodes, leaves, unmasked(cell)[1], entry.profile, str(folder))
