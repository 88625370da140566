"""Queues with a known mean, on a stream of arrivals that NumPy repeats exactly."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.cluster.metrics import metrics
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario
from envs.cluster.simulate import simulate
from envs.core.oracles import Outcome, differences, outcome


def check_queue(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """One queue: the mean of its stream, and how far it lies from theory."""
    yield outcome(name, lambda: _compare(content))


def stream(content: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Arrivals and durations, s."""
    rng, jobs, mean = (np.random.default_rng(content["seed"]), content["jobs"],
                       content["service_mean_s"])
    gap = mean / (content["rho"] * content["servers"])
    arrival = np.cumsum(rng.exponential(gap, jobs))
    if content["law"] == "exponential":
        duration = rng.exponential(mean, jobs)
    elif content["law"] == "constant":
        duration = np.full(jobs, mean)
    else:
        short = rng.random(jobs) < 0.9
        duration = np.where(short, rng.exponential(mean / 2, jobs),
                            rng.exponential(5.5 * mean, jobs))
    return {"arrival_s": arrival, "gpus": np.ones(jobs, np.int64),
            "duration_s": np.maximum(duration, 1e-6)}


def mean_jct(content: Mapping[str, Any]) -> float:
    """Mean JCT of the queue, s."""
    scenario = Scenario.from_config({
        "cluster": {"types": ["server"], "nodes": [{"gpus": content["servers"]}]},
        "classes": [{"restart_s": 0}], **content["options"]})
    return metrics(simulate(scenario, Trace.from_columns(stream(content), "queue")))["jct_mean"]


def _compare(content: Mapping[str, Any]) -> list[str]:
    got, theory = mean_jct(content), content["theory_mean_jct_s"]
    lines = differences(content["reference_mean_jct_s"], got, "mean JCT")
    if theory is not None and abs(got - theory) > content["tolerance"] * theory:
        lines.append(f"theory: expected {theory!r} within {content['tolerance']:g}, got {got!r}")
    return lines
