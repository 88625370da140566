"""Graphs, machines and options that must be refused, and what is said."""
from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from envs.core.errors import SuiteError
from envs.core.oracles import Outcome, differences
from envs.dag.fitting import check_fit
from envs.dag.formats import graph_from
from envs.dag.oracles.runs import scenario_of


def check_inputs(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every case of a file."""
    for number, case in enumerate(content["cases"]):
        yield Outcome(f"{name}, {number}", tuple(_compare(case)))


def _compare(case: Mapping[str, Any]) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _build(case)
    except SuiteError as error:
        return [] if case["message"] in str(error) else \
            differences(case["message"], str(error), "message")
    return differences(case["message"], None, "message")


def _build(case: Mapping[str, Any]) -> None:
    graph = graph_from(case["graph"]) if "graph" in case else None
    scenario = scenario_of(case) if "machine" in case else None
    if graph is not None and scenario is not None:
        check_fit(graph, scenario.machine, scenario.options)
