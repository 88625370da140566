"""Records of a run -> metrics, over the tracked jobs. A ratio with denominator 0 is None.

`jct_mean` is the metric to rank by. Times are seconds.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from envs.cluster.rules.measure import sweep
from envs.cluster.units import NEVER
from envs.core.jit import records
from envs.core.records import mean, quantiles, ratio

if TYPE_CHECKING:
    from envs.cluster.simulate import Run

SECOND = 1e6
CHANGE = np.dtype([("time", "i8"), ("node", "i8"), ("kind", "i8"), ("amount", "i8")])
NODE = np.dtype([("gpus", "i8"), ("held", "i8"), ("up", "i8"), ("kind", "i8")])


def metrics(run: Run) -> dict[str, Any]:
    """Every metric of the run, and under `per_tenant` those of the jobs of each tenant."""
    tracked = np.zeros(len(run.jobs), bool)
    first, last = run.system.scenario.options.track or (0, len(run.jobs) - 1)
    tracked[first:last + 1] = True
    finished = tracked & (run.jobs["finish_us"] >= 0)
    if not finished.any():
        return {"jobs": int(tracked.sum()), "finished": 0, "unfinished": int(tracked.sum())}
    rho = np.full(len(run.jobs), np.nan)
    rho[finished] = fairness(run, finished)
    tenants = run.system.tenant
    return {**_of_jobs(run, tracked, finished, rho), **_of_gpus(run, tracked, finished),
            "per_tenant": {int(t): _of_jobs(run, tracked & (tenants == t),
                                            finished & (tenants == t), rho)
                           for t in np.unique(tenants[tracked])}}


def _of_jobs(run: Run, tracked: np.ndarray, finished: np.ndarray,
             rho: np.ndarray) -> dict[str, Any]:
    system, everyone, done = run.system, run.jobs[tracked], run.jobs[finished]
    arrival = system.arrival_us[finished]
    jct = (done["finish_us"] - arrival) / SECOND
    return {
        "jobs": len(everyone), "finished": len(done), "unfinished": len(everyone) - len(done),
        "jct_mean": mean(jct), **_named("jct", ("median", "p90", "p99", "max"), jct),
        "makespan": None if not len(done) else float(
            done["finish_us"].max() - system.arrival_us[tracked].min()) / SECOND,
        "responsiveness_mean": mean((done["first_start_us"] - arrival) / SECOND),
        "preemptions": int(everyone["preemptions"].sum()),
        "evictions": int(everyone["evictions"].sum()),
        "overhead_s": float(everyone["overhead_us"].sum()) / SECOND,
        "lost_s": float(everyone["lost_us"].sum()) / SECOND,
        "gpu_hours": float(done["gpu_us"].sum()) / SECOND / 3600,
        **_slowdowns(jct, ideal_s(system)[finished]), **_deadlines(run, finished),
        "rho_mean": mean(rho[finished]),
        "rho_max": float(rho[finished].max()) if len(done) else None,
        "rho_unfair": mean(rho[finished] > 1),
    }


def _named(name: str, which: tuple[str, ...], values: np.ndarray) -> dict[str, float | None]:
    at = {"median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    found = quantiles(values, [at[w] for w in which])
    return {f"{name}_{w}": v for w, v in zip(which, found, strict=True)}


def ideal_s(system: Any) -> np.ndarray:
    """(n,) seconds that each job takes alone on its best type, launch included."""
    return (system.launch_us[system.cls] + system.work / best_speed(system)) / SECOND


def best_speed(system: Any) -> np.ndarray:
    """(n,) largest speed over the types that are in the cluster and allowed."""
    types = np.arange(system.speed.shape[1])
    allowed = (system.gpu_type[:, None] < 0) | (system.gpu_type[:, None] == types)
    allowed &= system.type_gpus > 0
    return np.where(allowed, system.speed[system.cls], 0.0).max(axis=1)


def _slowdowns(jct: np.ndarray, ideal: np.ndarray) -> dict[str, float | None]:
    x = ideal / jct
    slowdown = jct / ideal
    return {"slowdown_mean": mean(slowdown), **_named("slowdown", ("p99",), slowdown),
            "jain": ratio(x.sum() ** 2, len(x) * (x * x).sum())}


def _deadlines(run: Run, finished: np.ndarray) -> dict[str, Any]:
    deadline = run.system.deadline_us
    late = (run.jobs["finish_us"] - deadline)[finished & (deadline < NEVER)]
    return {"slo_jobs": len(late), "slo_misses": int((late > 0).sum()),
            "tardiness_s": float(np.maximum(late, 0).sum()) / SECOND}


def fairness(run: Run, finished: np.ndarray) -> np.ndarray:
    """Finish-time fairness of the finished jobs: JCT over that in a fair share of the cluster."""
    system, all_gpus = run.system, run.system.node_gpus.sum()
    arrival, finish = system.arrival_us[finished], run.jobs["finish_us"][finished]
    present = (_area(run, finish) - _area(run, arrival)) / (finish - arrival)
    per_type = np.bincount(system.node_type, system.node_gpus, system.speed.shape[1])
    pace = (system.speed @ per_type)[system.cls[finished]] / all_gpus
    share = np.maximum(1.0, system.gpus[finished] * present / all_gpus)
    return (finish - arrival) / (system.work[finished] / pace * share)


def _area(run: Run, at: np.ndarray) -> np.ndarray:
    """Job-microseconds that jobs were present before each instant; exact, since int64 wraps."""
    come, gone = run.system.arrival_us, np.sort(run.jobs["finish_us"][run.jobs["finish_us"] >= 0])
    return _ramp(come, at) - _ramp(gone, at)


def _ramp(steps: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Sum of max(0, at - step) over sorted steps."""
    passed = np.searchsorted(steps, at, "right")
    return passed * at - np.concatenate([[0], np.cumsum(steps)])[passed]


