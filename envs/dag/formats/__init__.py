"""Graphs in files: dag-1 JSON, or a folder of CSV tables; either may be gzipped.

    graph = read_graph("my_graph.json")
    write_graph(graph, "my_graph/")
"""
from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from envs.core.errors import TraceError
from envs.core.files import parse_json, path_of, write_whole
from envs.dag.formats.dag1 import graph_from, to_dag1
from envs.dag.formats.folder import read_folder, write_folder
from envs.dag.graph import Graph

__all__ = ["graph_from", "read_graph", "to_dag1", "write_graph"]


def read_graph(path: str | Path, unit: str = "s", resolution: int = 1) -> Graph:
    """The graph of a .json or .json.gz file, or of a folder of CSV tables in `unit`."""
    path = path_of(path)
    if path.is_dir():
        return read_folder(path, unit, resolution)
    if not path.name.lower().endswith((".json", ".json.gz")):
        raise TraceError("the file name does not say its format", str(path),
                         "give a *.json or *.json.gz file in dag-1, or a folder of CSV tables; "
                         "scripts/import_trace.py reads other formats")
    return graph_from(_content(path), str(path), path.name.split(".")[0])


def write_graph(graph: Graph, path: str | Path) -> None:
    """Write dag-1 to a .json or .json.gz file, or CSV tables to any other path, a folder."""
    path = Path(path)
    if not path.name.lower().endswith((".json", ".json.gz")):
        write_folder(graph, path)
        return
    text = json.dumps(to_dag1(graph), separators=(",", ":")).encode() + b"\n"
    packed = path.name.lower().endswith(".gz")
    write_whole(path, gzip.compress(text, 9, mtime=0) if packed else text)


def _content(path: Path) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise TraceError(f"{key!r} is listed twice in one object", str(path), "rename one")
            found[key] = value
        return found

    return parse_json(path, TraceError, once)
