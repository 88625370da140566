"""Oracle files of the domain `dag` that are about PyTorch models and the policy library."""
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from agents.library.gate import gate
from agents.library.generality import errors_of, specialist, summary
from agents.library.split import split
from agents.oracles.models import built
from agents.torch_graphs import Roofline, graph_of
from envs.core.oracles import Kinds, Outcome, differences, outcome
from envs.dag.graph import canonical_text, checksum
from envs.dag.oracles.families import check_families
from envs.dag.oracles.graphs import facts

RULE = "mct_wait"       # version 0 of every library
LOOSE, TIGHT = 0.10, 0.02       # generality errors that a split must reach


def check_models(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Graphs of PyTorch models."""
    for case in content["models"]:
        yield outcome(f"{name}, {case['name']}", lambda case=case: _model(case))


def _model(case: Mapping[str, Any]) -> list[str]:
    model, example = built(case["source"]), torch.zeros(case["input"])
    graph = graph_of(model, example)
    edges = zip(graph.src.tolist(), graph.dst.tolist(), strict=True)
    cpu, gpu = (graph.duration[:, graph.types.index(y)].tolist() for y in ("cpu", "gpu"))
    rows = zip(graph.ids, [graph.kinds[k] for k in graph.kind], *_costs(model, example), cpu, gpu,
               strict=True)
    found = {"tasks": [list(row) for row in rows], "edges": [list(edge) for edge in edges],
             "tiles": dict(zip(graph.tiles, graph.tile_bytes.tolist(), strict=True)),
             "critical_path": facts(graph)["critical_path"], "canonical": canonical_text(graph),
             "checksum": checksum(graph)}
    return differences({key: case[key] for key in found}, found)


def _costs(model: torch.nn.Module, example: torch.Tensor) -> tuple[list[int], list[int]]:
    """Flops and bytes of every task: seconds on devices that do one of either in a second."""
    graph = graph_of(model, example, Roofline(0, 1, math.inf), Roofline(0, math.inf, 1))
    flops, size = (graph.duration[:, graph.types.index(y)] // graph.ticks_per_unit
                   for y in ("cpu", "gpu"))
    return flops.tolist(), size.tolist()


def check_library(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Features and signatures of graphs; generality errors, gates and splits of cost tables."""
    yield from check_families(name, content)
    for number, table in enumerate(content.get("tables", ())):
        place, numbers = f"{name}, table {number}", _numbers(table)
        yield outcome(f"{place}, errors", lambda t=table, n=numbers: _errors(t, n))
        for row in table["gate"]:
            yield outcome(f"{place}, {row['candidate']} against {row['champion']}",
                          lambda t=table, row=row: _gate(t, row))
        yield outcome(f"{place}, split", lambda t=table, n=numbers: _split(t, n))


def _numbers(table: Mapping[str, Any]) -> dict[str, int]:
    """Versions by name, in their order."""
    return {name: i for i, name in enumerate(table["versions"])}


def _best(table: Mapping[str, Any]) -> dict[str, float]:
    """A of each family's specialist."""
    return {d: table["A"][version][d] for d, version in table["specialist"].items()}


def _errors(table: Mapping[str, Any], numbers: Mapping[str, int]) -> list[str]:
    families, best = table["families"], _best(table)
    rows = {m: errors_of(table["A"][m], best) for m in numbers}
    accuracy = {d: {numbers[m]: table["A"][m][d] for m in numbers} for d in families}
    served = {d: list(numbers)[specialist(accuracy[d], [numbers[table["specialist"][d]]])]
              for d in families}
    found = {"specialist": served, "g": {m: [rows[m][d] for d in families] for m in rows},
             "g_mean": {m: summary(rows[m]).mean for m in rows},
             "g_max": {m: summary(rows[m]).max for m in rows}}
    return differences({key: table[key] for key in found}, found)


def _gate(table: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    champion = None if row["champion"] is None else table["A"][row["champion"]]
    failed = gate(table["A"][row["candidate"]], champion, _best(table))
    return differences(row["failed"], [failure.clause for failure in failed], "failed")


def _split(table: Mapping[str, Any], numbers: Mapping[str, int]) -> list[str]:
    errors = {numbers[m]: dict(zip(table["families"], table["g"][m], strict=True))
              for m in numbers}
    names = list(numbers)
    found = {key: [names[m] for m in split(errors, table["families"], tau).chosen]
             for key, tau in (("split", LOOSE), ("split_tau_02", TIGHT))}
    return differences({key: table[key] for key in found}, found)


KINDS: Kinds = {"fx.json": check_models, "library.json": check_library}
