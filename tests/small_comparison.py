"""A small system on which a whole comparison takes a moment."""
from __future__ import annotations

from functools import lru_cache

import numpy as np

from agents.evaluation import compare
from agents.evaluation.standings import Comparison
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario
from tests.small import SMALL

NAMES = ("random_wc", "load_proportional_wc", "nexus", "proteus_wc", "clairvoyant")


def scenario(**options) -> Scenario:
    """Six devices, three families."""
    config = {**SMALL["sched/Blis-v0"]["scenario"], "horizon_ms": None, "episode": {},
              "routing": {"policy": "jseq"}}
    return Scenario.from_config({**config, **options})


def trace(requests: int = 3000, seed: int = 0) -> Trace:
    """Times are multiples of 1/8 ms; family c appears in the last fifth alone more often."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.integers(1, 60, requests)) / 8
    late = times > 0.8 * times[-1]
    names = np.where(late, rng.choice(list("abcc"), requests), rng.choice(list("aab"), requests))
    names[:3] = list("abc")
    return Trace.from_rows([[t, f, 60.0] for t, f in zip(times, names, strict=True)], name="small")


def small(names=NAMES, **settings) -> Comparison:
    """A comparison on the small system."""
    return compare(list(names), scenario(), trace=trace(),
                   **{"windows": 3, "window_length": 500.0, **settings})


@lru_cache
def usual() -> Comparison:
    """One comparison that many tests look at."""
    return small(seeds=(0, 1))
