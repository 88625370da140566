"""Several jobs on equal GPUs: columns, the optimum with and without growth, its bound."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.core.oracles import Content, Outcome, differences, outcome
from envs.net2net.oracles.folders import beside
from envs.net2net.oracles.model import SCHEMA
from envs.net2net.planning.allocation import lp_bound, optimal
from envs.net2net.planning.jobs import KEYS, Columns, Jobs, columns_of
from envs.net2net.theta import FittedSet


def check_jobs(name: str, content: Content) -> Iterator[Outcome]:
    """Every instance; its parameter sets are those of the file of the model."""
    shipped = beside(content, SCHEMA)["shipped"]
    sets = {key: FittedSet.from_config(key, row, key) for key, row in shipped.items()}
    for number, case in enumerate(content["instances"]):
        yield outcome(f"{name}, {number}", lambda case=case: _instance(case, sets))


def _instance(case: Mapping[str, Any], sets: Mapping[str, FittedSet]) -> list[str]:
    jobs = Jobs.from_config({key: case[key] for key in KEYS})
    columns, want = columns_of(jobs, sets), case["expect"]
    rows = [[k, list(vector)] for k, job in enumerate(jobs.jobs) for vector in jobs.vectors(job)]
    found = [[*row, float(x)] for row, x in zip(rows, columns.accuracy, strict=True)]
    chosen, plain = optimal(columns), optimal(columns, columns.never)
    values = {"total_accuracy": float(columns.accuracy[chosen].sum()),
              "total_accuracy_without_growth": float(columns.never[plain].sum()),
              "lp_bound": lp_bound(columns)}
    return [*differences(case["columns"], found, "columns"),
            *differences({key: want[key] for key in values}, values),
            *_choice(columns, want)]


def _choice(columns: Columns, want: Mapping[str, Any]) -> list[str]:
    """The choice that is named fits, and it is optimal."""
    chosen = np.array(want["one_optimal_choice"])
    used = columns.gpus[chosen].sum(axis=0)
    found = differences(list(range(len(columns.jobs.jobs))), columns.job[chosen].tolist(),
                        "one_optimal_choice: jobs")
    if (used > columns.jobs.gpus).any():
        found.append(f"one_optimal_choice: uses {used.tolist()} GPUs")
    return found + differences(want["total_accuracy"], float(columns.accuracy[chosen].sum()),
                               "one_optimal_choice: accuracy")
