"""The manifest of a recording: its cells, seeds, split, protocol and the hashes of its files."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.core.errors import ScenarioError, TraceError
from envs.core.files import parse_json, write_whole
from envs.core.options import as_integer, as_list, as_mapping
from envs.net2net.cells import TASKS, Cell, Network, amount, cell_of

SCHEMA = "net2net-recording/1"
FILE = "manifest.json"
PARTS = ("train", "validation", "test")
TRAIN, VALIDATION, FEWEST = 0.6, 0.2, 4     # shares of the seeds; with fewer seeds no split
SUFFIXES = (".csv", ".csv.gz")

Split = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Entry:
    """A table cell of a recording."""

    cell: Cell
    seeds: tuple[int, ...]
    split: Split            # part -> seeds
    profile: str


def split_of(seeds: Sequence[int]) -> Split:
    """The default split: 60 % train, 20 % validation (at least one), the rest test; below four
    seeds all three are the same."""
    if len(seeds) < FEWEST:
        return dict.fromkeys(PARTS, tuple(seeds))
    first = int(TRAIN * len(seeds))
    second = first + max(1, int(VALIDATION * len(seeds)))
    return {"train": tuple(seeds[:first]), "validation": tuple(seeds[first:second]),
            "test": tuple(seeds[second:])}


def stem_of(cell: Cell) -> str:
    """Beginning of the names of a cell's files: `pair_max@1500_depth`, `cnn1_early@400000_peer`."""
    task = cell.name.replace("/", "_") if cell.published else cell.task
    return f"{task}@{amount(cell.budget_ms)}_{cell.action_set}"


def cell_config(cell: Cell) -> dict[str, Any]:
    """What a recording says of a cell; equal for cells whose trainings are the same."""
    own = not cell.published and cell.network != TASKS[cell.task].network
    return {"task": cell.name if cell.published else cell.task, "budget_ms": cell.budget_ms,
            "fractions": list(cell.fractions), "action_set": cell.action_set,
            **({"network": cell.network.to_config()} if own else {})}


def entry_config(entry: Entry) -> dict[str, Any]:
    """A cell of the manifest."""
    return {**cell_config(entry.cell), "profile": entry.profile, "seeds": list(entry.seeds),
            "split": {part: list(seeds) for part, seeds in entry.split.items()}}


def write_manifest(folder: Path, entries: Sequence[Entry], facts: Mapping[str, Any],
                   files: Sequence[str]) -> None:
    """Write the manifest over files that are there; `facts` are protocol, versions and the like."""
    config = {"schema": SCHEMA, "cells": [entry_config(entry) for entry in entries], **facts,
              "files": {name: digest(folder / name) for name in sorted(files)}}
    write_whole(folder / FILE, f"{json.dumps(config, indent=1)}\n".encode())


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """The manifest of a folder, of the right schema."""
    path = folder / FILE
    config = as_mapping(parse_json(path, TraceError), str(path))
    if config.get("schema") != SCHEMA:
        raise TraceError(f"schema: expected '{SCHEMA}', found '{config.get('schema')}'", str(path),
                         "record it again with scripts/record_net2net.py")
    return config


def entries_of(config: Mapping[str, Any], path: Path) -> list[Entry]:
    """The cells of a manifest, checked."""
    try:
        rows = as_list(config.get("cells"), f"{path}: cells")
        if not rows:
            raise TraceError("lists no cell", f"{path}: cells", "record it again")
        entries = [_entry(as_mapping(row, where), config.get("split"), where)
                   for row, where in ((row, f"{path}: cells[{i}]") for i, row in enumerate(rows))]
    except ScenarioError as error:
        inside = error.where.startswith(str(path))
        raise TraceError(error.what, error.where if inside else f"{path}: {error.where}",
                         error.remedy) from None
    names = [entry.cell.name for entry in entries]
    twice = [i for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise TraceError(f"{names[twice[0]]} is listed twice", f"{path}: cells[{twice[0]}]",
                         "remove one")
    return entries


def check_hash(folder: Path, name: str, config: Mapping[str, Any]) -> None:
    """A file is the one that the manifest was written over."""
    expected = as_mapping(config.get("files", {}), f"{folder / FILE}: files").get(name)
    found = digest(folder / name)
    if found != expected:
        raise TraceError(f"sha256: expected {expected}, found {found}", str(folder / name),
                         "the file was changed; record it again")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def table_file(folder: Path, cell: Cell, kind: str) -> Path:
    """The CSV of a cell's `nodes` or `leaves`, packed or not."""
    for suffix in SUFFIXES:
        path = folder / f"{stem_of(cell)}.{kind}{suffix}"
        if path.is_file():
            return path
    raise TraceError("no such file", str(folder / f"{stem_of(cell)}.{kind}.csv"),
                     "record it again, or remove the cell from the manifest")


def _entry(row: Mapping[str, Any], split: Any, where: str) -> Entry:
    for key in ("task", "budget_ms", "fractions", "action_set", "seeds"):
        if key not in row:
            raise TraceError(f"has no {key}", where, "record it again")
    published = "/" in str(row["task"])
    name = row["task"] if published else f"{row['task']}@{row['budget_ms']}/{row['action_set']}"
    network = row.get("network")
    cell = cell_of(name, where, fractions=row["fractions"],
                   network=network and Network.from_config(network, f"{where}.network"))
    seeds = _seeds(row["seeds"], f"{where}: seeds")
    given = row.get("split", split)
    parts = split_of(seeds) if given is None else _split(given, seeds, f"{where}: split")
    return Entry(cell, seeds, parts, str(row.get("profile", "cpu")))


def _seeds(value: Any, where: str) -> tuple[int, ...]:
    seeds = tuple(as_integer(seed, where, low=0) for seed in as_list(value, where))
    if not seeds or len(set(seeds)) < len(seeds):
        raise TraceError(f"must be one or more distinct seeds, found {list(seeds)}", where)
    return seeds


def _split(value: Any, seeds: tuple[int, ...], where: str) -> Split:
    """Parts that share no seed, or all three the same."""
    given = as_mapping(value, where)
    parts = {part: _seeds(given.get(part), f"{where}.{part}") for part in PARTS}
    for part, chosen in parts.items():
        unknown = [seed for seed in chosen if seed not in seeds]
        if unknown:
            raise TraceError(f"seed {unknown[0]} is not recorded", f"{where}.{part}",
                             "seeds: " + ", ".join(map(str, seeds)))
    if len({*map(frozenset, parts.values())}) == 1:
        return parts
    owner: dict[int, str] = {}
    for part, chosen in parts.items():
        for seed in chosen:
            if seed in owner:
                raise TraceError(f"seed {seed} is in {owner[seed]} and in {part}", where,
                                 "give each seed to one part")
            owner[seed] = part
    return parts
