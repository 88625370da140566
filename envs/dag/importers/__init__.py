"""Graphs in other people's formats, told apart by name and content.

    graph = import_graph("rand0000.stg")
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from envs.core.errors import TraceError, nearest
from envs.core.files import read_start
from envs.dag.formats import read_graph
from envs.dag.generate import is_call, open_graph
from envs.dag.graph import Graph
from envs.dag.importers.edge_list import read_edges
from envs.dag.importers.options import ImportOptions
from envs.dag.importers.stg import read_stg
from envs.dag.importers.tpch import read_tpch
from envs.dag.importers.wfformat import read_wfformat


@dataclass(frozen=True)
class Format:
    """One foreign format: what it is and how it is read."""

    what: str
    read: Callable[[Path, ImportOptions], Graph]


def _read_edges(path: Path, options: ImportOptions) -> Graph:
    if options.costs is None:
        raise TraceError("a list of edges has no durations", str(path),
                         "give costs=FILE, a CSV with a row per task and a column per worker type")
    return read_edges(path, options.costs, options.resolution)


def _read_tpch(path: Path, options: ImportOptions) -> Graph:
    beside = path.with_name(path.name.replace(ADJACENCY, DURATIONS))
    return read_tpch(path, options.durations or beside, options.max_tasks)


ADJACENCY, DURATIONS = "adj_mat", "task_duration"      # in the names of Decima's files
FORMATS = {
    "stg": Format("Standard Task Graph Set", lambda path, _options: read_stg(path)),
    "wfformat": Format("WfFormat 1.5 (WfCommons)",
                       lambda path, options: read_wfformat(path, options.speedup)),
    "tpch": Format("Decima's TPC-H arrays, adj_mat_<q>.npy", _read_tpch),
    "edges": Format("list of edges; needs costs=FILE", _read_edges),
    "dag-1": Format("the project's own JSON or folder of CSV tables",
                    lambda path, options: read_graph(path, options.unit, options.resolution)),
}


def import_graph(
    source: str | Path, form: str | None = None, options: ImportOptions | None = None
) -> Graph:
    """The graph of a file, a folder or a generator call; `form` is a key of `FORMATS`, or what is
    recognised."""
    path = Path(source)
    if is_call(str(source)) and form is None:
        return open_graph(str(source), "source")
    if not path.exists():
        raise TraceError("no such file or folder", str(path), "check the path")
    form = form or recognise(path)
    if form not in FORMATS:
        raise TraceError(f'unknown format "{form}"', str(path), nearest(form, FORMATS))
    return FORMATS[form].read(path, options or ImportOptions())


def recognise(path: Path) -> str:
    """The format of a file or folder; a text that is nothing else is taken for a list of edges."""
    name = path.name.lower().removesuffix(".gz")
    if path.is_dir():
        return "dag-1"
    if name.endswith(".json"):
        return "wfformat" if '"schemaVersion"' in read_start(path) else "dag-1"
    if name.endswith(".stg"):
        return "stg"
    return "tpch" if name.endswith(".npy") else "edges"
