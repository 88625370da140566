"""Sia's integer programs: the optimum, and a choice that fits and is worth it."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.cluster.planning.sia import SiaProblem, choose_configurations
from envs.core.lp import Unsolved
from envs.core.oracles import Outcome, differences, outcome

TOLERANCE = 1e-6
TIME_LIMIT_S = 60.0


def check_sia(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """One program."""
    yield outcome(name, lambda: _compare(content))


def problem_of(content: Mapping[str, Any]) -> SiaProblem:
    """The program of a file."""
    arrays = {"goodput": "goodput", "config_gpus": "config_gpus", "config_type": "config_type",
              "capacity": "capacity", "factor": "realloc_factor", "present": "present_config"}
    return SiaProblem(**{field: np.array(content[key]) for field, key in arrays.items()},
                      power=content["p"], penalty=content["no_allocation_penalty"],
                      time_limit_s=TIME_LIMIT_S)


def _compare(content: Mapping[str, Any]) -> list[str]:
    problem = problem_of(content)
    try:
        found = choose_configurations(problem)
    except Unsolved as failure:
        return [f"objective: expected {content['expected_objective']!r}, got {failure.status}"]
    lines = differences([content["expected_objective"]] * 2,
                        [found.objective, value(content, found.config)], "objective", TOLERANCE)
    used = np.zeros(len(problem.capacity))
    chosen = found.config[found.config >= 0]
    np.add.at(used, problem.config_type[chosen], problem.config_gpus[chosen])
    return lines + (["capacity is broken"] if (used > problem.capacity).any() else [])


def value(content: Mapping[str, Any], config: np.ndarray) -> float:
    """The objective of a choice, recomputed from the data."""
    total = 0.0
    for i, c in enumerate(config.tolist()):
        if c < 0:
            total += content["no_allocation_penalty"]
            continue
        row = content["goodput"][i]
        factor = 1.0 if c == content["present_config"][i] else content["realloc_factor"][i]
        good = row[c] / min(g for g in row if g > 0) * factor
        total += min(good**content["p"], 1e4) if good > 0 else 1e4
    return total
