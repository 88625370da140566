"""A user's own Python for `dag`: a plan of a graph, or a score of a task."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.evaluation.callbacks import Guard, PythonFunction, listening, place
from envs.core.errors import PolicyError
from envs.dag.fitting import able
from envs.dag.graph import Graph
from envs.dag.planning import Plan
from envs.dag.policy import SIGNATURE
from envs.dag.scenario import Scenario
from envs.dag.units import NEVER

ARGUMENTS = len(SIGNATURE.args)
NEVER_STARTS = -1.0     # the score of a function that failed


class PythonScore(PythonFunction):
    """A plain function with the arguments of a compiled policy."""

    def __init__(self, function: Any):
        super().__init__(function, ARGUMENTS, NEVER_STARTS)

    def _answer(self, *arguments: float) -> float:
        score = super()._answer(*arguments)
        if math.isnan(score) and not self.errors:
            self.errors.append(ValueError("the score is nan: tasks have no order"))
        return self.failed if self.errors else score


def probe(policy: Any) -> None:
    """`PolicyError` where a compiled policy raises on a plain case."""
    with listening(policy):
        score = policy.ctypes(*[1.0] * ARGUMENTS)
    if math.isnan(score):
        raise PolicyError("the score is nan: tasks have no order", place(policy),
                          "mend the policy")


def user_plan(own: Any, graph: Graph, scenario: Scenario, guard: Guard) -> Plan:
    """The answer of `plan(graph, machine)`: a `Plan`, or workers and starts in ticks, checked."""
    with guard():
        answer = own.plan(graph, scenario.machine)
        given = (answer.worker, answer.start) if isinstance(answer, Plan) else answer
        worker, start = (_whole(part) for part in given)
        _check(worker, start, graph, scenario)
        if isinstance(answer, Plan):
            return answer
        type_of = scenario.machine.type_of
        kind = np.where(worker >= 0, type_of[worker], 0)
        column = np.array([_column(graph, name) for name in scenario.machine.types])
        lasts = np.where(worker >= 0, graph.duration[np.arange(len(graph)), column[kind]], 0)
        return Plan(worker.astype(np.int32), start, start + lasts, int((start + lasts).max()))


def _whole(values: Any) -> np.ndarray:
    """Integers, as int64."""
    found = np.asarray(values)
    if not ((np.abs(found) < NEVER).all() and (np.floor(found) == found).all()):
        raise ValueError("workers and starts are whole numbers (ticks)")
    return found.astype(np.int64)


def _column(graph: Graph, device: str) -> int:
    return graph.types.index(device) if device in graph.types else 0


def _check(worker: np.ndarray, start: np.ndarray, graph: Graph, scenario: Scenario) -> None:
    n, count = len(graph), len(scenario.machine)
    if worker.shape != (n,) or start.shape != (n,):
        raise ValueError(f"plan needs {n} workers and {n} starts")
    real = np.flatnonzero(~graph.virtual)
    wrong = real[(worker[real] < 0) | (worker[real] >= count)]
    if len(wrong):
        raise ValueError(f"task {graph.ids[wrong[0]]!r}: worker {worker[wrong[0]]} does not exist, "
                         f"they are 0 to {count - 1}")
    unable = real[~able(graph, scenario.machine, scenario.options)[real, worker[real]]]
    if len(unable):
        raise ValueError(f"task {graph.ids[unable[0]]!r} cannot run on worker "
                         f"{worker[unable[0]]}")
    worker[graph.virtual] = -1
