"""What `scripts/import_trace.py env=dag` does."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envs.dag.formats import write_graph
from envs.dag.generator.measure import describe
from envs.dag.importers import import_graph
from envs.dag.importers.options import ImportOptions

KEYS = ("format", "costs", "resolution", "durations", "max_tasks", "speedup", "unit")


def run(keys: Any) -> Iterator[str]:
    """Read, check, write; what the graph measures."""
    options = ImportOptions(keys.costs, keys.resolution, keys.durations, keys.max_tasks,
                            keys.speedup, keys.unit)
    graph = import_graph(keys.source, keys.format, options)
    write_graph(graph, keys.out)
    yield describe(graph)
    yield f"wrote {keys.out}"
