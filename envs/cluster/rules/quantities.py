"""Times, rates and draws as section "Numbers" of the domain defines them."""
import math

import numpy as np
from numba import config

from envs.cluster.state import RUNNING
from envs.core.jit import part, rule
from envs.core.rng import mix

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1
_G, _ONE = np.uint64(_GOLDEN), np.uint64(1)
LARGEST = 2.0**62


@rule
def whole(x):
    """The nearest integer, halves upwards."""
    return math.floor(min(x, LARGEST) + 0.5)


@rule
def need(work, rate):
    """Microseconds that work takes; a nanosecond of rounding noise is forgiven."""
    return max(1, math.ceil(min(work / rate, LARGEST) - 1e-3))


@rule
def ceil_div(a, b):
    """The quotient of positive integers, rounded up."""
    return (a + b - 1) // b


def _start_host(z):
    return mix((int(z) + _GOLDEN) & _MASK)


@rule
def _start(z):
    return mix(np.uint64(z) + _G)


_first = _start_host if config.DISABLE_JIT else _start


def _join_host(x, b):
    return _start_host(int(x) ^ int(b))


@rule
def _join(x, b):
    return _start(x ^ np.uint64(b))


_next = _join_host if config.DISABLE_JIT else _join


def _half_host(x):
    return int(x) >> 1


@rule
def _half(x):
    return np.int64(x >> _ONE)


_fold = _half_host if config.DISABLE_JIT else _half


@rule
def draw_job(seed, number):
    """The 63-bit number of a job under order `random`."""
    return _fold(_next(_next(_first(seed), 1), number))


@part
def draw_node(seed, number, launches, node):
    """The 63-bit number of a node for one launch of a job under placement `random`."""
    x = _next(_next(_next(_first(seed), 2), number), launches)
    return _fold(_next(x, node))


@rule
def left_at(job, t):
    """Work left at t."""
    if job.status != RUNNING:
        return job.left
    return max(0.0, job.left - job.rate * max(0, t - job.ready))


@rule
def planned_left(job, rules, t):
    """Work left at t as the scheduler believes."""
    left = left_at(job, t)
    if rules.by_estimate:
        return max(0.0, job.estimate - (job.work - left))
    return left


@rule
def attained(job, t):
    """Wall time on GPUs until t."""
    if job.status == RUNNING:
        return job.att + t - job.start
    return job.att


@rule
def attained_gpu(job, t):
    """GPU time until t."""
    if job.status == RUNNING:
        return job.gatt + (t - job.start) * job.held
    return job.gatt


@rule
def waited(job, t):
    """Time on the waiting clock; 0 for running jobs."""
    if job.status == RUNNING:
        return 0
    return max(0, t - job.z)


@rule
def overhead_of(job, w):
    """Time from a launch to the first productive instant."""
    c = w.cls[job.cls]
    if job.launches == 0:
        return c.launch
    return c.restart


@rule
def rate_of(job, w, gpus, kind, level, nodes):
    """Progress per microsecond on so many GPUs of a type."""
    c = w.cls[job.cls]
    speed = w.place[job.cls, kind].speed
    if c.goodput:
        point = w.point[job.cls, gpus]
        if nodes > 1:
            return speed * point.several
        return speed * point.one
    factor = c.near
    if level == 1:
        factor = c.apart
    elif level == 2:
        factor = c.far
    speedup = w.point[job.cls, gpus].speedup / w.point[job.cls, job.gpus].speedup
    return speed * speedup * factor
