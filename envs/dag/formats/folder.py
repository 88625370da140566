"""The same graph as a folder of tables: tasks.csv, tiles.csv, access.csv, edges.csv."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError
from envs.core.files import folder_to_write, read_raw
from envs.core.tables import write_table
from envs.dag.formats.dag1 import listed_edges
from envs.dag.formats.draft import Draft, number_of
from envs.dag.graph import MODES, Graph
from envs.dag.units import read_unit

COLUMNS = {"tiles": ("tile", "bytes"), "access": ("task", "tile", "mode"),
           "edges": ("src", "dst", "bytes")}
Rows = list[tuple[str, tuple[str, ...]]]      # place, cells


def read_folder(folder: Path, unit: str = "s", resolution: int = 1) -> Graph:
    """The graph of a folder; only `tasks.csv` is needed, all may end in `.gz`."""
    given = {"unit": unit, **({"resolution": resolution} if resolution != 1 else {})}
    unit, resolution = read_unit(given, str(folder), TraceError)
    draft = Draft(folder.name, unit, resolution, str(folder))
    header, tasks = _table(folder, "tasks")
    for place, (name, size) in _table(folder, "tiles")[1]:
        draft.tile(name, number_of(size), place)
    access = _access(folder, {cells[0] for _, cells in tasks})
    for place, cells in tasks:
        _task(draft, cells, header[2:], access.get(cells[0], []), place)
    for place, (src, dst, size) in _table(folder, "edges")[1]:
        draft.edge(src, dst, number_of(size) if size else 0, place)
    return draft.graph()


def write_folder(graph: Graph, folder: Path) -> None:
    """Write the four tables; the unit is not among them."""
    folder_to_write(folder)
    tables = {"tasks": _task_columns(graph),
              "tiles": {"tile": _texts(graph.tiles), "bytes": graph.tile_bytes},
              "access": _access_columns(graph), "edges": _edge_columns(graph)}
    for name, columns in tables.items():
        write_table(folder / f"{name}.csv", columns)


def _table(folder: Path, name: str) -> tuple[tuple[str, ...], Rows]:
    """Header and rows of a table; each row with its place, empty cells as ''."""
    path = next((p for p in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if p.is_file()),
                None)
    if path is None:
        if name == "tasks":
            raise TraceError("the folder has no tasks.csv", str(folder), "see docs/dag.md")
        return COLUMNS[name], []
    raw = read_raw(path, TraceError)
    header = tuple(raw.frame.columns)
    _check_header(path, name, header)
    cells = [tuple((cell or "").strip() for cell in row) for row in raw.frame.iter_rows()]
    if name == "edges" and len(header) == 2:
        cells = [(*row, "") for row in cells]
    return header, [(f"{path}, line {line}", row)
                    for line, row in zip(raw.lines.tolist(), cells, strict=True)]


def _check_header(path: Path, name: str, header: tuple[str, ...]) -> None:
    valid = header[:2] == ("id", "kind") if name == "tasks" \
        else header in (COLUMNS[name], COLUMNS[name][:2] if name == "edges" else None)
    if not valid:
        wanted = "id,kind and one column per device type" if name == "tasks" \
            else ",".join(COLUMNS[name])
        raise TraceError(f"the header must be {wanted}, found {','.join(header)}", str(path))


def _access(folder: Path, tasks: set[str]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for place, (task, tile, mode) in _table(folder, "access")[1]:
        if task not in tasks:
            raise TraceError(f"unknown task {task!r}", place, "list it in tasks.csv")
        found.setdefault(task, []).append((tile, mode))
    return found


def _task(draft: Draft, cells: tuple[str, ...], types: tuple[str, ...], access: list,
          place: str) -> None:
    name, kind, *times = cells
    duration = {y: number_of(t) for y, t in zip(types, times, strict=True) if t}
    virtual = kind == "virtual" and not duration
    draft.task(name, kind, duration, access, virtual, place)


def _texts(values: Any) -> np.ndarray:
    return np.array(list(values), object)


def _task_columns(graph: Graph) -> dict[str, np.ndarray]:
    kinds = np.array([*graph.kinds, ""], object)[graph.kind]
    columns = {"id": _texts(graph.ids), "kind": np.where(graph.virtual, "virtual", kinds)}
    for y, device in enumerate(graph.types):
        mine = graph.duration[:, y]
        columns[device] = np.where(mine < 0, np.nan, mine / graph.ticks_per_unit)
    return columns


def _access_columns(graph: Graph) -> dict[str, np.ndarray]:
    return {"task": np.array(graph.ids, object)[graph.operand_owner],
            "tile": np.array([*graph.tiles, ""], object)[graph.operand_tile],
            "mode": np.array(MODES, object)[graph.operand_mode]}


def _edge_columns(graph: Graph) -> dict[str, np.ndarray]:
    edges = listed_edges(graph)
    return {"src": _texts(a for a, _, _ in edges), "dst": _texts(b for _, b, _ in edges),
            "bytes": np.array([size for _, _, size in edges], np.int64)}
