"""Writing a recording: units that survive a kill, then the tables and the manifest.

    open_units(folder, key, {cell: seeds})
    if not has_unit(folder, cell, seed):
        write_unit(folder, cell, seed, nodes, leaves)
    finish(folder, entries, facts)
"""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError
from envs.core.files import folder_to_write, parse_json
from envs.net2net.cells import Cell
from envs.net2net.manifest import Entry, cell_config, stem_of, write_manifest
from envs.net2net.recording_rows import LEAF, LEAVES, NODE, NODES, incomplete, write_rows

UNITS = "units"
PLAN = "plan.json"
ELSEWHERE = "record into another folder, or remove this one"
AGAIN = "run scripts/record_net2net.py again, it resumes"


def open_units(folder: Path, key: str, cells: Mapping[Cell, Sequence[int]]) -> None:
    """Begin a recording, or go on with one of the same key (of protocol and versions).

    Raises `TraceError` where the folder has units of another key or of other decision times.
    """
    units = folder_to_write(folder / UNITS)
    plan = units / PLAN
    if plan.is_file():
        found = parse_json(plan, TraceError)["key"]
        if found != key:
            raise TraceError(f"was begun under another protocol: expected key {key}, found {found}",
                             str(plan), ELSEWHERE)
    for cell, seeds in cells.items():
        for seed in seeds:
            _check_unit(folder, cell, seed)
    rows = [[cell.name, stem_of(cell), int(seed)] for cell, seeds in cells.items()
            for seed in seeds]
    _write_synced(plan, json.dumps({"key": key, "units": rows}))


def has_unit(folder: Path, cell: Cell, seed: int) -> bool:
    """Whether a unit was written."""
    return unit_file(folder, cell, seed).is_file()


def write_unit(folder: Path, cell: Cell, seed: int, nodes: np.ndarray, leaves: np.ndarray) -> None:
    """Write NODE (N,) and LEAF (L,) of one seed, whole and synced to the disk."""
    rows = {"cell": cell_config(cell), "nodes": _rows(nodes), "leaves": _rows(leaves)}
    _write_synced(unit_file(folder, cell, seed), json.dumps(rows))


def read_unit(folder: Path, cell: Cell, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What `write_unit` wrote."""
    path = unit_file(folder, cell, seed)
    if not path.is_file():
        raise incomplete(cell, seed)
    rows = parse_json(path, TraceError)
    return _records(rows["nodes"], NODE), _records(rows["leaves"], LEAF)


def finish(folder: Path, entries: Sequence[Entry], facts: Mapping[str, Any],
           packed: bool = True) -> None:
    """Merge the units into tables, write the manifest last, remove the units."""
    names = []
    for entry in entries:
        read = [read_unit(folder, entry.cell, seed) for seed in entry.seeds]
        names += write_table(folder, entry, *map(np.stack, zip(*read, strict=True)), packed)
    write_manifest(folder, entries, facts, names)
    shutil.rmtree(folder / UNITS)


def write_table(folder: Path, entry: Entry, nodes: np.ndarray, leaves: np.ndarray,
                packed: bool = True) -> list[str]:
    """Write NODE (n, N) and LEAF (n, L) of a cell; the names of the files."""
    suffix = ".csv.gz" if packed else ".csv"
    names = [f"{stem_of(entry.cell)}.{kind}{suffix}" for kind in ("nodes", "leaves")]
    write_rows(folder / names[0], NODES, entry.seeds, nodes)
    write_rows(folder / names[1], LEAVES, entry.seeds, leaves)
    return names


def check_finished(folder: Path) -> None:
    """A folder without a manifest but with units was cut off: the error names the first."""
    plan = folder / UNITS / PLAN
    if not plan.is_file():
        return
    for name, stem, seed in parse_json(plan, TraceError)["units"]:
        if not (folder / UNITS / f"{stem}.{seed}.json").is_file():
            raise TraceError(f"unit {name} seed {seed} is incomplete", "", AGAIN)
    raise TraceError("the recording is not finished", str(folder), AGAIN)


def unit_file(folder: Path, cell: Cell, seed: int) -> Path:
    """Where a unit lies while the recording goes on."""
    return folder / UNITS / f"{stem_of(cell)}.{seed}.json"


def _check_unit(folder: Path, cell: Cell, seed: int) -> None:
    """A unit that is there is of this very cell, which its name does not say in full."""
    path = unit_file(folder, cell, seed)
    if path.is_file() and parse_json(path, TraceError).get("cell") != cell_config(cell):
        raise TraceError(f"unit {cell.name} seed {seed} has other decision times or another "
                         "network", str(path), ELSEWHERE)


def _write_synced(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _rows(records: np.ndarray) -> list[list[float | None]]:
    return [[None if x != x else x for x in record] for record in records.tolist()]


def _records(rows: Sequence[Sequence[float | None]], dtype: np.dtype) -> np.ndarray:
    return np.array([tuple(np.nan if x is None else x for x in row) for row in rows], dtype)
