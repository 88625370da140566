"""Numbers that look as if they were in other units than their names say."""
from __future__ import annotations

import numpy as np

from envs.blis.replay import Trace
from envs.blis.system import System
from envs.core.findings import Finding

HOUR_MS = 3.6e6
LONG_SLO_MS = 60_000.0          # nobody calls a minute a deadline of an inference request
SHORT_SLO = 60.0                # an allowance up to a minute, if it were in seconds
SLOW_MS = 5_000.0               # a single inference that takes this long is no service
FAST_MS = 2.0                   # all batches of all models within this are too good to be true
SHORT_WINDOW_MS = 10.0


def check(system: System, trace: Trace, mean_ratio: float) -> list[Finding]:
    """All that looks wrong; `mean_ratio` is capacity over mean demand."""
    return [*_allowances(system), *_latencies(system), *_arrivals(system, trace, mean_ratio),
            *_accuracies(system, trace), *_window(system, trace)]


def first_latency(system: System, k: int) -> np.ndarray:
    """L(1) of every variant of a family on every type that the cluster has devices of."""
    table = system.latency[system.count > 0][:, system.variant_family == k, 1]
    return table[~np.isnan(table)]


def _allowances(system: System) -> list[Finding]:
    theta = system.scenario.options.slo_fraction
    seconds, micros = [], []
    for k, family in enumerate(system.families):
        slo, first = system.slo_ms[k], first_latency(system, k)
        if not len(first):
            continue
        if slo <= SHORT_SLO and theta * slo < first.min() <= theta * slo * 1000:
            seconds.append(family)
        if slo >= LONG_SLO_MS and first.min() <= theta * slo / 1000:
            micros.append(family)
    return [Finding(True, "slo_ms", f"the allowances of {', '.join(families)} look like {unit}",
                    f"multiply slo_ms by {factor}")
            for families, unit, factor in ((seconds, "seconds", "1000"),
                                           (micros, "microseconds", "0.001")) if families]


def _latencies(system: System) -> list[Finding]:
    theta = system.scenario.options.slo_fraction
    known = system.latency[~np.isnan(system.latency)]
    first = np.concatenate([first_latency(system, k) for k in range(len(system.families))])
    if not len(first):
        return []
    if known.max() < FAST_MS and system.slo_ms.min() > 100 * known.max():
        return [Finding(True, "latency_ms", f"the longest latency of the profile is "
                        f"{known.max():g} ms: it looks like seconds", "multiply latency_ms by "
                        "1000")]
    typical = np.median(first)
    if typical > SLOW_MS and not system.hostable.any() and (
            typical / 1000 <= theta * system.slo_ms.max()):
        return [Finding(True, "latency_ms", f"a single inference takes {typical:g} ms: it looks "
                        "like microseconds", "multiply latency_ms by 0.001")]
    return []


def _arrivals(system: System, trace: Trace, mean_ratio: float) -> list[Finding]:
    window, end = system.scenario.options.window_ms, trace.end_ms
    first = float(trace.arrival_ms[0]) if len(trace) else 0.0
    if first > max(10 * window, end / 2):
        return [Finding(True, "arrival_ms", f"the first request comes at {first:g} ms: the clock "
                        "does not start with the trace", "subtract the first arrival")]
    if mean_ratio < 0.5 and end < 100 * window:
        return [Finding(True, "arrival_ms", f"{len(trace)} requests in {end:g} ms look like "
                        "seconds", "set time_scale: 1000")]
    if mean_ratio > 1000 and end > 2 * HOUR_MS:
        return [Finding(True, "arrival_ms", f"{len(trace)} requests in {end / HOUR_MS:.1f} h "
                        "look like microseconds", "set time_scale: 0.001")]
    return []


def _accuracies(system: System, trace: Trace) -> list[Finding]:
    places = (("accuracy of the profile", system.accuracy), ("accuracy of the trace",
                                                             trace.accuracy))
    return [Finding(True, place, "all values are at most 1: they look like fractions",
                    "write percent")
            for place, values in places if len(values) and 0 < values.max() <= 1]


def _window(system: System, trace: Trace) -> list[Finding]:
    window = system.scenario.options.window_ms
    if window < SHORT_WINDOW_MS:
        return [Finding(True, "window_ms", f"a control window of {window:g} ms looks like seconds",
                        "write milliseconds")]
    if trace.end_ms < window:
        return [Finding(False, "window_ms", f"the trace ends within the first window of {window:g}"
                        " ms: nothing is ever reallocated", "give a longer trace or a shorter "
                        "window")]
    return []
