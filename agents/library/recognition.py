"""Scenarios of the domain as families: signatures of their graphs, features, fixed cases."""
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agents.library.families import Family
from agents.store import folder_name
from envs.core.errors import PolicyError
from envs.core.files import REPOSITORY
from envs.core.workloads import trace_path
from envs.dag.features import features
from envs.dag.generate import is_call
from envs.dag.graph import Graph
from envs.dag.scenario import Scenario
from envs.dag.signature import signature
from envs.dag.workloads import SHIPPED, open_workload, workload_names

FIRST_TRAINING = 0      # episode seed whose graphs stand for the training part


def family_of(scenario: Scenario, name: str | None = None) -> Family:
    """The family that a scenario would make; `name` defaults to the scenario's."""
    empty = Family(folder_name(name or scenario.name), plain_config(scenario))
    pools = {part: open_workload(None, scenario).pool(part) for part in ("train", "validation")}
    graphs = [job.graph for case, _ in empty.cases for job in pools["validation"].trace(case).jobs]
    seen = [*pools["train"].graphs, *graphs,
            *(job.graph for job in pools["train"].trace(FIRST_TRAINING).jobs)]
    return Family(empty.name, empty.scenario, empty.cases,
                  tuple(sorted(signatures(seen, scenario))), features_of(graphs, scenario))


def name_of(graph: str) -> str:
    """The name of a family that one graph makes: that of its file, or its call in one word."""
    stem = re.sub(r"\.(json|csv)(\.gz)?$", "", Path(graph).name)
    return folder_name(re.sub(r"[^A-Za-z0-9.-]+", "_", stem).strip("_.")[:48])


def on_graph(scenario: Scenario, graph: str) -> Scenario:
    """The scenario with this graph (a path, a name, a call) in place of its own."""
    return replace(scenario.replace(workload=[placed(graph)]),
                   name=f"{scenario.name}_{name_of(graph)}")


def placed(graph: str) -> str:
    """A call as it is, else the file or folder of the graph: found from anywhere."""
    if is_call(graph):
        return graph
    path = trace_path(graph, SHIPPED, workload_names)
    if path.is_file() and not path.name.lower().endswith((".json", ".json.gz")):
        raise PolicyError("a table of jobs makes no family", graph,
                          "give a graph, or a scenario with its graphs and `poisson`")
    return str(path.resolve())


def signatures(graphs: Iterable[Graph], scenario: Scenario) -> set[str]:
    """Those of distinct graphs on the scenario's machine under its noise."""
    options = scenario.options
    return {signature(graph, scenario.machine, options.noise, options.greatest_sigma)
            for graph in {id(g): g for g in graphs}.values()}


def features_of(graphs: Iterable[Graph], scenario: Scenario) -> tuple[float, ...]:
    """z, mean over the graphs."""
    known: dict[int, np.ndarray] = {}
    rows = [known.setdefault(id(g), features(g, scenario.machine, scenario.options))
            if id(g) not in known else known[id(g)] for g in graphs]
    return tuple(float(x) for x in np.mean(rows, axis=0))


def plain_config(scenario: Scenario) -> dict[str, Any]:
    """The whole scenario as YAML and JSON have it, independent of where its file lay."""
    config = {**scenario.config, "name": scenario.name, "machine": scenario.machine.to_config()}
    if scenario.folder is not None and "workload" in config:
        config["workload"] = _placed(config["workload"], scenario.folder)
    return json.loads(json.dumps(config))


def _placed(value: Any, folder: Path) -> Any:
    """Paths beside the file as the repository, or else the system, has them."""
    if isinstance(value, Mapping):
        return {k: _placed(v, folder) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_placed(v, folder) for v in value]
    if isinstance(value, str) and (folder / value).is_file():
        place = (folder / value).resolve()
        inside = place.is_relative_to(REPOSITORY)
        return str(place.relative_to(REPOSITORY) if inside else place)
    return value
