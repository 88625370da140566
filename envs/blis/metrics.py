"""Records of a run -> metrics. A ratio with denominator 0 is None.

`accuracy_per_request` is the metric to rank by: a missed request is worth 0.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from envs.blis.state import (
    EXPIRED,
    HOPELESS,
    LATE,
    MET,
    NO_PREDICTOR,
    QOS,
    QUEUED,
    REJECTED,
    STARTED,
)
from envs.core.records import mean, quantiles, ratio

if TYPE_CHECKING:
    from envs.blis.simulate import Run

REASONS = {"no_predictor": NO_PREDICTOR, "rejected": REJECTED, "qos": QOS, "expired": EXPIRED,
           "hopeless": HOPELESS}
EPSILON = 1e-6


def metrics(run: Run) -> dict[str, Any]:
    """Every metric of the run, and under `per_family` those of the requests of each family."""
    records, families = run.records, run.system.families
    missed = run.windows["missed"].sum(axis=0)
    return {
        **_of_requests(run, records), "qos_missed": int(run.qos_missed),
        "duration_ms": run.t_end_ms, **_of_devices(run), "reallocations": run.reallocations,
        "loads": run.loads,
        "per_family": {
            name: {**_of_requests(run, records[records["family"] == k]),
                   "qos_missed": int(missed[k])} for k, name in enumerate(families)},
    }


def _of_requests(run: Run, records: np.ndarray) -> dict[str, Any]:
    status = records["status"]
    met, late = status == MET, status == LATE
    unfinished = (status == QUEUED) | (status == STARTED)
    pending = _pending(run, records, unfinished)
    reasons = {name: int((status == code).sum()) for name, code in REASONS.items()}
    resolved = len(records) - int(pending.sum())
    attained = ratio(met.sum(), resolved)
    return {
        "arrivals": len(records), "met": int(met.sum()), "late": int(late.sum()),
        "dropped": sum(reasons.values()), "dropped_by": reasons,
        "unfinished": int(unfinished.sum()), "pending": int(pending.sum()),
        "slo_attainment": attained, "slo_violation": None if attained is None else 1 - attained,
        **_accuracies(run, records, met, met | late, resolved),
        "throughput_rps": ratio(1000 * (met | late).sum(), run.t_end_ms),
        "goodput_rps": ratio(1000 * met.sum(), run.t_end_ms),
        **_latencies(records[met | late]),
    }


def _pending(run: Run, records: np.ndarray, unfinished: np.ndarray) -> np.ndarray:
    """Unfinished requests whose deadline the horizon has not passed."""
    horizon = run.system.scenario.options.horizon_ms
    if horizon is None:
        return np.zeros(len(records), bool)
    return unfinished & (horizon <= records["arrival_ms"] + records["slo_ms"] + EPSILON)


def _accuracies(run: Run, records, met, completed, resolved: int) -> dict[str, float | None]:
    of_met = run.system.accuracy[records["variant"][met]]
    of_completed = run.system.accuracy[records["variant"][completed]]
    finish = records["finish_ms"][completed]
    places = np.ceil(finish / run.system.scenario.options.accuracy_bin_ms) - 1
    _, places = np.unique(np.maximum(places, 0), return_inverse=True)
    bins = np.bincount(places, of_completed) / np.bincount(places) if len(finish) else None
    return {
        "effective_accuracy": mean(of_completed), "effective_accuracy_met": mean(of_met),
        "accuracy_per_request": ratio(of_met.sum(), resolved),
        "max_accuracy_drop": None if bins is None else float(100 - bins.min()),
    }


def _latencies(completed: np.ndarray) -> dict[str, float | None]:
    latency = completed["finish_ms"] - completed["arrival_ms"]
    names = ("latency_p50_ms", "latency_p90_ms", "latency_p99_ms", "latency_max_ms")
    return {
        "latency_mean_ms": mean(latency),
        **dict(zip(names, quantiles(latency, (0.5, 0.9, 0.99, 1.0)), strict=True)),
        "wait_mean_ms": mean(completed["start_ms"] - completed["arrival_ms"]),
    }


def _of_devices(run: Run) -> dict[str, Any]:
    """Launches: the requests of one device that started at one time are one batch."""
    started = run.records[np.isfinite(run.records["start_ms"])]
    started = started[np.lexsort((started["start_ms"], started["device"]))]
    new = (np.diff(started["start_ms"], prepend=-1.0) != 0) | (
        np.diff(started["device"], prepend=-1) != 0)
    first = started[new]
    end = np.fmin(first["finish_ms"], run.t_end_ms)     # of a running batch: NaN gives way
    busy = np.bincount(first["device"], end - first["start_ms"], run.system.devices)
    sizes, launches = np.unique(np.diff(np.flatnonzero(new), append=len(started)),
                                return_counts=True)
    return {
        "utilisation": ratio(busy.sum(), run.system.devices * run.t_end_ms),
        "busy_ms": [float(b) for b in busy], "batches": len(first),
        "mean_batch": ratio(len(started), len(first)),
        "batch_histogram": {int(s): int(n) for s, n in zip(sizes, launches, strict=True)},
    }
