"""A small cluster on which a whole comparison takes a moment."""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from agents.evaluation import compare
from agents.evaluation.standings import Comparison
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario

NAMES = ("fifo", "fifo_backfill", "las", "gittins", "srtf")


def scenario(**options: Any) -> Scenario:
    """Two types, four nodes, twelve GPUs; one class minds its place, one is elastic."""
    return Scenario.from_config({
        "name": "small", "mode": "round", "round_s": 60, "gittins_delta_gpu_s": 600,
        "cluster": {
            "types": ["fast", "slow"],
            "nodes": [{"type": "fast", "gpus": 4, "count": 2}, {"type": "slow", "gpus": 2,
                                                               "count": 2}],
            "classes": [{"name": "a", "speed": [1, 0.5]},
                        {"name": "b", "speed": [1, 0.25], "locality": [1, 0.5, 0.5],
                         "curve": {1: 1, 2: 1.8, 4: 3}}]}, **options})


def trace(jobs: int = 400, seed: int = 0) -> Trace:
    """Jobs of a few minutes at a load of about 1.2, from three tenants."""
    rng = np.random.default_rng(seed)
    arrival = np.cumsum(rng.integers(1, 240, jobs))
    rows = [{"arrival_s": int(t), "gpus": int(g), "duration_s": int(d), "class": str(c),
             "tenant": int(u)} for t, g, d, c, u in zip(
                 arrival, rng.choice([1, 2, 4], jobs), rng.integers(60, 1500, jobs),
                 rng.choice(["a", "b"], jobs), rng.integers(3, size=jobs), strict=True)]
    return Trace.from_rows(rows, name="small")


def small(names: Any = NAMES, **settings: Any) -> Comparison:
    """A comparison on the small cluster."""
    return compare(names if names is None else list(names), settings.pop("scenario", scenario()),
                   env="cluster",
                   **{"trace": trace(), "windows": 3, "window_length": 24, **settings})


@lru_cache
def usual() -> Comparison:
    """One comparison that many tests look at."""
    return small()
