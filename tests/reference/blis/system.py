"""The figures behind a run: types, devices, variants, and the pairs of both."""

import math
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add
from types import SimpleNamespace

EPSILON = 1e-6


def past(x: float, y: float) -> bool:
    """Whether time x is past limit y: the only tolerance there is."""
    return x > y + EPSILON


def total(values: Iterable[float]) -> float:
    """A sum from left to right; the built-in one compensates rounding since Python 3.12."""
    return reduce(add, values, 0.0)


class Pair:
    """A variant on a type: latency per batch size, cap, peak rate, load time."""

    def __init__(self, table: dict[int, float], slo: float, load_ms: float, o: SimpleNamespace):
        sizes = sorted(table)
        self.latency = [math.nan] + [_interpolate(table, sizes, b) for b in range(1, sizes[-1] + 1)]
        self.allowed = _allowed(sizes, o)
        limit = o.slo_fraction * slo
        fitting = [b for b in self.allowed if not past(self.latency[b], limit)]
        self.cap0 = max(fitting, default=0)
        self.cap = max(self.cap0, o.min_cap)
        self.peak = self.cap0 * 1000 / self.latency[self.cap0] if self.cap0 else 0.0
        self.load_ms = load_ms
        self.taken = [self._take(x, o.fit) for x in range(self.cap + 1)]
        self.charged = [math.nan] + [self._charge(c, o.fit) for c in range(1, self.cap + 1)]

    def take(self, queued: int) -> int:
        """How many of the queued requests a full launch takes."""
        return self.taken[queued if queued < self.cap else self.cap]

    def charge(self, count: int) -> float:
        """How long a launch of so many requests lasts."""
        return self.charged[count]

    def _take(self, x: int, fit: str) -> int:
        return max((b for b in self.allowed if b <= x), default=0) if fit == "floor" else x

    def _charge(self, c: int, fit: str) -> float:
        size = min(b for b in self.allowed if b >= c) if fit == "pad" else c
        return self.latency[size]


def _interpolate(table: dict[int, float], sizes: list[int], b: int) -> float:
    if b in table:
        return table[b]
    b0, b1 = max(s for s in sizes if s < b), min(s for s in sizes if s > b)
    return table[b0] + ((table[b1] - table[b0]) * (b - b0)) / (b1 - b0)


def _allowed(sizes: list[int], o: SimpleNamespace) -> list[int]:
    if o.batching.policy == "single":
        return [1]
    return sizes if o.batch_sizes is None else [b for b in o.batch_sizes if b <= sizes[-1]]


class Variant:
    """One model of one family."""

    def __init__(self, family: int, row: dict):
        self.family, self.accuracy, self.row = family, row["accuracy"], row
        self.name = f"{row['family']}/{row['variant']}"


class System:
    """A scenario with its families: everything that does not change during a run."""

    def __init__(self, o: SimpleNamespace, families: Sequence[str], slo: Sequence[float]):
        self.options, self.families, self.slo = o, list(families), list(slo)
        self.count = [a["count"] for a in o.accelerators]
        self.types, self.levels = range(len(self.count)), o.qos.levels
        self.device_type = [t for t in self.types for _ in range(self.count[t])]
        self.variants = [Variant(k, row) for k, f in enumerate(families) for row in o.profile
                         if row["family"] == f and _named(row, o.variants)]
        self.index = {v.name: j for j, v in enumerate(self.variants)}
        self.of_family = [[j for j, v in enumerate(self.variants) if v.family == k]
                          for k in range(len(families))]
        self.pairs = [[self._pair(a, v) for v in self.variants] for a in o.accelerators]
        self.default = [[self._default(k, t) for t in self.types] for k in range(len(families))]

    def pair(self, device: int, variant: int) -> Pair | None:
        """The pair of a device's type and a variant, None without a latency table."""
        return self.pairs[self.device_type[device]][variant]

    def hostable(self, device: int, variant: int) -> bool:
        """Whether some batch size of the variant is fast enough on the device."""
        pair = self.pair(device, variant)
        return pair is not None and pair.cap0 > 0

    def _pair(self, accelerator: dict, v: Variant) -> Pair | None:
        column = accelerator.get("profile", accelerator["name"])
        table = v.row["latency_ms"].get(column)
        if table is None:
            return None
        load_ms = _load_ms(accelerator, v.row, column, self.options.load_scale)
        sizes = {int(b): ms for b, ms in table.items()}
        return Pair(sizes, self.slo[v.family], load_ms, self.options)

    def _default(self, k: int, t: int) -> int | None:
        sign = 1 if self.options.default_variant == "least_accurate" else -1
        hostable = [j for j in self.of_family[k] if self.pairs[t][j] and self.pairs[t][j].cap0]
        return min(hostable, key=lambda j: (sign * self.variants[j].accuracy, j), default=None)


def _named(row: dict, names: Sequence[str] | None) -> bool:
    return (names is None or row["variant"] in names
            or f"{row['family']}/{row['variant']}" in names)


def _load_ms(accelerator: dict, row: dict, column: str, scale: float) -> float:
    if scale == 0:
        return 0.0
    if column in row.get("load_ms", {}):
        return scale * row["load_ms"][column]
    rate = accelerator.get("load_mb_per_s", 1000)
    return scale * (accelerator.get("load_fixed_ms", 0) + row["size_mb"] * 1000 / rate)
