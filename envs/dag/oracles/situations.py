"""Small runs under one policy or several: times, counts and logs."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envs.core.oracles import Outcome, differences, outcome
from envs.dag.foresight import search
from envs.dag.oracles.runs import log, makespans, run_of, scenario_of, summary, trace_of
from envs.dag.planning import plan

NODES = 1_000_000       # decisions that a search for the best schedule may try
TILED = ("makespan", "fetch", "stage", "writeback", "evictions", "waits")


def check_units(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Situations that can be followed by hand, one policy each."""
    for case in content["cases"]:
        yield outcome(f"{name}, {case['name']}", lambda case=case: compare(case))


def compare(case: Mapping[str, Any]) -> list[str]:
    """Summary and log of a case with a policy of its own."""
    return _compare_run(case, case["policy"], case["summary"], case.get("log"))


def _compare_run(case: Mapping[str, Any], policy: str, want: Mapping[str, Any],
                 wanted_log: Mapping[str, Any] | None, field: str = "") -> list[str]:
    run = run_of(case, policy)
    found = differences(want, summary(run), f"{field}summary")
    return found if wanted_log is None else found + differences(wanted_log, log(run), f"{field}log")


def check_memory(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Random instances with all options under all policies."""
    for case in content["cases"]:
        place = f"{name}, {case['id']}"
        for policy, want in case["summary"].items():
            yield outcome(f"{place}, {policy}", lambda case=case, policy=policy, want=want:
                          _compare_run(case, policy, want, case.get("log", {}).get(policy)))
        if "plan" in case:
            yield outcome(f"{place}, plan", lambda case=case: _compare_plans(case))
        if "best" in case:
            yield outcome(f"{place}, best", lambda case=case: _compare_best(case))


def _compare_plans(case: Mapping[str, Any]) -> list[str]:
    scenario, graph = scenario_of(case), trace_of(case).jobs[0].graph
    found = {planner: plan(planner, graph, scenario.machine, scenario.options).makespan
             for planner in case["plan"]}
    return differences(case["plan"], found, "plan")


def _compare_best(case: Mapping[str, Any]) -> list[str]:
    scenario = scenario_of(case)
    found = search(scenario, trace_of(case), scenario.options.seed, NODES)
    return differences([case["best"], True], [found.value, found.complete], "best")


def check_streams(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Jobs that arrive over time."""
    for number, case in enumerate(content["cases"]):
        for policy, want in case["results"].items():
            yield outcome(f"{name}, {number}, {policy}", lambda case=case, policy=policy, want=want:
                          differences(want, _asked(run_of(case, policy), want), "result"))


def _asked(run: Any, want: Mapping[str, Any]) -> dict[str, Any]:
    found = summary(run)
    return {key: found[key] for key in want}


def check_tiled_memory(name: str, cases: list[Mapping[str, Any]]) -> Iterator[Outcome]:
    """Cholesky on machines with little memory."""
    for number, case in enumerate(cases):
        place = f"{name}, memory {number}: {case['graph']}"
        for policy, want in case["results"].items():
            yield outcome(f"{place}, {policy}", lambda case=case, policy=policy, want=want:
                          _compare_counts(case, policy, want))


def _compare_counts(case: Mapping[str, Any], policy: str, want: list[int]) -> list[str]:
    found = summary(run_of(case, policy))
    return differences(dict(zip(TILED, want, strict=True)), {key: found[key] for key in TILED})


def compare_makespans(case: Mapping[str, Any], want: Mapping[str, int]) -> list[str]:
    """Makespans under each policy of `want`."""
    return differences(want, makespans(case, want), "policies")
