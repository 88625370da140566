"""Goodput of data-parallel training (Pollux; Qiao et al., OSDI 2021): throughput x efficiency.

Replicas r on a nodes run atomic batches of m samples with k accumulation steps, so a step takes
B = r m (k + 1) samples. Throughput follows from fitted times of computation and synchronisation,
efficiency from the gradient's noise; the batch is chosen to maximise their product.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from envs.core.errors import ScenarioError
from envs.core.options import as_mapping, build, integer, nested, number

POINTS = 50         # batch sizes that are tried, spaced geometrically
ROUNDING = 1e-8


@dataclass(frozen=True)
class StepTimes:
    """Times of one step in s, per sample or per replica beyond the second for the betas."""

    alpha_c: float = number(0.0, low=0)
    beta_c: float = number(0.0, low=0)
    alpha_r: float = number(0.0, low=0)
    beta_r: float = number(0.0, low=0)
    alpha_n: float = number(0.0, low=0)
    beta_n: float = number(0.0, low=0)
    gamma: float = number(1.0, low=1, high=10)

    def computation(self, atomic: np.ndarray | float) -> np.ndarray | float:
        """T_acc: gradient of one atomic batch, s."""
        return self.alpha_c + self.beta_c * atomic

    def network(self, nodes: int, replicas: int) -> float:
        """T_net: synchronisation of the replicas, s."""
        if replicas == 1:
            return 0.0
        alpha, beta = (self.alpha_r, self.beta_r) if nodes == 1 else (self.alpha_n, self.beta_n)
        return alpha + beta * max(replicas - 2, 0)


@dataclass(frozen=True)
class Goodput:
    """A model: step times, batch sizes (samples) and gradient statistics."""

    params: StepTimes = nested(StepTimes)
    batch0: int = integer(1, low=1)
    batch_max: int = integer(1, low=1)
    atomic_min: int = integer(1, low=1)
    atomic_max: int = integer(1, low=1)
    grad_sqr: float = number(0.0, low=0)
    grad_var: float = number(0.0, low=0)

    @classmethod
    def from_config(cls, mapping: Mapping[str, Any], where: str) -> Goodput:
        """From the field `goodput` of a class; `ScenarioError` unless all keys are valid."""
        _complete(cls, mapping, where)
        _complete(StepTimes, mapping["params"], f"{where}.params")
        model = build(cls, mapping, where)
        if model.batch_max < model.batch0 or model.atomic_max < model.atomic_min:
            raise ScenarioError("a largest batch is below the smallest", where,
                                "give batch0 <= batch_max and atomic_min <= atomic_max")
        if model.params.alpha_c + model.params.beta_c <= 0:
            raise ScenarioError("a step takes no time", f"{where}.params",
                                "give alpha_c or beta_c > 0")
        if model.grad_sqr + model.grad_var <= 0:
            raise ScenarioError("the gradient vanishes", where, "give grad_sqr or grad_var > 0")
        if choose(model, 1, 1).goodput <= 0:
            raise ScenarioError("no batch from batch0 to batch_max fits one replica", where,
                                "widen atomic_min..atomic_max")
        return model


@dataclass(frozen=True)
class Batch:
    """A choice of batch: useful samples per s, samples per replica, accumulation steps."""

    goodput: float
    atomic: int
    accumulation: int


def throughput(model: Goodput, nodes: int, replicas: int, atomic: np.ndarray | float,
               accumulation: np.ndarray | float) -> np.ndarray | float:
    """Samples per s."""
    p = model.params
    compute = p.computation(atomic)
    step = (compute**p.gamma + p.network(nodes, replicas)**p.gamma)**(1 / p.gamma)
    return replicas * atomic * (accumulation + 1) / (accumulation * compute + step)


def efficiency(model: Goodput, batch: np.ndarray | float) -> np.ndarray | float:
    """Progress per sample relative to batch size `batch0`."""
    scale = batch / model.batch0
    return (model.grad_var + model.grad_sqr) / (model.grad_var / scale + model.grad_sqr) / scale


def choose(model: Goodput, nodes: int, replicas: int) -> Batch:
    """The batch of greatest goodput, the smallest on ties; goodput 0 if none is allowed."""
    smallest = max(model.batch0, model.atomic_min * replicas)
    if smallest > model.batch_max:
        return Batch(0.0, 0, 0)
    local = np.geomspace(smallest, model.batch_max, POINTS) / replicas
    steps = np.ceil(local / model.atomic_max - ROUNDING) - 1
    if replicas == 1:    # a single replica sees the gradient's noise only between two batches
        steps = np.where(local > model.batch0 + ROUNDING, np.maximum(steps, 1), steps)
    atomic = np.ceil(local / (steps + 1) - ROUNDING)
    useful = (throughput(model, nodes, replicas, atomic, steps)
              * efficiency(model, replicas * atomic * (steps + 1)))
    allowed = (atomic >= model.atomic_min) & (atomic <= model.atomic_max)
    best = int(np.argmax(np.where(allowed, useful, 0.0)))
    if not allowed[best]:
        return Batch(0.0, 0, 0)
    return Batch(float(useful[best]), int(atomic[best]), int(steps[best]))


def rates(model: Goodput, largest: int) -> np.ndarray:
    """(largest + 1, 2) goodput relative to one replica, by replicas; on one node, on several."""
    table = np.zeros((largest + 1, 2))
    for replicas in range(1, largest + 1):
        table[replicas] = [choose(model, nodes, replicas).goodput for nodes in (1, 2)]
    return table / choose(model, 1, 1).goodput


def _complete(cls: type, mapping: Any, where: str) -> None:
    for field in fields(cls):
        if field.name not in as_mapping(mapping, where):
            raise ScenarioError(f'"{field.name}" is missing', where, f"add `{field.name}: ...`")
