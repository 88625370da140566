"""Published tables of CIFAR-10 trainings (github.com/ChamiLamelas/
RL-Based-DNN-Scheduling-Adaptation, MIT licence): 64 sequences of three actions, one seed.

    tables = read_peer("peer_tables.csv")       # or cnn1_early.json; numbering of actions theirs
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError, ranked
from envs.core.files import parse_json, path_of, read_text
from envs.net2net.cells import OPENINGS_MS, PEER_NETWORKS, Cell, cell_of
from envs.net2net.manifest import PARTS
from envs.net2net.recording_rows import LEAF, NODE, number_of
from envs.net2net.replay import Table
from envs.net2net.tree import sizes

TOTAL_S, SEQUENCES, ACTIONS = 400, 64, 4
COLUMNS = ("model", "scenario", "p1", "p2", "p3", "left1_s", "left2_s", "left3_s", "accuracy")
PICKLES = (".pkl", ".pickle", ".pt", ".pth")


@dataclass(frozen=True)
class Row:
    """One training: its cell, actions (0 = none), clocks in ms, test accuracy."""

    where: str
    cell: str
    sequence: tuple[int, ...]
    clocks: tuple[float, ...]
    accuracy: float


def read_peer(path: str | Path) -> list[Table]:
    """The tables of a CSV, of a JSON file named `<network>_<opening>.json`, or a folder of them."""
    path = path_of(path)
    if path.is_dir():
        return [table for file in sorted(path.glob("*.json")) for table in read_peer(file)]
    if path.suffix.lower() in PICKLES or _is_pickle(path):
        raise TraceError("pickle files are not loaded (they run code)", str(path),
                         "convert to CSV or JSON")
    rows = _json_rows(path) if ".json" in path.suffixes else _csv_rows(path)
    by_cell: dict[str, list[Row]] = {}
    for row in rows:
        by_cell.setdefault(row.cell, []).append(row)
    if not by_cell:
        raise TraceError("the table has no rows", str(path), "give it 64 rows per network")
    return [_table(cell_of(name), found, str(path)) for name, found in by_cell.items()]


def _is_pickle(path: Path) -> bool:
    """Protocols from 2 on begin with this byte, which no text does."""
    if not path.is_file():
        raise TraceError("no such file", str(path), "check the path")
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


def _table(cell: Cell, rows: Sequence[Row], source: str) -> Table:
    ordered = _by_leaf(cell, rows, source)
    leaves = np.full((1, cell.leaves), np.nan, LEAF)
    leaves["clock"] = cell.budget_ms
    leaves["macs"], leaves["parameters"] = sizes(cell)
    leaves["val_accuracy"] = leaves["test_accuracy"] = [row.accuracy for row in ordered]
    nodes = np.full((1, cell.nodes), np.nan, NODE)
    nodes["clock"] = _node_clocks(cell, np.array([row.clocks for row in ordered]))
    return Table(cell, (0,), dict.fromkeys(PARTS, (0,)), nodes, leaves,
                 np.ones(cell.leaves, bool), "flat", source)


def _by_leaf(cell: Cell, rows: Sequence[Row], source: str) -> list[Row]:
    """One row per sequence."""
    remedy, at = f"give each of the {SEQUENCES} sequences once", {}
    for row in rows:
        first = at.setdefault(row.sequence, row)
        if first is not row:
            line = first.where.rpartition(":")[2].strip()
            raise TraceError(f"{cell.name} has this sequence in line {line} too", row.where, remedy)
    if len(at) != SEQUENCES:
        raise TraceError(f"{cell.name} has {len(at)} rows", source, remedy)
    return [at[cell.sequence_of(leaf)] for leaf in range(cell.leaves)]


def _node_clocks(cell: Cell, clocks: np.ndarray) -> np.ndarray:
    """The mean over the leaves below each node of the clock at its decision; ms."""
    return np.concatenate([clocks[:, j].reshape(cell.actions**j, -1).mean(1)
                           for j in range(cell.depth_of_tree)])


def _csv_rows(path: Path) -> Iterator[Row]:
    lines = [(number, [text.strip() for text in line.split(",")]) for number, line
             in enumerate(read_text(path, TraceError).splitlines(), 1) if line.strip()]
    header = lines[0][1] if lines else []
    for column in COLUMNS:
        if column not in header:
            raise TraceError(f"missing column '{column}'", f"{path}:1",
                             "the file has " + ", ".join(header))
    for number, texts in lines[1:]:
        where = f"{path}:{number}"
        if len(texts) != len(header):
            raise TraceError(f"{len(texts)} fields instead of {len(header)}", where,
                             "every line needs as many fields as the header")
        cells = dict(zip(header, texts, strict=True))
        yield _row(where, _cell_name(cells["model"], cells["scenario"], where),
                   {name: cells[name] for name in COLUMNS[2:5]},
                   {name: cells[name] for name in COLUMNS[5:8]}, "accuracy", cells["accuracy"])


def _json_rows(path: Path) -> Iterator[Row]:
    content = parse_json(path, TraceError)
    network, _, opening = path.name.partition(".")[0].partition("_")
    cell = _cell_name(network, opening, str(path))
    if not isinstance(content, Mapping):
        raise TraceError("holds no mapping", str(path), FORM)
    for key, value in content.items():
        where = f"{path}: {key}"
        left, actions = _entry(value, where), str(key).split(",")
        if len(actions) != 3:
            raise TraceError("is no sequence of three actions", where, FORM)
        yield _row(where, cell, {f"p{i + 1}": text.strip() for i, text in enumerate(actions)},
                   {f"timeleft[{i}]": str(text) for i, text in enumerate(left)},
                   "acc", str(value["acc"]))


FORM = 'write {"0,3,1": {"timeleft": [330, 318, 306], "totaltime": 400, "acc": 0.71}, ...}'


def _entry(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, Mapping) or not {"timeleft", "totaltime", "acc"} <= set(value):
        raise TraceError("needs timeleft, totaltime and acc", where, FORM)
    if value["totaltime"] != TOTAL_S:
        raise TraceError(f"totaltime must be {TOTAL_S}, found '{value['totaltime']}'", where)
    left = value["timeleft"]
    if not isinstance(left, list) or len(left) != 3:
        raise TraceError("timeleft must be three numbers", where, FORM)
    return left


def _cell_name(network: str, opening: str, where: str) -> str:
    if network not in PEER_NETWORKS:
        raise TraceError(f'unknown network "{network}"', where, ranked(network, PEER_NETWORKS))
    if opening not in OPENINGS_MS:
        raise TraceError(f'unknown opening "{opening}"', where, ranked(opening, OPENINGS_MS))
    return f"{network}/{opening}"


def _row(where: str, cell: str, actions: Mapping[str, str], left: Mapping[str, str],
         column: str, accuracy: str) -> Row:
    value = number_of(accuracy)
    if not 0 <= value <= 1:
        raise TraceError(f"{column} must be a number in [0, 1], found '{accuracy}'", where)
    sequence = tuple((_action(name, text, where) + 1) % ACTIONS for name, text in actions.items())
    return Row(where, cell, sequence, _clocks(left, where), value)


def _action(name: str, text: str, where: str) -> int:
    value = number_of(text)
    if value not in range(ACTIONS):
        raise TraceError(f"{name} must be in 0..{ACTIONS - 1}, found '{text}'", where)
    return int(value)


def _clocks(left: Mapping[str, str], where: str) -> tuple[float, ...]:
    """Clocks in ms of seconds left, which fall from at most the whole time."""
    clocks, before = [], float(TOTAL_S)
    for name, text in left.items():
        value = number_of(text)
        if not 0 <= value <= before:
            limit = f"{before:g}" if not clocks else f"{before:g} as before it"
            raise TraceError(f"{name} must be in 0..{limit}, found '{text}'", where)
        clocks.append((TOTAL_S - value) * 1000)
        before = value
    return tuple(clocks)
