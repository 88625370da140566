"""What a case can be at best: a proved optimum where one is known, else a lower bound.

Both are the same for every contender, so they are kept on disk beside the scores of baselines.
"""
from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from agents.evaluation import cache
from envs.dag.bounds import lower_bounds
from envs.dag.durations import actual_durations
from envs.dag.exact import optimum
from envs.dag.planning import Plan
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario

SECONDS = 10.0          # that CP-SAT has to prove an optimum
MOST_PROVED = 130       # tasks, beyond which it is not tried
_KNOWN: dict[str, Any] = {}     # limits by key, in this process


@dataclass(frozen=True)
class Limits:
    """Lower bounds (ticks) of every job, and the optimum of the only one with its plan."""

    bounds: list[dict[str, float]]
    optimum: int | None = None
    status: str = "not tried"           # of the solver
    seconds: float = 0.0
    plan: dict[str, list[int]] = field(default_factory=dict)    # worker, start, finish

    @property
    def proved(self) -> bool:
        """Whether the optimum is known."""
        return self.optimum is not None

    def best(self) -> list[float]:
        """What each job can be at best, ticks."""
        return [self.optimum] if self.optimum is not None else [b["lb"] for b in self.bounds]

    def as_plan(self) -> Plan:
        """The best schedule of a proved optimum."""
        worker, start, finish = (np.array(self.plan[k], np.int64)
                                 for k in ("worker", "start", "finish"))
        return Plan(worker.astype(np.int32), start, finish, self.optimum)


def limits(scenario: Scenario, trace: Trace, seed: int) -> Limits:
    """The limits of a trace under a seed, which matters only with noise."""
    key = _key(scenario, trace, seed if scenario.options.noise != "none" else 0)
    if key not in _KNOWN:
        kept = cache.read(key)
        if kept is not None and set(kept) == {f.name for f in fields(Limits)}:
            _KNOWN[key] = Limits(**kept)
        else:
            _KNOWN[key] = _found(scenario, trace, seed)
            cache.write(key, asdict(_KNOWN[key]))
    return _KNOWN[key]


def provable(scenario: Scenario, trace: Trace) -> bool:
    """Whether a proof is tried: one small job whose durations and transfers are plain numbers."""
    options = scenario.options
    return (scenario.machine.comm != "tiles" and options.noise == "none"
            and options.wait == "allowed" and len(trace.jobs) == 1
            and trace.jobs[0].arrival == 0 and len(trace.jobs[0].graph) <= MOST_PROVED)


def _found(scenario: Scenario, trace: Trace, seed: int) -> Limits:
    bounds = [_bounds(scenario, trace, seed, j) for j in range(len(trace.jobs))]
    if not provable(scenario, trace):
        return Limits(bounds)
    graph = trace.jobs[0].graph
    exact = optimum(graph, scenario.machine, SECONDS)
    if exact.status != "OPTIMAL":
        return Limits(bounds, None, exact.status, exact.seconds)
    plan = {k: np.asarray(getattr(exact.plan, k)).tolist() for k in ("worker", "start", "finish")}
    return Limits(bounds, int(exact.value), exact.status, exact.seconds, plan)


def _bounds(scenario: Scenario, trace: Trace, seed: int, job: int) -> dict[str, float]:
    machine, options = scenario.machine, scenario.options
    graph = trace.jobs[job].graph
    drawn = actual_durations(graph, machine, options, seed, job)
    return {k: float(v) for k, v in lower_bounds(graph, machine, options, drawn).items()}


def _key(scenario: Scenario, trace: Trace, seed: int) -> str:
    """Everything that limits depend on."""
    options = scenario.options
    told = (cache.code_digest("dag"), scenario.machine.to_config(), options.noise, options.sigma,
            options.wait, options.oversize, seed, SECONDS)
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    cache.add_content(digest, trace)
    return f"limits-{digest.hexdigest()[:32]}"
