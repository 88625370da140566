"""Records of a run -> metrics. What is undefined is None.

Times are in the machine's unit; busy and stall are per device type, bytes per memory node.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.core.records import quantiles, ratio
from envs.dag.units import NEVER, factor

if TYPE_CHECKING:
    from envs.dag.simulate import Run

BOUNDS = ("cp", "area_lp", "path_lp", "lb")


def metrics(run: Run, bounds: Sequence[Mapping[str, float]] | None = None) -> dict[str, Any]:
    """Every metric of the run; `bounds` has the lower bounds (ticks) of every job in order."""
    left = int((~_finished(run.tasks)).sum())
    return {
        "jobs": len(run.jobs), "tasks": len(run.tasks), "unfinished": left,
        **_times(run), **_of_types(run), **_of_transfers(run),
        "waits": run.waits, "decisions": run.decisions, **_over(run, bounds),
    }


def per_unit(run: Run) -> int:
    """Ticks per unit of time of the machine."""
    machine = run.system.scenario.machine
    return factor(machine.unit, machine.resolution)


def done(run: Run) -> bool:
    """Whether every task of the run finished."""
    return bool(len(run.tasks)) and bool(_finished(run.tasks).all())


def jct(run: Run) -> np.ndarray:
    """(J,) completion time minus arrival, ticks; meant for runs that are done."""
    return run.jobs["finish"] - run.jobs["arrival"]


def mean_jct(run: Run) -> float | None:
    """Mean JCT in ticks, weighted as the jobs are; None while a task is unfinished."""
    return float(np.average(jct(run), weights=weights(run))) if done(run) else None


def weights(run: Run) -> np.ndarray:
    """(J,) weights of the jobs."""
    return np.array([job.weight for job in run.trace.jobs], float)


def makespan(run: Run) -> int | None:
    """Last finish of all jobs in ticks; None while a task is unfinished."""
    return int(run.jobs["finish"].max()) if done(run) else None


def ran(run: Run) -> np.ndarray:
    """The finished tasks that took a worker."""
    return run.tasks[_finished(run.tasks) & (run.tasks["worker"] >= 0)]


def _finished(tasks: np.ndarray) -> np.ndarray:
    return (tasks["finish"] >= 0) & (tasks["finish"] < NEVER)


def _times(run: Run) -> dict[str, float | None]:
    unit, last, mean = per_unit(run), makespan(run), mean_jct(run)
    p95, = quantiles(jct(run) if mean is not None else np.empty(0), [0.95])
    return {"makespan": _scaled(last, unit), "jct_mean": _scaled(mean, unit),
            "jct_p95": _scaled(p95, unit)}


def _scaled(ticks: float | None, unit: int) -> float | None:
    return None if ticks is None else float(ticks) / unit


def _of_types(run: Run) -> dict[str, dict[str, float | None]]:
    """Busy share of the makespan, and time between assignment and start, of each device type."""
    machine, tasks, last = run.system.scenario.machine, ran(run), makespan(run)
    kind, types = machine.type_of[tasks["worker"]], len(machine.types)
    busy = _sums(kind, tasks["finish"] - tasks["start"], types)
    stall = _sums(kind, tasks["start"] - tasks["assigned"], types)
    count = np.bincount(machine.type_of, minlength=types)
    unit = per_unit(run)
    return {"busy": {name: None if last is None else ratio(busy[y], last * count[y])
                     for y, name in enumerate(machine.types)},
            "stall": {name: float(stall[y]) / unit for y, name in enumerate(machine.types)}}


def _of_transfers(run: Run) -> dict[str, Any]:
    fetches, stages, writebacks = run.moved.tolist()
    return {"fetches": fetches, "stages": stages, "writebacks": writebacks,
            "bytes_moved": int(run.bytes_in.sum()), "bytes_in": run.bytes_in.tolist(),
            "bytes_out": run.bytes_out.tolist(), "evictions": run.clean + run.dirty,
            "evictions_clean": run.clean, "evictions_dirty": run.dirty}


def _sums(group: np.ndarray, amount: np.ndarray, groups: int) -> np.ndarray:
    """(groups,) exact sums of int64 amounts."""
    found = np.zeros(groups, np.int64)
    np.add.at(found, group, amount)
    return found


def _over(run: Run, bounds: Sequence[Mapping[str, float]] | None) -> dict[str, float | None]:
    """What the run was judged by over each of the bounds."""
    return {f"over_{name}": over(run, [b[name] for b in bounds] if bounds else None)
            for name in BOUNDS}


def over(run: Run, bounds: Sequence[float] | None) -> float | None:
    """Makespan, or mean JCT where that is the objective, over a bound (ticks) of every job."""
    if bounds is None or not done(run):
        return None
    if run.system.scenario.options.objective == "jct":
        return ratio(mean_jct(run), float(np.average(bounds, weights=weights(run))))
    return ratio(makespan(run), float((run.jobs["arrival"] + np.asarray(bounds, float)).max()))
