"""A cluster small enough to plan by hand: types g (3 devices) and c (2), families a and b."""
from types import SimpleNamespace

import numpy as np

from envs.blis.planning import View, make_planner
from envs.blis.scenario import Scenario
from envs.blis.system import bind

AS, AL, BS, NONE = 0, 1, 2, -1      # a/s on both types, a/l and b/s on g only
PEAKS = {"a/s": (250, 100), "a/l": (100, 0), "b/s": (200, 0)}

CONFIG = {
    "window_ms": 500,
    "accelerators": [{"name": "g", "count": 3}, {"name": "c", "count": 2}],
    "profile": [
        {"family": "a", "variant": "s", "accuracy": 70, "size_mb": 1,
         "latency_ms": {"g": {1: 4}, "c": {1: 10}}},
        {"family": "a", "variant": "l", "accuracy": 95, "size_mb": 1, "latency_ms": {"g": {1: 10}}},
        {"family": "b", "variant": "s", "accuracy": 80, "size_mb": 1, "latency_ms": {"g": {1: 5}}},
    ],
}


def system(levels=1, **allocation):
    """The cluster with these allocation options."""
    scenario = Scenario.from_config(
        {**CONFIG, "allocation": allocation, "qos": {"levels": levels}})
    return bind(scenario, ("a", "b"), {"a": 100, "b": 100})


def view(of, target=None, *, window=0, level=None, arrivals=((0, 0),), late=(0, 0), dropped=(0, 0),
         trace=None):
    """A decision point; `arrivals` has a row per window so far."""
    target = np.full(of.devices, NONE) if target is None else np.array(target)
    last = {"arrivals": np.array(arrivals[-1]) if len(arrivals) else np.zeros(2, int),
            "met": np.zeros(2, int), "late": np.array(late), "dropped": np.array(dropped)}
    level = np.zeros(of.devices, int) if level is None else np.array(level)
    return View(of, window, target, level, np.zeros(of.devices, bool), np.array(arrivals), last,
                trace)


def planner(of, demand=(0.0, 0.0), seed=0, trace=None):
    """The planner of the options, told this demand of time 0."""
    return make_planner(of, trace, seed, np.array(demand, float))


def requests(arrival_ms, family, families=("a", "b")):
    """As much of a trace as planners read."""
    return SimpleNamespace(families=families, arrival_ms=np.array(arrival_ms, float),
                           family=np.array(family, np.int32))