def _of_gpus(run: Run, tracked: np.ndarray, finished: np.ndarray) -> dict[str, float | None]:
    """Use and fragmentation from the first tracked arrival to the last tracked finish."""
    nodes, stranded = _nodes(run.system)
    totals = np.zeros(4)
    sweep(records(changes(run)), records(nodes), stranded,
          int(run.system.arrival_us[tracked].min()), int(run.jobs["finish_us"][finished].max()),
          np.zeros(4, np.int64), totals)
    held, up, with_free, lost = totals
    return {"utilisation": ratio(held, up),
            "fragmentation": ratio(lost, with_free * len(run.jobs)) or 0.0}


def _nodes(system: Any) -> tuple[np.ndarray, np.ndarray]:
    """Nodes before the first change, and `stranded[kind, free]`, a kind per size of node."""
    sizes, kind = np.unique(system.node_gpus, return_inverse=True)
    nodes = np.zeros(len(kind), NODE)
    nodes["gpus"], nodes["up"], nodes["kind"] = system.node_gpus, system.starts_up, kind
    wanted = np.bincount(np.minimum(system.gpus, sizes[-1]), minlength=sizes[-1] + 1)
    more = len(system.gpus) - np.cumsum(wanted)         # jobs that want more than so many GPUs
    free = np.arange(sizes[-1] + 1)
    return nodes, np.where(free < sizes[:, None], more, 0)


def changes(run: Run) -> np.ndarray:
    """Every change of a node's held GPUs and state (CHANGE), in the order of the sweep."""
    segment, piece = held(run)
    begin, end = run.segments["start_us"][segment], run.segments["end_us"][segment]
    gone, log = end >= 0, run.node_log
    found = np.concatenate([
        _changes(end[gone], piece["node"][gone], 0, -piece["gpus"][gone].astype(np.int64)),
        _changes(log["time_us"], log["node"], 1, log["up"]),
        _changes(begin, piece["node"], 0, piece["gpus"])])
    return found[np.argsort(found["time"], kind="stable")]


def held(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """The segment that each of the held pieces belongs to, and the pieces."""
    first, number = run.segments["first"].astype(np.int64), run.segments["count"]
    segment = np.repeat(np.arange(len(number)), number)
    offset = first - np.concatenate([[0], np.cumsum(number)[:-1]])
    return segment, run.pieces[offset[segment] + np.arange(len(segment))]


def _changes(time: np.ndarray, node: np.ndarray, kind: int, amount: np.ndarray) -> np.ndarray:
    found = np.zeros(len(time), CHANGE)
    found["time"], found["node"], found["kind"], found["amount"] = time, node, kind, amount
    return found
