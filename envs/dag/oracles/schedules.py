"""Planners, ranks, policies, bounds and optima on single graphs."""
from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from envs.core.oracles import Outcome, differences, outcome
from envs.dag.bounds import lower_bounds
from envs.dag.exact import optimum
from envs.dag.graph import Graph, checksum
from envs.dag.importers.stg import read_stg
from envs.dag.oracles.graphs import check_counts
from envs.dag.oracles.runs import scenario_of, trace_of
from envs.dag.oracles.situations import check_tiled_memory, compare_makespans
from envs.dag.planning import PLANNERS, plan, ranks
from envs.dag.scenario import Scenario

PROVED = "OPTIMAL"
ROUNDED = 1e-6              # bounds are given to six places
SECONDS = 2.0               # for a solver: its bound and value must enclose the known ones
PROVEN = ("optimum", "lb")      # keys of STG results that are no schedule


def check_static(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Published and random instances of the macro-dataflow model."""
    for case in content["instances"]:
        place, scenario = f"{name}, {case['name']}", scenario_of(case)
        graph = trace_of(case).jobs[0].graph
        yield outcome(f"{place}, ranks", lambda c=case, g=graph, s=scenario: _ranks(c, g, s))
        for planner, want in case.get("planners", {}).items():
            yield outcome(f"{place}, {planner}", lambda p=planner, w=want, g=graph, s=scenario:
                          differences(w, _schedule(p, g, s, w)))
        yield outcome(f"{place}, policies",
                      lambda c=case: compare_makespans(c, c.get("policies", {})))
        if "optimum" in case:
            yield outcome(f"{place}, optimum", lambda c=case, g=graph, s=scenario: _enclosed(
                _proved(c["optimum"]), g, s))


def _ranks(case: Mapping[str, Any], graph: Graph, scenario: Scenario) -> list[str]:
    found = ranks(graph, scenario.machine)
    return [line for key in ("rank_u", "rank_d", "oct") if key in case
            for line in differences(case[key], found[key].tolist(), key)]


def _schedule(planner: str, graph: Graph, scenario: Scenario,
              asked: Mapping[str, Any]) -> dict[str, Any]:
    found = plan(planner, graph, scenario.machine, scenario.options)
    rows = zip(range(len(graph)), found.worker.tolist(), found.start.tolist(),
               found.finish.tolist(), strict=True)
    known = {"makespan": found.makespan, "schedule": [list(row) for row in rows]}
    return {key: known[key] for key in asked}


def check_tiled(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Tiled linear algebra: closed forms, schedules without communication, little memory."""
    yield from check_counts(name, content.get("counts", ()))
    for case in content.get("plain", ()):
        with warnings.catch_warnings():         # not every machine has both types
            warnings.simplefilter("ignore")
            yield from list(_plain(f"{name}, {case['id']}", case))
    yield from check_tiled_memory(name, content.get("memory", ()))


def _plain(place: str, case: Mapping[str, Any]) -> Iterator[Outcome]:
    scenario, graph = scenario_of(case), trace_of(case).jobs[0].graph
    planners, policies = case.get("planners", {}), case.get("policies", {})
    yield outcome(f"{place}, planners", lambda: _planners(planners, graph, scenario))
    yield outcome(f"{place}, policies", lambda: compare_makespans(case, policies))
    if "bounds" in case:
        yield outcome(f"{place}, bounds", lambda: differences(case["bounds"], lower_bounds(
            graph, scenario.machine, scenario.options), "bounds", ROUNDED))
    if "exact" in case:
        yield outcome(f"{place}, exact", lambda: _enclosed(case["exact"], graph, scenario))


def _planners(want: Mapping[str, int], graph: Graph, scenario: Scenario) -> list[str]:
    found = {planner: plan(planner, graph, scenario.machine, scenario.options).makespan
             for planner in want}
    return differences(want, found, "planners")


def _proved(value: int) -> dict[str, Any]:
    return {"status": PROVED, "value": value, "bound": value}


def _enclosed(want: Mapping[str, Any], graph: Graph, scenario: Scenario) -> list[str]:
    """A solver with little time: what it proves must not contradict what is known."""
    found = optimum(graph, scenario.machine, SECONDS)
    wrong = []
    if found.bound > want["value"]:
        wrong.append(f"bound: expected at most {want['value']}, got {found.bound}")
    if found.value is not None and found.value < want["bound"]:
        wrong.append(f"value: expected at least {want['bound']}, got {found.value}")
    if found.status == want["status"] == PROVED:
        wrong += differences(want["value"], found.value, "value")
    return wrong


def check_stg(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Standard task graphs on 2, 4 and 8 processors."""
    for case in content["graphs"]:
        graph = _stg(case)
        yield outcome(f"{name}, {case['name']}", lambda case=case, graph=graph:
                      differences(case["checksum"], checksum(graph), "checksum"))
        for count, want in case["results"].items():
            yield outcome(f"{name}, {case['name']} on {count}", lambda graph=graph, count=count,
                          want=want: _processors(graph, int(count), want))


def _stg(case: Mapping[str, Any]) -> Graph:
    rows = [[i, time, len(before), *before]
            for i, (time, before) in enumerate(zip(case["time"], case["preds"], strict=True))]
    lines = [str(len(rows) - 2), *(" ".join(map(str, row)) for row in rows)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{case['name']}.stg"
        path.write_text("\n".join(lines) + "\n")
        return read_stg(path)


def _processors(graph: Graph, count: int, want: Mapping[str, int]) -> list[str]:
    machine = {"unit": "1", "comm": "none", "workers": [{"type": "cpu", "count": count}]}
    case = {"machine": machine, "graph": graph}
    scenario = scenario_of(case)
    schedules = {key: x for key, x in want.items() if key not in PROVEN}
    planners = {key: x for key, x in schedules.items() if key in PLANNERS}
    policies = {key: x for key, x in schedules.items() if key not in PLANNERS}
    wrong = _planners(planners, graph, scenario) + compare_makespans(case, policies)
    if "lb" in want:
        found = lower_bounds(graph, scenario.machine, scenario.options)
        wrong += differences(want["lb"], found["lb"], "lb")
    if "optimum" in want:
        wrong += _enclosed(_proved(want["optimum"]), graph, scenario)
    return wrong
