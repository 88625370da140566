"""A list of edges and a table of costs, as papers print them; unit 1."""
from __future__ import annotations

from pathlib import Path

from envs.core.errors import TraceError
from envs.dag.formats.draft import Draft, number_of
from envs.dag.graph import Graph
from envs.dag.importers.lines import rows_of


def read_edges(edges: str | Path, costs: str | Path, resolution: int = 1) -> Graph:
    """Lines `i j [bytes]`, tasks from 0; CSV of costs: row = task, column p = worker type `p<p>`.

    An empty cell cannot run. A tick is 1/`resolution`.
    """
    edges, costs = Path(edges), Path(costs)
    draft = Draft(edges.name.split(".")[0], "1", resolution, str(edges))
    table = rows_of(costs, separator=",")
    for task, (place, cells) in enumerate(table):
        if len(cells) != len(table[0][1]):
            raise TraceError(f"{len(cells)} cells instead of {len(table[0][1])}", place,
                             "every task needs a cell per worker type; empty means cannot run")
        draft.task(task, None, {f"p{p}": number_of(cell) for p, cell in enumerate(cells) if cell},
                   where=place)
    for place, fields in rows_of(edges):
        if len(fields) not in (2, 3):
            raise TraceError(f"{len(fields)} fields, a line is `i j` or `i j bytes`", place)
        draft.edge(*fields[:2], *map(number_of, fields[2:]), where=place)
    return draft.graph()
