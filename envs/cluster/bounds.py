"""What no policy can beat: lower bounds on JCT and makespan, in seconds.

A job's area is the least GPU time that it takes, in units of a reference GPU; the cluster offers at
most `capacity` of it per second. Alone, no job is quicker than on its best GPUs; together, no
cluster is better than one machine that works on the job with the shortest rest.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from envs.cluster.rules.srpt import srpt_flow
from envs.core.errors import PolicyError
from envs.core.lp import Lp, Unsolved
from envs.core.program import Program

if TYPE_CHECKING:
    from envs.cluster.system import System

INF = float("inf")


@dataclass(frozen=True)
class Demand:
    """Jobs as one machine sees them, times in s."""

    release: np.ndarray     # (n,) ascending
    ideal: np.ndarray       # (n,) shortest time from arrival to finish
    area: np.ndarray        # (n,) least GPU time on reference GPUs
    widest: np.ndarray      # (n,) the most area per second that a job can use
    capacity: float         # area per second that the cluster offers


def demand(system: System, elastic: bool = False) -> Demand:
    """What the jobs ask for; elastic ones may run on every size that they allow."""
    time, area, most = _best_sizes(system) if elastic else _own_size(system)
    speed = system.speed[system.cls]
    best = np.where(system.allowed() & (system.type_gpus > 0), speed, 0.0).max(axis=1)
    work = system.work / 1e6
    return Demand(system.arrival_us / 1e6, system.launch_us[system.cls] / 1e6 + work * time / best,
                  work * area, most * best, float(system.type_gpus @ speed.max(axis=0)))


def bounds(system: System, elastic: bool = False) -> dict[str, float]:
    """`sum_jct_alone`, `sum_jct_area`, `sum_jct` (the larger) and `makespan` of all jobs, s."""
    jobs = demand(system, elastic)
    alone = float(jobs.ideal.sum())
    length = jobs.area / jobs.capacity
    area = float(srpt_flow(jobs.release, length, np.empty(len(length))))
    since = jobs.release - jobs.release[0]
    rest = np.cumsum(length[::-1])[::-1][np.searchsorted(since, since)]
    makespan = max((since + jobs.ideal).max(), (since + rest).max())
    return {"sum_jct_alone": alone, "sum_jct_area": area, "sum_jct": max(alone, area),
            "makespan": float(makespan)}


def _own_size(system: System) -> tuple[np.ndarray, ...]:
    """Time and area (n,) per work, and GPUs (n,), on the GPUs that jobs ask for."""
    rate = _rates(system, system.gpus)
    return 1 / rate, system.gpus / rate, system.gpus


def _best_sizes(system: System) -> tuple[np.ndarray, ...]:
    """The same on the quickest, the most frugal and the largest size that a job may have."""
    time, area = np.full(len(system), INF), np.full(len(system), INF)
    chosen = system.scenario.options.elastic
    for size in range(int(system.min_gpus.min()), int(system.max_gpus.max()) + 1):
        mine = (system.min_gpus <= size) & (size <= system.max_gpus)
        if chosen is not None and chosen.sizes == "pow2" and size & (size - 1):
            mine &= (system.min_gpus == size) | (system.max_gpus == size)
        rate = np.where(mine, _rates(system, np.full(len(system), size)), 0.0)
        time[mine] = np.minimum(time[mine], 1 / rate[mine])
        area[mine] = np.minimum(area[mine], size / rate[mine])
    return time, area, system.max_gpus


def _rates(system: System, gpus: np.ndarray) -> np.ndarray:
    """(n,) rate on so many GPUs of the reference type, at its best placement."""
    cls = system.cls
    speed_up = system.curve[cls, gpus] / system.curve[cls, system.gpus]
    return np.where(system.has_goodput[cls], system.goodput_rate[cls, gpus].max(axis=1), speed_up)


def lp_bound(system: System, elastic: bool = False, intervals: int = 200,
             time_limit_s: float = 60.0) -> float:
    """A tighter bound on the sum of JCT, s: areas in equal intervals, each at its left end.

    A job ends at least half its ideal time after its mean busy time (Goemans et al., SIAM J.
    Discrete Math. 2002). Seconds for some hundred jobs; `PolicyError` at the time limit.
    """
    jobs = demand(system, elastic)
    release = jobs.release - jobs.release[0]
    ends = np.linspace(0.0, _horizon(jobs, release), intervals + 1)
    job, interval = np.nonzero(ends[1:] > release[:, None])
    left = np.maximum(ends[interval], release[job])
    most = jobs.widest[job] * (ends[interval + 1] - left) / jobs.area[job]
    program = Program()
    part = program.columns(np.minimum(most, 1.0), -left)
    program.rows(1, 1, len(release), (job, part, 1))
    program.rows(-INF, 1, intervals,
                 (interval, part, jobs.area[job] / (jobs.capacity * ends[1])))
    try:
        busy = -Lp(program, time_limit_s).solve().objective
    except Unsolved as failure:
        raise PolicyError(f"the linear bound {failure.status}", system.trace.name,
                          "take fewer jobs or intervals, or raise time_limit_s") from None
    return float(busy + jobs.ideal.sum() / 2 - release.sum())


def _horizon(jobs: Demand, release: np.ndarray) -> float:
    """When everything can have ended, s."""
    longest = max(jobs.area.sum() / jobs.capacity, (jobs.area / jobs.widest).max())
    return float(release[-1] + 1.001 * longest)
