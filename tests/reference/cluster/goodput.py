"""Goodput of data-parallel training, by the formulas of the specification."""

import math
from collections.abc import Callable, Mapping
from typing import Any

POINTS = 50


def throughput(p: Mapping[str, float], nodes: int, replicas: int, m: int, k: int) -> float:
    """Samples per second at atomic batch m and k accumulation steps."""
    accumulate = p["alpha_c"] + p["beta_c"] * m
    extra, net = max(replicas - 2, 0), 0.0
    if replicas > 1 and nodes == 1:
        net = p["alpha_r"] + p["beta_r"] * extra
    elif replicas > 1:
        net = p["alpha_n"] + p["beta_n"] * extra
    g = p["gamma"]
    step = (accumulate**g + net**g) ** (1 / g)
    return replicas * m * (k + 1) / (k * accumulate + step)


def efficiency(model: Mapping[str, Any], batch: float) -> float:
    """Statistical efficiency at a total batch size."""
    scale, sqr, var = batch / model["batch0"], model["grad_sqr"], model["grad_var"]
    return ((var + sqr) / (var / scale + sqr)) / scale


def best(model: Mapping[str, Any], nodes: int, replicas: int) -> tuple[float, int, int]:
    """Best goodput, its atomic batch and accumulation steps; zeros where nothing is possible."""
    smallest, largest = model["atomic_min"], model["atomic_max"]
    low = max(model["batch0"], smallest * replicas)
    found = (0.0, 0, 0)
    if low > model["batch_max"]:
        return found
    for point in geometric(low, model["batch_max"]):
        local = point / replicas
        k = math.ceil(local / largest - 1e-8) - 1
        if replicas == 1 and local > model["batch0"] + 1e-8:
            k = max(k, 1)
        m = math.ceil(local / (k + 1) - 1e-8)
        if not smallest <= m <= largest:
            continue
        value = throughput(model["params"], nodes, replicas, m, k) * efficiency(
            model, replicas * m * (k + 1))
        if value > found[0]:
            found = (value, m, k)
    return found


def geometric(low: float, high: float) -> list[float]:
    """Points of equal ratio, both ends included."""
    ratio = math.log(high / low) / (POINTS - 1)
    return [low * math.exp(ratio * i) for i in range(POINTS - 1)] + [high]


def ratios(model: Mapping[str, Any]) -> Callable[[int, int], float]:
    """Rate of (replicas, nodes) relative to one GPU."""
    one = best(model, 1, 1)[0]
    known: dict[tuple[int, bool], float] = {}

    def rate(replicas: int, nodes: int) -> float:
        key = replicas, nodes > 1
        if key not in known:
            known[key] = best(model, nodes, replicas)[0] / one
        return known[key]

    return rate
