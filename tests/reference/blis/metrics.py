"""Metrics of section 9, from the requests that arrived and the devices."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from .entities import UNFINISHED, Request
from .simulator import Simulator
from .system import past, total

REASONS = {"no_predictor": "N", "rejected": "R", "qos": "Q", "expired": "E", "hopeless": "H"}


def metrics(sim: Simulator) -> dict:
    """All metrics of a finished run, and those of each family."""
    arrived = sim.requests[:sim.cursor]
    per_family = {f: of_requests([r for r in arrived if r.family == k], sim)
                  for k, f in enumerate(sim.system.families)}
    return {**of_requests(arrived, sim), **of_devices(sim), "per_family": per_family}


def of_requests(requests: Sequence[Request], sim: Simulator) -> dict:
    """Counts, accuracies, rates and times of some requests."""
    accuracy = [v.accuracy for v in sim.system.variants]
    met = [r for r in requests if r.status == "M"]
    completed = [r for r in requests if r.status in "ML"]
    count = Counter(r.status for r in requests)
    dropped_by = {reason: count[letter] for reason, letter in REASONS.items()}
    unfinished = [r for r in requests if r.status == UNFINISHED]
    horizon = sim.options.horizon_ms
    pending = sum(horizon is not None and not past(horizon, r.deadline) for r in unfinished)
    resolved = len(requests) - pending
    attainment = _ratio(len(met), resolved)
    worth = total(accuracy[r.variant] for r in met)
    return {
        "arrivals": len(requests), "met": len(met), "late": count["L"],
        "dropped": sum(dropped_by.values()), "dropped_by": dropped_by,
        "unfinished": len(unfinished), "pending": pending,
        "slo_attainment": attainment,
        "slo_violation": None if attainment is None else 1 - attainment,
        "effective_accuracy": _ratio(total(accuracy[r.variant] for r in completed), len(completed)),
        "effective_accuracy_met": _ratio(worth, len(met)),
        "accuracy_per_request": _ratio(worth, resolved),
        "max_accuracy_drop": _accuracy_drop(completed, accuracy, sim.options.accuracy_bin_ms),
        "throughput_rps": 1000 * len(completed) / sim.now,
        "goodput_rps": 1000 * len(met) / sim.now,
        **_times(completed), "qos_missed": sum(r.missed for r in requests),
    }


def of_devices(sim: Simulator) -> dict:
    """What the devices did."""
    busy = [d.busy_ms + (sim.now - d.batch_start if d.running is not None else 0)
            for d in sim.devices]
    return {
        "duration_ms": sim.now, "busy_ms": busy,
        "utilisation": total(busy) / (len(busy) * sim.now),
        "batches": len(sim.launched), "mean_batch": _ratio(sum(sim.launched), len(sim.launched)),
        "batch_histogram": {str(c): n for c, n in sorted(Counter(sim.launched).items())},
        "reallocations": sim.reallocations, "loads": sim.loads,
    }


def _ratio(x: float, y: float) -> float | None:
    return x / y if y else None


def _times(completed: Sequence[Request]) -> dict:
    latency = sorted(r.finish - r.arrival for r in completed)
    wait = [r.start - r.arrival for r in completed]
    return {
        "latency_mean_ms": _ratio(total(latency), len(latency)),
        "latency_p50_ms": quantile(latency, 0.5), "latency_p90_ms": quantile(latency, 0.9),
        "latency_p99_ms": quantile(latency, 0.99), "latency_max_ms": quantile(latency, 1.0),
        "wait_mean_ms": _ratio(total(wait), len(wait)),
    }


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """Quantile of sorted values, linear between them."""
    if not ordered:
        return None
    place = (len(ordered) - 1) * q
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _accuracy_drop(completed: Sequence[Request], accuracy: list, width: float) -> float | None:
    bins = defaultdict(list)
    for r in completed:
        bins[max(0, math.ceil(r.finish / width) - 1)].append(accuracy[r.variant])
    return 100 - min(total(b) / len(b) for b in bins.values()) if bins else None
