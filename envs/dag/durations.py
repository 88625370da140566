"""Actual durations of a job under a seed, as the simulator draws them; for bounds and records."""
from __future__ import annotations

import numpy as np

from envs.core.philox import fixed, normals
from envs.dag.fitting import duration_on
from envs.dag.graph import Graph
from envs.dag.machine import Machine
from envs.dag.options import Options

STREAM = 1              # of durations
LEAST = 0.05            # a truncated normal factor is drawn again below it
PER_TYPE = 256          # numbers of draws that a device type has of a task


def actual_durations(graph: Graph, machine: Machine, options: Options, seed: int,
                     job: int = 0) -> np.ndarray:
    """Actual ticks by the machine's types, i8 (n, types); -1 where a type cannot run a task."""
    expected = duration_on(graph, machine)
    if options.noise == "none":
        return expected
    sigma = np.array([options.sigma_of(kind) for kind in (*graph.kinds, None)], float)
    sigma = np.broadcast_to(sigma[graph.kind][:, None], expected.shape)
    factor = _lognormal if options.noise == "lognormal" else _truncnorm
    task, kind = np.indices(expected.shape)
    drawn = np.floor(expected * fixed(factor(sigma, seed, task, job, PER_TYPE * kind)) + 0.5)
    return np.where((expected > 0) & (sigma > 0), drawn.astype(np.int64), expected)


def _lognormal(sigma: np.ndarray, seed: int, task: np.ndarray, job: int,
               first: np.ndarray) -> np.ndarray:
    spread = np.sqrt(np.log1p(sigma**2))
    return np.exp(spread * normals(seed, STREAM, task, job, first) - spread * spread / 2.0)


def _truncnorm(sigma: np.ndarray, seed: int, task: np.ndarray, job: int,
               first: np.ndarray) -> np.ndarray:
    """The first draw that is large enough."""
    found = np.zeros(sigma.shape)
    left = np.ones(sigma.shape, bool)
    k = 0
    while left.any():
        drawn = 1.0 + sigma[left] * normals(seed, STREAM, task[left], job, first[left] + k)
        found[left] = drawn
        left[left] = drawn < LEAST
        k += 1
    return found
