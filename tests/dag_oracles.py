"""The shared answers of the dag domain, as they lie in `tests/oracles/dag`."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envs.core.oracles import read_oracle
from envs.dag.formats import to_dag1
from envs.dag.generate import open_graph

FOLDER = Path(__file__).parent / "oracles" / "dag"


def oracle(name: str) -> dict[str, Any]:
    """The content of `NAME.json.gz`."""
    return read_oracle(FOLDER / f"{name}.json.gz")


def instance(case: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Machine, jobs with graphs written out, and options of a case."""
    jobs = [[arrival, graph_of(graph)] for arrival, graph in case["jobs"]]
    return {"machine": case["machine"], "jobs": jobs,
            "options": {**case.get("options", {}), **options}}


def graph_of(graph: Any) -> dict[str, Any]:
    """A `dag-1` mapping; a generator call is opened."""
    return to_dag1(open_graph(graph, "oracle")) if isinstance(graph, str) else graph
