"""Metrics of a run by their plain formulas, in seconds."""

import math
from typing import Any

SECOND = 1e6


def quantile(values: list[float], p: float) -> float:
    """Linear between the sorted values, at position (n - 1) p."""
    x, place = sorted(values), (len(values) - 1) * p
    low = math.floor(place)
    high = min(low + 1, len(x) - 1)
    return x[low] + (x[high] - x[low]) * (place - low)


def mean(values: list[float]) -> float:
    """Plain mean."""
    return math.fsum(values) / len(values)


def metrics(simulator) -> dict[str, Any]:
    """Everything that is compared, over the tracked jobs."""
    system, state = simulator.system, simulator.state
    first, last = system.options.track or (0, len(system.jobs) - 1)
    tracked = list(range(first, last + 1))
    done = [n for n in tracked if state.progress[n].finish is not None]
    found = {"jobs": len(tracked), "finished": len(done)}
    if not done:
        return found
    span = (system.jobs[first].arrival, max(state.progress[n].finish for n in done))
    return {**found, **_times(system, state, done, span), **_sums(state, tracked, done),
            **_slowdown(system, state, done), **_deadlines(system, state, done),
            **_fairness(system, state, done), **_cluster(system, state, span)}


def _jct(system, state, number: int) -> float:
    return (state.progress[number].finish - system.jobs[number].arrival) / SECOND


def _times(system, state, done, span) -> dict[str, float]:
    jct = [_jct(system, state, n) for n in done]
    response = [(state.progress[n].first_start - system.jobs[n].arrival) / SECOND for n in done]
    return {"jct_mean": mean(jct), "jct_median": quantile(jct, 0.5),
            "jct_p90": quantile(jct, 0.9), "jct_p99": quantile(jct, 0.99), "jct_max": max(jct),
            "makespan": (span[1] - span[0]) / SECOND, "responsiveness_mean": mean(response)}


def _sums(state, tracked, done) -> dict[str, float]:
    rows = [state.progress[n] for n in tracked]
    return {"preemptions": sum(p.preemptions for p in rows),
            "evictions": sum(p.evictions for p in rows),
            "overhead_s": sum(p.overhead for p in rows) / SECOND,
            "lost_s": math.fsum(p.lost for p in rows) / SECOND,
            "gpu_hours": sum(state.progress[n].gatt for n in done) / SECOND / 3600}


def best_speed(system, job) -> float:
    """Best speed over the allowed types of the cluster file."""
    return max(job.speed_on(node.type) for node in system.nodes)


def ideal(system, job) -> float:
    """Time on the fastest type without waiting."""
    return (job.kind.launch + job.work / best_speed(system, job)) / SECOND


def _slowdown(system, state, done) -> dict[str, float]:
    slow = [_jct(system, state, n) / ideal(system, system.jobs[n]) for n in done]
    x = [1 / s for s in slow]
    jain = math.fsum(x) ** 2 / (len(x) * math.fsum(v * v for v in x))
    return {"slowdown_mean": mean(slow), "slowdown_p99": quantile(slow, 0.99), "jain": jain}


def _deadlines(system, state, done) -> dict[str, float]:
    late = [state.progress[n].finish - system.jobs[n].deadline for n in done
            if system.jobs[n].deadline < 1 << 62]
    return {"slo_jobs": len(late), "slo_misses": sum(x > 0 for x in late),
            "tardiness_s": sum(max(0, x) for x in late) / SECOND}


def _fairness(system, state, done) -> dict[str, float]:
    total = sum(node.gpus for node in system.nodes)
    rho = []
    for n in done:
        job, finish = system.jobs[n], state.progress[n].finish
        speed = math.fsum(job.kind.speed[m.type] * m.gpus for m in system.nodes) / total
        crowd = _presence(system, state, job.arrival, finish) / (finish - job.arrival)
        alone = job.work / SECOND / speed * max(1, job.gpus * crowd / total)
        rho.append(_jct(system, state, n) / alone)
    return {"rho_mean": mean(rho), "rho_max": max(rho),
            "rho_unfair": sum(r > 1 for r in rho) / len(rho)}


def _presence(system, state, start: int, end: int) -> int:
    """Time that all jobs together were present between two instants."""
    total = 0
    for job, progress in zip(system.jobs, state.progress, strict=True):
        if job.arrival >= end:
            break
        gone = end if progress.finish is None else min(end, progress.finish)
        total += max(0, gone - max(start, job.arrival))
    return total


def _cluster(system, state, span) -> dict[str, float]:
    """Held over up GPU time, and the part of free GPUs that the usual request cannot use."""
    share: dict[int, float] = {}
    for job in system.jobs:
        share[job.gpus] = share.get(job.gpus, 0) + 1 / len(system.jobs)
    held = up_time = idle_time = 0
    wasted = 0.0
    for length, free, up in _intervals(system, state, span):
        capacity = sum(node.gpus for node, on in zip(system.nodes, up, strict=True) if on)
        spare = sum(free)
        held += length * (capacity - spare)
        up_time += length * capacity
        if spare:
            idle_time += length
            wasted += length * math.fsum(
                p * sum(f for f, node in zip(free, system.nodes, strict=True)
                        if f < min(d, node.gpus)) for d, p in share.items()) / spare
    return {"utilisation": held / up_time if up_time else 0.0,
            "fragmentation": wasted / idle_time if idle_time else 0.0}


def _intervals(system, state, span):
    """(length, free GPUs per node, up per node) of each stretch without a change."""
    changes: dict[int, list] = {}
    still = [p.segment for p in state.progress if p.segment]
    for segment in [*state.segments, *still]:
        changes.setdefault(segment.start, []).append((-1, segment.places))
        if segment.end is not None:
            changes.setdefault(segment.end, []).append((1, segment.places))
    for t, node, on in state.node_log:
        changes.setdefault(t, []).append((node, on))
    up, free = list(system.up_at_start), [node.gpus for node in system.nodes]
    before = span[0]
    for t in sorted({*changes, span[1]}):
        if min(t, span[1]) > before:
            yield (min(t, span[1]) - before,
                   [f if on else 0 for f, on in zip(free, up, strict=True)], up)
            before = min(t, span[1])
        for what, value in changes.get(t, ()):
            if isinstance(value, bool):
                up[what] = value
            else:
                for node, count in value:
                    free[node] += what * count
