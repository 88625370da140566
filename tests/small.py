"""A small instance of every environment, by id, for the contract tests."""
from __future__ import annotations

from typing import Any

import numpy as np

from envs.blis.replay import Trace
from envs.cluster.replay import Trace as JobTrace


def _blis_trace() -> Trace:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.integers(1, 60, 400)) / 8
    rows = [[t, "abc"[rng.integers(3)], 60.0, 0, 100] for t in times]
    return Trace.from_rows(rows, name="small")


def _variant(family: str, name: str, accuracy: float, load: float, **latency: dict) -> dict:
    return {"family": family, "variant": name, "accuracy": accuracy, "latency_ms": latency,
            "load_ms": {column: load for column in latency}}


def _blis_config(**options: Any) -> dict[str, Any]:
    profile = [
        _variant("a", "s", 70, 20, g={1: 4, 2: 6, 4: 10}, c={1: 10, 2: 18}),
        _variant("a", "l", 95, 40, g={1: 12, 2: 18, 4: 28}),
        _variant("b", "s", 80, 30, g={1: 8, 2: 12, 4: 18}, c={1: 20}),
        _variant("b", "l", 98, 50, g={1: 16, 2: 24}),
        _variant("c", "s", 90, 25, g={1: 10, 2: 16}, c={1: 16, 2: 28}),
    ]
    return {"window_ms": 50, "horizon_ms": 400, "episode": {"random_start": True},
            "accelerators": [{"name": "g", "count": 4}, {"name": "c", "count": 2}],
            "profile": profile, "dropping": {"policy": "hopeless"}, **options}


def _cluster_trace() -> JobTrace:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.integers(1, 240, 200))
    return JobTrace.from_rows([
        {"arrival_s": int(t), "gpus": int(rng.choice([1, 2, 4])), "min_gpus": 1, "max_gpus": 4,
         "duration_s": int(rng.integers(60, 1500)), "class": str(rng.choice(["a", "b"]))}
        for t in times], name="small")


def _cluster_config(**options: Any) -> dict[str, Any]:
    cluster = {
        "types": ["fast", "slow"],
        "nodes": [{"type": "fast", "gpus": 4, "count": 2}, {"type": "slow", "gpus": 2, "count": 2}],
        "classes": [{"name": "a", "speed": [1, 0.5], "curve": {1: 1, 2: 1.8, 4: 3}},
                    {"name": "b", "speed": [1, 0.25], "locality": [1, 0.5, 0.5]}]}
    return {"cluster": cluster, "mode": "event", "order": "las", "preempt": "strict",
            "env": {"slots": 8, "window": 6}, **options}


def _dag_config(**options: Any) -> dict[str, Any]:
    link = {"latency": 1, "bandwidth": 2_000_000}
    gpu = {"type": "gpu", "memory": 20_000_000, "in": link, "out": link}
    machine = {"unit": "1", "prefetch": 1, "workers": [gpu, {"type": "cpu", "count": 2}]}
    return {"machine": machine, "noise": "lognormal", "sigma": 0.3, "visible": "window",
            "window": 2, "workload": ["cholesky(n=4)", "layered(n=12,seed=episode)"],
            "env": {"slots": 6, "view": "graph", "nodes": 20, "edges": 32}, **options}


def _net2net_config(**options: Any) -> dict[str, Any]:
    return {"backend": "parametric", "fractions": [0.1, 0.3, 0.5, 0.7], "profile": "multi",
            "gpu_timeline": [[0, 1], [200, 3]], "noise": "shipped", "vary": 0.2,
            "cells": [{"cell": f"{task}@600/malleable", "theta": f"{task}@1500/grow"}
                      for task in ("digits_aug", "pair_max")], **options}


SMALL: dict[str, dict[str, Any]] = {
    "sched/Blis-v0": {
        "scenario": _blis_config(env={"actions_per_window": 2}), "trace": _blis_trace()},
    "sched/BlisAccuracy-v0": {"scenario": _blis_config(), "trace": _blis_trace()},
    "sched/Cluster-v0": {"scenario": _cluster_config(), "trace": _cluster_trace()},
    "sched/Dag-v0": {"scenario": _dag_config()},
    "sched/Net2Net-v0": {"scenario": _net2net_config()},
}
