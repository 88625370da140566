"""What will not work, and why, before the first run: hosting, load against capacity, units.

    report = check(load_scenario("my.yaml"), "my_requests.csv")
    print(report.verdict)
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from envs.blis import units
from envs.blis.planning.programs import MaxMin, Problem
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario
from envs.blis.system import System, bind
from envs.blis.workloads import find_workload, strange_families
from envs.core.errors import ScenarioError
from envs.core.findings import Checked, Finding, Section

BUSY_WINDOWS = 10       # the busiest stretch of so many windows is what a cluster must stand
GAP, TIME_LIMIT_S = 0.01, 10.0


@dataclass(frozen=True)
class FamilyRow:
    """A family's demand against what the cluster could do for it alone."""

    family: str
    slo_ms: float
    requests: int
    mean_rps: float
    busiest_rps: float
    hostable: int               # variants that keep the allowance on some device
    variants: int
    best_accuracy: float        # of these, nan without one
    capacity_rps: float         # all devices with their fastest variant of the family


@dataclass(frozen=True)
class Report(Checked):
    """Rows per family, findings, and by how much capacity exceeds demand in every family."""

    trace: str
    rows: tuple[FamilyRow, ...]
    findings: tuple[Finding, ...]
    mean_ratio: float           # fastest variants, mean demand
    busiest_ratio: float        # fastest variants, busiest stretch
    accurate_ratio: float       # most accurate variants only, busiest stretch
    busiest_s: float

    @property
    def verdict(self) -> str:
        """One line."""
        load = (f"the cluster carries {self.mean_ratio:.3g} times the mean load and "
                f"{self.busiest_ratio:.3g} times the busiest {self.busiest_s:g} s")
        if np.isnan(self.mean_ratio):
            load = "nothing can be served within its allowance"
        return f"{self.counted}: {load}"

    def sections(self) -> list[Section]:
        """A row per family for a person."""
        header = ("family", "allowance ms", "requests", "req/s", f"busiest {self.busiest_s:g} s",
                  "hostable", "accuracy", "alone req/s")
        cells = [(r.family, f"{r.slo_ms:g}", str(r.requests), f"{r.mean_rps:.1f}",
                  f"{r.busiest_rps:.1f}", f"{r.hostable} of {r.variants}",
                  f"{r.best_accuracy:.1f}", f"{r.capacity_rps:.0f}") for r in self.rows]
        return [Section(header, cells)]


def check(scenario: Scenario, trace: str | Path | Trace | None = None) -> Report:
    """Look at a workload, by default the scenario's own, on a scenario without running it."""
    trace = scenario.options.trace if trace is None else trace
    if trace is None:
        raise ScenarioError("the scenario names no trace", scenario.name, "give trace=...")
    workload = find_workload(trace, scenario)
    strange = strange_families(workload, scenario)
    requests = _without(workload.whole(), strange)
    if not len(requests):
        nan = float("nan")
        return Report(str(workload.name), (), _strangers(strange, scenario), nan, nan, nan, nan)
    system = bind(scenario, requests.families, workload.family_slo_ms)
    mean, busiest, busiest_s = _demands(requests, scenario.options.window_ms)
    ratios = [_ratio(system, system.peak, mean), _ratio(system, system.peak, busiest),
              _ratio(system, _accurate(system), busiest)]
    findings = (
        *_strangers(strange, scenario), *units.check(system, requests, ratios[0]),
        *_unhostable(system), *_idle_types(system), *_load(system, mean, ratios, busiest_s),
    )
    rows = tuple(_row(system, requests, k, mean[k], busiest[k])
                 for k in range(len(system.families)))
    return Report(str(workload.name), rows, findings, *ratios, busiest_s)


def _without(trace: Trace, strange: list[str]) -> Trace:
    """The requests of the families that the profile has; families are those with requests."""
    kept = trace.rows(np.isin(trace.family, [k for k, name in enumerate(trace.families)
                                             if name not in strange]))
    present, family = np.unique(kept.family, return_inverse=True)
    return replace(kept, families=tuple(trace.families[k] for k in present), family=family)


