"""The Standard Task Graph Set (T. Tobita, H. Kasahara, J. Scheduling 5, 2002)."""
from __future__ import annotations

from pathlib import Path

from envs.core.errors import TraceError
from envs.dag.formats.draft import Draft, number_of
from envs.dag.graph import Graph
from envs.dag.importers.lines import rows_of, whole_of


def read_stg(path: str | Path) -> Graph:
    """n, then n + 2 rows `id time npred preds...`; unit 1, type cpu, rows of time 0 virtual."""
    path = Path(path)
    rows = rows_of(path)
    if not rows:
        raise TraceError("the file is empty", str(path), "give a graph of the STG")
    first, fields = rows[0]
    if len(fields) != 1:
        raise TraceError(f"the first row must be the number of tasks, found {len(fields)} fields",
                         first)
    expected, rows = whole_of(fields[0], first, "the number of tasks") + 2, rows[1:]
    _check_count(rows, expected, path, first)
    draft = Draft(path.name.split(".")[0], "1", source=str(path))
    for number, (place, fields) in enumerate(rows):
        _check_row(number, fields, place)
        time = number_of(fields[1])
        draft.task(number, None, {"cpu": time} if time != 0 else {}, virtual=time == 0, where=place)
    for number, (place, fields) in enumerate(rows):
        for before in fields[3:]:
            draft.edge(before, number, where=place)
    return draft.graph()


def _check_count(rows: list, expected: int, path: Path, first: str) -> None:
    if len(rows) > expected:
        raise TraceError(f"surplus row, {expected} are announced", rows[expected][0],
                         "the first number counts the tasks without entry and exit")
    if len(rows) < expected:
        raise TraceError(f"{len(rows)} rows, {expected} are announced",
                         rows[-1][0] if rows else first,
                         "the file is truncated; the first number counts the tasks without entry "
                         "and exit")


def _check_row(number: int, fields: list[str], place: str) -> None:
    if len(fields) < 3:
        raise TraceError(f"{len(fields)} fields, a row is `id time npred preds...`", place)
    if fields[0] != str(number):
        raise TraceError(f"id {fields[0]} in row {number}", place, "ids are row numbers from 0")
    count = whole_of(fields[2], place, "the number of predecessors")
    if count != len(fields) - 3:
        raise TraceError(f"task {number}: {count} predecessors announced, {len(fields) - 3} found",
                         place)
