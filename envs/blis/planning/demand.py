"""Requests per second that a planner expects of every family."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from envs.core.errors import ScenarioError, nearest

if TYPE_CHECKING:
    from envs.blis.options import Demand
    from envs.blis.planning.base import View
    from envs.blis.replay import Trace
    from envs.blis.system import System


def expected(view: View, demand: Demand, horizon: int) -> np.ndarray:
    """(K,) by option `demand`; kind `future` looks `horizon` windows ahead in the trace."""
    window_ms = view.system.scenario.options.window_ms
    if demand.kind == "future":
        per_window = _future(view, max(1, horizon), window_ms)
    else:
        per_window = _estimate(view.arrivals, demand, len(view.system.families))
    return per_window * 1000 / window_ms


def _estimate(arrivals: Sequence[np.ndarray], demand: Demand, families: int) -> np.ndarray:
    end = len(arrivals) - demand.lag
    if end <= 0:
        return np.zeros(families)
    kept = np.asarray(arrivals[max(0, end - demand.span):end], float)
    if demand.kind == "last":
        return kept[-1]
    return kept.mean(axis=0) if demand.kind == "mean" else ewma(kept, demand.com)


def ewma(rows: np.ndarray, com: float) -> np.ndarray:
    """Exponentially weighted mean of the rows, oldest first, with centre of mass `com`."""
    keep = 1 - 1 / (1 + com)
    value, weight = rows[0], 1.0
    for row in rows[1:]:
        weight *= keep
        value = (weight * value + row) / (weight + 1)
        weight += 1
    return value


def _future(view: View, windows: int, window_ms: float) -> np.ndarray:
    if view.trace is None:
        raise ScenarioError("kind future needs the trace", "allocation.demand",
                            "use last, mean or ewma where the trace is not known in advance")
    begin = (view.window + 1) * window_ms
    first, last = np.searchsorted(
        view.trace.arrival_ms, (begin, begin + windows * window_ms), side="right")
    return _counts(view.system, view.trace, slice(first, last)) / windows


def _counts(system: System, trace: Trace, part: slice) -> np.ndarray:
    """Requests per family, in the order of the system's families."""
    counts = np.bincount(trace.family[part], minlength=len(trace.families))
    by_name = dict(zip(trace.families, counts.tolist(), strict=True))
    return np.array([by_name.get(name, 0) for name in system.families], float)


def initial_demand(system: System, trace: Trace | None) -> np.ndarray:
    """(K,) of time 0 by option `initial_demand`."""
    given = system.scenario.options.allocation.initial_demand
    if isinstance(given, Mapping):
        return demand_of(system, given)
    if given == "zeros" or trace is None or len(trace.arrival_ms) == 0:
        return np.zeros(len(system.families))
    last = float(trace.arrival_ms[-1])
    counts = _counts(system, trace, slice(None))
    return counts * 1000 / last if last > 0 else np.zeros(len(counts))


def demand_of(system: System, rates: Mapping[str, float]) -> np.ndarray:
    """(K,) from a value per family, checked."""
    where = "allocation.initial_demand"
    for name in rates:
        if name not in system.families:
            raise ScenarioError(f'unknown family "{name}"', where, nearest(name, system.families))
    for name in system.families:
        if name not in rates:
            raise ScenarioError(f'family "{name}" is missing', where, f"add `{name}: ...`")
    return np.array([rates[name] for name in system.families], float)
