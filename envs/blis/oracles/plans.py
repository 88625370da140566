"""From counts to devices, the ladder of head-rooms, Clipper's variants."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from envs.blis.oracles.programs import GAP, TIME_LIMIT_S, compare_solution, problem_of
from envs.blis.planning import programs
from envs.blis.planning.clipper import variants
from envs.blis.planning.ladder import descend
from envs.blis.planning.placement import place
from envs.blis.planning.programs import Problem
from envs.blis.scenario import Scenario
from envs.blis.system import bind
from envs.core.oracles import Outcome, differences, outcome

BETA_MIN = 0.2
RULES = {"clipper_ha": "most_accurate", "clipper_ht": "throughput",
         "clipper_ht least_accurate": "least_accurate"}


def check_planning(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Each placement, each ladder, each rule of Clipper."""
    for i, case in enumerate(content["placement"]):
        yield outcome(f"{name}, placement {i}", lambda case=case: _compare_placement(case))
    for i, case in enumerate(content.get("ladder", ())):
        yield outcome(f"{name}, ladder {i}", lambda case=case: _compare_ladder(case))
    for rule, choice in content.get("clipper", {}).get("choice", {}).items():
        yield outcome(f"{name}, {rule}", lambda rule=rule, choice=choice: _compare_choice(
            content["clipper"], rule, choice))


def _indices(values: Sequence[int | None]) -> np.ndarray:
    return np.array([-1 if v is None else v for v in values], np.int64)


def _compare_placement(case: Mapping) -> list[str]:
    problem = Problem(np.array(case["N"]), np.array(case["p"], float),
                      np.array(case["variants_family"]), np.zeros(0), np.zeros(0))
    home = None if case["home"] is None else _indices(case["home"])
    target, weight = place(
        problem, np.array(case["n"]), np.array(case["y"], float),
        np.repeat(np.arange(len(case["N"])), case["N"]), _indices(case["present"]), case["spare"],
        home)
    got = {"target": [None if j < 0 else j for j in target.tolist()], "weight": weight.tolist()}
    return differences({key: case[key] for key in got}, got)


def _compare_ladder(case: Mapping) -> list[str]:
    found = descend(lambda beta: programs.proteus(problem_of(case), beta).solve(GAP, TIME_LIMIT_S),
                    case["beta_start"], BETA_MIN)
    if found.beta != case["beta_used"]:
        return differences(case["beta_used"], found.beta, "beta_used")
    return compare_solution({**case, "beta": found.beta}, found)


def _compare_choice(case: Mapping, rule: str, choice: Sequence[str]) -> list[str]:
    scenario = Scenario.from_config({"accelerators": case["accelerators"],
                                     "batch_sizes": case["batch_sizes"]})
    families = case["families"]
    s = bind(scenario, families, dict.fromkeys(families, case["slo_ms"]))
    problem = Problem(s.count, s.peak, s.variant_family, s.accuracy, np.ones(len(families)))
    names = [s.variants[j].split("/")[1] for j in variants(problem, RULES[rule])]
    return differences(list(choice), names, "choice")
