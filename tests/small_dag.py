"""A small machine and small graphs on which a whole comparison takes a moment."""
from __future__ import annotations

from functools import lru_cache
from typing import Any

from agents.evaluation import compare
from agents.evaluation.standings import Comparison
from envs.dag.scenario import Scenario

NAMES = ("fifo", "mct_wait", "dmda", "static:heft", "static:peft")
LISTED = ["cholesky(n=3)", "cholesky(n=4)"]
LINK = {"latency": 1, "bandwidth": 1_000_000}
GPU = {"type": "gpu", "count": 2, "memory": 8 * 3_686_400, "in": LINK, "out": LINK}
CPU = {"type": "cpu", "count": 2}


def scenario(**options: Any) -> Scenario:
    """Two GPUs with room for eight tiles and two CPUs, noise unless told otherwise."""
    return Scenario.from_config({
        "name": "small", "noise": "lognormal", "sigma": 0.2,
        "machine": {"unit": "1", "workers": [GPU, CPU]}, "workload": LISTED, **options})


def plain(**options: Any) -> Scenario:
    """No communication, no noise: optima can be proved."""
    machine = {"unit": "1", "comm": "none", "workers": [{"type": "gpu"}, {"type": "cpu"}]}
    return scenario(**{"noise": "none", "sigma": 0.0, "machine": machine,
                       "workload": ["cholesky(n=2)", "cholesky(n=3)"], **options})


def small(names: Any = NAMES, **settings: Any) -> Comparison:
    """A comparison on the small machine."""
    return compare(names if names is None else list(names), settings.pop("scenario", scenario()),
                   env="dag", **settings)


@lru_cache
def usual() -> Comparison:
    """One comparison that many tests look at: two graphs, two seeds."""
    return small(windows=2, seeds=(0, 1))
