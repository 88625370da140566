"""What tells graphs apart: features and signatures."""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from envs.core.oracles import Outcome, differences, outcome
from envs.dag.features import features
from envs.dag.generate import open_graph
from envs.dag.graph import Graph
from envs.dag.oracles.runs import scenario_of
from envs.dag.signature import signature, structure_hash

RENAMED = re.compile(r"(.+\)) with (.+) renamed (.+)")
NOISE = re.compile(r"([a-z]+)([\d.]+)")         # `lognormal0.20`


def check_families(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Features and signatures of a few graphs."""
    for number, case in enumerate(content.get("features", ())):
        yield outcome(f"{name}, features {number}: {case['graph']}",
                      lambda case=case: _features(case))
    for number, case in enumerate(content.get("signatures", ())):
        yield outcome(f"{name}, signature {number}: {case['graph']}",
                      lambda case=case: _signature(case))


def _features(case: Mapping[str, Any]) -> list[str]:
    seen: dict[str, Any] = {None: {}, 0: {"visible": "frontier"}}.get(
        case["window"], {"visible": "window", "window": case["window"]})
    scenario = scenario_of(case, noise="lognormal", sigma=case["sigma"], **seen)
    found = features(_graph(case["graph"]), scenario.machine, scenario.options)
    return differences(case["features"], found.tolist(), "features")


def _graph(text: str) -> Graph:
    """Of a call, perhaps `CALL with cpu, gpu renamed p0, p1`."""
    found = RENAMED.fullmatch(text)
    if found is None:
        return open_graph(text, "oracle")
    graph, names = open_graph(found[1], "oracle"), (part.split(", ") for part in found.groups()[1:])
    renamed = dict(zip(*names, strict=True))
    return replace(graph, types=tuple(renamed.get(name, name) for name in graph.types))


def _signature(case: Mapping[str, Any]) -> list[str]:
    graph, (noise, sigma) = open_graph(case["graph"], "oracle"), NOISE.fullmatch(
        case["noise"]).groups()
    found = {"hash": structure_hash(graph),
             "signature": signature(graph, case["machine"], noise, float(sigma))}
    return differences({key: case[key] for key in found}, found)
