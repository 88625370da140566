"""A scenario bound to the families of a trace: integer indices and the figures of section 4.

Kernels, planners, metrics and pictures all read this one object; nothing here changes in a run.
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from envs.blis.profiles import Variant
from envs.blis.scenario import Accelerator, Scenario
from envs.core.errors import ScenarioError, TraceError, nearest

EPSILON = 1e-6      # ms; the only tolerance of the domain


@dataclass(frozen=True)
class System:
    """Figures per type t (T), family k (K), variant j (V), device d (D), batch size b (S + 1)."""

    scenario: Scenario
    families: tuple[str, ...]
    slo_ms: np.ndarray            # (K,) allowance of the family
    types: tuple[str, ...]
    count: np.ndarray             # (T,) devices of the type
    device_type: np.ndarray       # (D,)
    variants: tuple[str, ...]     # (V,) "family/variant", family by family
    variant_family: np.ndarray    # (V,)
    accuracy: np.ndarray          # (V,) percent
    tabulated: np.ndarray         # (T, V) the profile has the pair
    cap0: np.ndarray              # (T, V) B0: largest batch within its share of the allowance, or 0
    cap: np.ndarray               # (T, V) B = max(B0, min_cap); 0 without a table
    peak: np.ndarray              # (T, V) req/s at B0, 0 if B0 = 0
    load_ms: np.ndarray           # (T, V) inf without a table
    latency: np.ndarray           # (T, V, S + 1) L(b); nan outside the table
    charge: np.ndarray            # (T, V, S + 1) duration of a launch of b requests
    take: np.ndarray              # (T, V, S + 1) requests that a launch takes of b queued
    allowed: tuple[tuple[tuple[int, ...], ...], ...]   # (T)(V) allowed batch sizes
    default_variant: np.ndarray   # (K, T) variant of count-based policies, -1 none

    @property
    def hostable(self) -> np.ndarray:
        """(T, V) pairs that keep the allowance at some batch size."""
        return self.cap0 > 0

    @property
    def devices(self) -> int:
        """D."""
        return len(self.device_type)


def bind(scenario: Scenario, families: Sequence[str], family_slo_ms: Mapping[str, float]) -> System:
    """Indices and figures for these families in this order.

    Raises `ScenarioError` for a family without an allowance, `TraceError` without a variant.
    """
    _check_names(scenario, families)
    slo = np.array([_allowance(scenario, f, family_slo_ms) for f in families], float)
    profile = [v for f in families for v in _variants(scenario, f)]
    types = scenario.accelerators
    count = np.array([a.count for a in types])
    shape = (len(types), len(profile))
    widest = max((max(t) for v in profile for t in v.latency_ms.values()), default=1)
    tables = {name: np.full((*shape, widest + 1), np.nan) for name in ("latency", "charge")}
    take = np.zeros((*shape, widest + 1), np.int64)
    cap0, cap = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    peak, load = np.zeros(shape), np.full(shape, np.inf)
    allowed: list[list[tuple[int, ...]]] = [[() for _ in profile] for _ in types]
    index = {f: k for k, f in enumerate(families)}
    for t, a in enumerate(types):
        for j, v in enumerate(profile):
            table = v.latency_ms.get(a.profile)
            if table is None:
                continue
            _fill_latency(tables["latency"][t, j], table)
            latency = tables["latency"][t, j]
            sizes = allowed[t][j] = _allowed_sizes(scenario, table)
            limit = scenario.options.slo_fraction * slo[index[v.family]] + EPSILON
            cap0[t, j] = max((b for b in sizes if latency[b] <= limit), default=0)
            cap[t, j] = max(cap0[t, j], scenario.options.min_cap)
            if cap0[t, j]:
                peak[t, j] = cap0[t, j] * 1000 / latency[cap0[t, j]]
            load[t, j] = _load_ms(scenario, a, v)
            _fill_launches(scenario.options.fit, sizes, int(cap[t, j]), latency,
                           tables["charge"][t, j], take[t, j])
    family_of = np.array([index[v.family] for v in profile], np.int64)
    accuracy = np.array([v.accuracy for v in profile])
    return System(
        scenario, tuple(families), slo, tuple(a.name for a in types), count,
        np.repeat(np.arange(len(types)), count), tuple(f"{v.family}/{v.name}" for v in profile),
        family_of, accuracy, np.isfinite(load), cap0, cap, peak, load, tables["latency"],
        tables["charge"], take, tuple(tuple(row) for row in allowed),
        _defaults(scenario, family_of, accuracy, cap0 > 0, len(families)))


def bind_trace(scenario: Scenario, trace) -> System:
    """`bind` for the families and allowances of a trace (sections 1 and 3)."""
    present = sorted({trace.families[k] for k in np.unique(trace.family)})
    families = scenario.options.families or tuple(present)
    for f in present:
        if f not in families:
            raise ScenarioError(f'option `families` lacks "{f}", which has requests', trace.name,
                                "add it to the list")
    slo = {trace.families[k]: float(trace.slo_ms[trace.family == k].min())
           for k in np.unique(trace.family)}
    return bind(scenario, families, {**slo, **scenario.options.family_slo_ms})


def _check_names(scenario: Scenario, families: Sequence[str]) -> None:
    """Options per family name families that exist."""
    known = {*families, *(v.family for v in scenario.profile)}
    demand = scenario.options.allocation.initial_demand
    given = {"family_slo_ms": scenario.options.family_slo_ms,
             "allocation.initial_demand": demand if isinstance(demand, Mapping) else {}}
    for key, names in given.items():
        for name in names:
            if name not in known:
                raise ScenarioError(f'unknown family "{name}"', f"{scenario.name}: {key}",
                                    nearest(name, sorted(known)))


def _allowance(scenario: Scenario, family: str, known: Mapping[str, float]) -> float:
    value = scenario.options.family_slo_ms.get(family, known.get(family))
    if value is None:
        raise ScenarioError(f'family "{family}" has no requests and no allowance',
                            f"{scenario.name}: family_slo_ms", f"add `{family}: ...`")
    return value


def _variants(scenario: Scenario, family: str) -> list[Variant]:
    found = [v for v in scenario.profile if v.family == family]
    if not found:
        known = sorted({v.family for v in scenario.profile})
        raise TraceError(f'family "{family}" has no variant in the profile', scenario.name,
                         f"rename it (option rename) to one of: {', '.join(known)}")
    return found


def _fill_latency(latency: np.ndarray, table: Mapping[int, float]) -> None:
    sizes = sorted(table)
    for b0, b1 in zip(sizes, [*sizes[1:], None], strict=True):
        latency[b0] = table[b0]
        for b in range(b0 + 1, b1 or 0):
            latency[b] = table[b0] + ((table[b1] - table[b0]) * (b - b0)) / (b1 - b0)


def latency_at(system: System, t: int, j: int, b: int) -> float:
    """L(b) of a pair; a size outside its table is a `ScenarioError`."""
    row = system.latency[t, j]
    if not 1 <= b < len(row) or math.isnan(row[b]):
        last = int(np.flatnonzero(~np.isnan(row))[-1]) if system.tabulated[t, j] else 0
        raise ScenarioError(f"batch size {b} is outside the table 1..{last}",
                            f"{system.variants[j]} on {system.types[t]}", "measure that size")
    return float(row[b])


def _allowed_sizes(scenario: Scenario, table: Mapping[int, float]) -> tuple[int, ...]:
    options = scenario.options
    if options.batching.policy == "single":
        return (1,)
    if options.batch_sizes is None:
        return tuple(sorted(table))
    return tuple(b for b in options.batch_sizes if b <= max(table))


def _load_ms(scenario: Scenario, a: Accelerator, v: Variant) -> float:
    scale = scenario.options.load_scale
    if scale == 0:
        return 0.0
    if a.profile in v.load_ms:
        return scale * v.load_ms[a.profile]
    return scale * (a.load_fixed_ms + v.size_mb * 1000 / a.load_mb_per_s)


def _fill_launches(fit: str, sizes, cap: int, latency, charge, take) -> None:
    """`take(x)` and `charge(c)` of section 4 for x, c = 1..B."""
    for x in range(1, cap + 1):
        take[x] = max(b for b in sizes if b <= x) if fit == "floor" else x
        charge[x] = latency[min(b for b in sizes if b >= x)] if fit == "pad" else latency[x]


def _defaults(scenario: Scenario, family_of, accuracy, hostable, families: int) -> np.ndarray:
    sign = 1 if scenario.options.default_variant == "least_accurate" else -1
    chosen = np.full((families, len(hostable)), -1)
    for k in range(families):
        for t, row in enumerate(hostable):
            fit = [j for j in np.flatnonzero(row) if family_of[j] == k]
            if fit:
                chosen[k, t] = min(fit, key=lambda j: (sign * accuracy[j], j))
    return chosen
