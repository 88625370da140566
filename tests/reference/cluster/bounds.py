"""What no policy can beat, by the formulas of the specification, in seconds."""

import heapq
from collections.abc import Mapping
from typing import Any

from .elastic import allowed_sizes
from .metrics import SECOND, best_speed


def bounds(system, elastic: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Lower bounds on the sum of JCT and on the makespan, over all jobs."""
    jobs, fastest = system.jobs, [0.0] * len(system.types)
    sizes = [allowed_sizes(job, elastic.get("sizes", "all")) if elastic else [job.gpus]
             for job in jobs]
    ideal = [(job.kind.launch + min(_factor(job, g) for g in allowed) * job.work
              / best_speed(system, job)) / SECOND
             for job, allowed in zip(jobs, sizes, strict=True)]
    area = [job.work / SECOND * min(g * _factor(job, g) for g in allowed)
            for job, allowed in zip(jobs, sizes, strict=True)]
    for job in jobs:
        fastest = [max(u, job.kind.speed[j]) for j, u in enumerate(fastest)]
    volume = sum(node.gpus * fastest[node.type] for node in system.nodes)
    arrival = [job.arrival / SECOND for job in jobs]
    shared = flow_time(arrival, [a / volume for a in area])
    return {"sum_jct_alone": sum(ideal), "sum_jct_area": shared,
            "sum_jct": max(sum(ideal), shared),
            "makespan": max(max(a - arrival[0] + alone, a - arrival[0] + rest / volume)
                            for a, alone, rest in zip(arrival, ideal, _after(arrival, area),
                                                      strict=True))}


def _factor(job, gpus: int) -> float:
    """Time on a number of GPUs relative to the requested one."""
    return job.kind.speed_up(job.gpus) / job.kind.speed_up(gpus)


def _after(arrival: list[float], area: list[float]) -> list[float]:
    """Area of the jobs that arrive at or after each."""
    return [sum(x for b, x in zip(arrival, area, strict=True) if b >= a) for a in arrival]


def flow_time(release: list[float], size: list[float]) -> float:
    """Total time in system under shortest remaining time first on one machine."""
    total, now, heap = 0.0, 0.0, []
    for when, work in [*zip(release, size, strict=True), (float("inf"), 0.0)]:
        while heap and now < when:
            left, came = heapq.heappop(heap)
            if now + left > when:
                heapq.heappush(heap, (left - (when - now), came))
                break
            now += left
            total += now - came
        now = when
        heapq.heappush(heap, (work, when))
    return total