def _demands(trace: Trace, window_ms: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Requests per second per family: mean, and in the stretch with the most requests."""
    families = len(trace.families)
    stretch = BUSY_WINDOWS * window_ms
    _, place, counts = np.unique(trace.arrival_ms // stretch, return_inverse=True,
                                      return_counts=True)
    inside = place == counts.argmax()
    busiest = np.bincount(trace.family[inside], minlength=families) * 1000 / stretch
    mean = np.bincount(trace.family, minlength=families) * 1000 / max(trace.end_ms, window_ms)
    return mean, busiest, stretch / 1000


def _ratio(system: System, peak: np.ndarray, demand: np.ndarray) -> float:
    """The largest factor on the demand of every hostable family that devices can be given for."""
    problem = Problem(system.count, peak, system.variant_family, system.accuracy, demand)
    if problem.total() <= 0:
        return float("nan")
    return MaxMin(problem).solve(GAP, TIME_LIMIT_S).objective or 0.0


def _accurate(system: System) -> np.ndarray:
    """Peak rates of the most accurate hostable variant of each family, 0 for the others."""
    peak = np.zeros_like(system.peak)
    usable = (system.peak > 0).any(axis=0)
    for k in range(len(system.families)):
        mine = np.flatnonzero(usable & (system.variant_family == k))
        if len(mine):
            best = mine[np.argmax(system.accuracy[mine])]
            peak[:, best] = system.peak[:, best]
    return peak


def _row(system: System, trace: Trace, k: int, mean: float, busiest: float) -> FamilyRow:
    mine = system.variant_family == k
    served = system.peak[:, mine] * (system.count > 0)[:, None]
    usable = (served > 0).any(axis=0)
    best = system.accuracy[mine][usable].max() if usable.any() else float("nan")
    fastest = served.max(axis=1, initial=0.0)
    return FamilyRow(system.families[k], float(system.slo_ms[k]), int((trace.family == k).sum()),
                     float(mean), float(busiest), int(usable.sum()), int(mine.sum()), float(best),
                     float((system.count * fastest).sum()))


def _strangers(strange: list[str], scenario: Scenario) -> tuple[Finding, ...]:
    known = ", ".join(sorted({variant.family for variant in scenario.profile}))
    return tuple(Finding(True, family, "the profile has no variant of this family", "rename it "
                         f"with the option rename (profile: {known})") for family in strange)


def _unhostable(system: System) -> list[Finding]:
    """Families whose fastest launch takes more than its share of the allowance everywhere."""
    theta = system.scenario.options.slo_fraction
    found = []
    for k, family in enumerate(system.families):
        first = units.first_latency(system, k)
        limit = theta * system.slo_ms[k]
        if not len(first):
            found.append(Finding(True, family, "no device of the cluster has a latency for it",
                                 "measure it on an accelerator that the cluster has"))
        elif first.min() > limit:
            found.append(Finding(
                True, family, f"no device can host it: its fastest variant takes {first.min():g} "
                f"ms alone, the allowance of {system.slo_ms[k]:g} ms times slo_fraction {theta:g} "
                f"leaves {limit:g} ms", f"allow at least {first.min() / theta:g} ms, or add a "
                "faster accelerator or variant"))
    return found


def _idle_types(system: System) -> list[Finding]:
    useless = (system.count > 0) & ~(system.peak > 0).any(axis=1)
    return [Finding(False, system.types[t], "these devices can host nothing within an allowance",
                    "profile faster variants for them, or leave them out")
            for t in np.flatnonzero(useless)]


def _load(
    system: System, mean: np.ndarray, ratios: list[float], busiest_s: float
) -> list[Finding]:
    mean_ratio, busiest_ratio, accurate_ratio = ratios
    wanted = int((mean > 0).sum())
    if wanted > system.devices:
        return [Finding(True, "load", f"{wanted} families share {system.devices} devices, and a "
                        "device hosts one variant at a time", "add devices or drop families")]
    if mean_ratio < 1:
        return [Finding(True, "load", "overload: with the fastest variants everywhere the cluster "
                        f"carries {mean_ratio:.2g} times the mean demand", "add devices, or scale "
                        f"the trace (name@{mean_ratio:.2g})")]
    if busiest_ratio < 1:
        return [Finding(False, "load", f"the busiest {busiest_s:g} s exceed the capacity "
                        f"({busiest_ratio:.2g} of it is there): some requests are late or "
                        "dropped whatever the policy", "expect it, or add devices")]
    if accurate_ratio > 1:
        return [Finding(False, "load", "the most accurate variants carry even the busiest "
                        f"{busiest_s:g} s ({accurate_ratio:.3g} times): there is little to decide",
                        "compare policies at a higher load (name@FACTOR)")]
    return []
