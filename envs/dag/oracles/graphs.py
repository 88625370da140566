"""Graphs: generators, importers and formats, by counts, checksum and canonical text."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from envs.core.oracles import OracleError, Outcome, differences, outcome
from envs.dag.features import critical_path
from envs.dag.formats import read_graph
from envs.dag.generate import open_graph
from envs.dag.graph import Graph, canonical_text, checksum
from envs.dag.importers.edge_list import read_edges
from envs.dag.importers.stg import read_stg
from envs.dag.importers.tpch import read_tpch
from envs.dag.importers.wfformat import read_wfformat
from envs.dag.signature import structure_hash

Case = Mapping[str, Any]


def check_generators(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every call, and the texts in full."""
    for row in content["graphs"]:
        yield outcome(f"{name}, {row['call']}", lambda row=row: differences(
            {key: row[key] for key in row if key != "call"}, facts(open_graph(row["call"], name))))
    for call, text in content.get("canonical_text", {}).items():
        yield outcome(f"{name}, text of {call}", lambda call=call, text=text: differences(
            text, canonical_text(open_graph(call, name)), "canonical_text"))


def facts(graph: Graph) -> dict[str, Any]:
    """What an oracle of a generator holds."""
    work = {y: int(graph.duration[:, i].clip(0).sum()) for i, y in enumerate(graph.types)}
    return {"tasks": len(graph), "edges": len(graph.src), "tiles": len(graph.tiles),
            "bytes": int(graph.tile_bytes.sum()), "payload": int(graph.payload.sum()),
            "work": work, "critical_path": critical_path(graph, least(graph)),
            "checksum": checksum(graph), "signature": structure_hash(graph)}


def least(graph: Graph) -> np.ndarray:
    """Least duration of each task, ticks, i8 (n,); 0 for virtual ones."""
    known = np.where(graph.duration < 0, np.iinfo(np.int64).max, graph.duration)
    return np.where(graph.virtual, 0, known.min(axis=1))


def check_counts(name: str, rows: list[Mapping[str, Any]]) -> Iterator[Outcome]:
    """Closed forms of tiled linear algebra, in units of its weights."""
    for row in rows:
        call = f"{row['generator']}(n={row['n']},table=flops_{row['generator']})"
        yield outcome(f"{name}, {call}", lambda call=call, row=row: differences(
            {key: row[key] for key in row if key not in ("generator", "n")}, _closed(call)))


def _closed(call: str) -> dict[str, Any]:
    graph = open_graph(call, "counts")
    kinds = Counter(graph.kinds[k] for k in graph.kind.tolist())
    return {"tasks": len(graph), "edges": len(graph.src),
            "critical_path": critical_path(graph, least(graph)), "total": int(least(graph).sum()),
            "kinds": dict(sorted(kinds.items()))}


def check_formats(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """A small input of each format."""
    for case in content["cases"]:
        yield outcome(f"{name}, {case['format']}", lambda case=case: _compare(case, content))


def _compare(case: Case, content: Mapping[str, Any]) -> list[str]:
    form = case["format"].split()[0].partition("_")[0]
    if form not in READERS:
        raise OracleError(f"unknown format {form}", content.where, f"known: {', '.join(READERS)}")
    with TemporaryDirectory() as folder:
        graph = READERS[form](Path(folder), case, content)
    bytes_ = zip(graph.src.tolist(), graph.dst.tolist(), graph.carried.tolist(), strict=True)
    found = {"canonical": canonical_text(graph), "checksum": checksum(graph),
             "matrix_bytes": [list(row) for row in bytes_]}
    return differences({key: case[key] for key in found}, found)


def _written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def _csv(folder: Path, case: Case, _content: Case) -> Graph:
    for name, text in case["input"].items():
        _written(folder, name, text)
    unit = case["format"].partition("unit ")[2].rstrip(")")
    return read_graph(folder, unit=unit or "s")


def _edges(folder: Path, case: Case, _content: Case) -> Graph:
    given = case["input"]
    rows = [",".join("" if x is None else str(x) for x in row) for row in given["costs"]]
    costs = _written(folder, "costs.csv", "\n".join(rows) + "\n")
    return read_edges(_written(folder, "edges.txt", given["edges"]), costs, given["resolution"])


def _decima(folder: Path, case: Case, content: Case) -> Graph:
    given = case["input"]
    if "same" in given:
        given = next(c["input"] for c in content["cases"] if c["format"] == given["same"])
    stages = {int(stage): {wave: {int(e): times for e, times in by.items()}
                           for wave, by in waves.items()}
              for stage, waves in given["durations"].items()}
    paths = folder / "adj_mat_1.npy", folder / "task_duration_1.npy"
    np.save(paths[0], np.array(given["adj"]))
    np.save(paths[1], np.array(stages, dtype=object))
    return read_tpch(*paths, case["input"].get("max_tasks"))


READERS: dict[str, Callable[[Path, Case, Case], Graph]] = {
    "stg": lambda folder, case, _: read_stg(_written(folder, "g.stg", case["input"])),
    "wfformat": lambda folder, case, content: read_wfformat(
        _written(folder, "g.json", case["input"]), **content["wfformat_options"]),
    "decima": _decima, "edges": _edges,
    "dag-1": lambda folder, case, _: read_graph(_written(folder, "g.json", case["input"])),
    "csv": _csv,
}
