"""Rewards per decision (section 8)."""

import itertools
import math

from . import policies
from .search import cut, search
from .simulator import Simulator


def critical_path(system, job: int) -> int:
    """Longest path in least expected durations."""
    return max(system.ahead((job, t), math.inf) for t in range(len(system.graph[job])))


def lb0(system, job: int) -> int:
    """Critical path, or all least work shared by all workers."""
    work = sum(system.least((job, t)) for t in range(len(system.graph[job])))
    return max(critical_path(system, job), -(-work // len(system.machine.workers)))


def reference(system) -> float:
    """`ref`: mean LB0, at least a tick."""
    return max(1.0, sum(lb0(system, job) for job in system.jobs) / len(system.jobs))


def value(system, state, objective: str = "makespan") -> float:
    """What a finished run is worth."""
    if objective == "makespan":
        return max(state.finished.values())
    return sum(state.finished[j] - system.arrival[j] for j in system.jobs) / len(system.jobs)


def ahead(simulator, oracle: str, objective: str = "makespan", policy: str = "mct_wait") -> float:
    """H(s) of the state before a decision, or at the end."""
    system = simulator.system
    if simulator.state.asking is None:
        return value(system, simulator.state, objective)
    if oracle == "bound":
        return cut(simulator)
    if oracle == "exact":
        return search(system, state=simulator.state.copy()).value
    imagined = Simulator(system, simulator.state.copy(), actual=True)
    policies.run(system, policy, simulator=imagined)
    return value(system, imagined.state, objective)


def in_system(system, state, start: int, end: int) -> int:
    """Integral of the number of arrived unfinished jobs."""
    return sum(max(0, min(end, state.finished[j]) - max(start, system.arrival[j]))
               for j in system.jobs)


def rewards(system, answers, reward: str, oracle: str = "rollout", objective: str = "makespan",
            unit: float | None = None, policy: str = "mct_wait") -> list[float]:
    """The reward of every decision of a run; `answers(simulator)` gives the next one."""
    simulator, times, h = Simulator(system), [], []
    while simulator.pending() is not None:
        times.append(simulator.state.now if times else 0)
        if reward == "regret":
            h.append(ahead(simulator, oracle, objective, policy))
        simulator.answer(answers(simulator))
    state, ref = simulator.state, reference(system) if unit is None else unit
    times.append(max(state.finished.values()))
    if reward == "regret":
        h.append(ahead(simulator, oracle, objective, policy))
        return [(before - after) / ref for before, after in itertools.pairwise(h)]
    spans = list(itertools.pairwise(times))
    if reward == "makespan":
        return [-(end - start) / ref for start, end in spans]
    if reward == "jct":
        return [-in_system(system, state, start, end) / (len(system.jobs) * ref)
                for start, end in spans]
    best = value(system, policies.run(system, "mct_wait").state, objective)
    return [0.0] * (len(spans) - 1) + [(best - value(system, state, objective))
                                          / max(1.0, best)]
