"""What a comparison found: outcomes per window and seed, standings per contender."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from agents.contenders import Contender
from agents.domains import Column, Domain
from agents.evaluation import intervals
from agents.evaluation.intervals import Interval


@dataclass(frozen=True)
class Outcome:
    """One contender on one window under one seed."""

    contender: str
    window: str
    seed: int
    seconds: float              # wall time of the run
    metrics: dict[str, Any]
    digest: Any = None


@dataclass(frozen=True)
class Standing:
    """One line of the table; metrics in the units of their columns."""

    contender: Contender
    mean: dict[str, float | None]       # metric -> mean over windows and seeds
    median: dict[str, float | None]
    iqm: Interval                       # of the main metric, like all that follow
    improvement: Interval | None        # probability of beating the strongest baseline
    difference: Interval | None         # paired mean difference to the strongest baseline
    gap: float | None                   # what is missing to the bound
    seconds: float


@dataclass
class Comparison:
    """Outcomes of all contenders on the same windows and seeds."""

    domain: Domain
    scenario: Any
    trace: str
    contenders: Sequence[Contender]
    windows: Sequence[Any]
    seeds: Sequence[int]
    outcomes: list[Outcome]
    part: str = "test"
    window_length: float | None = None
    notes: list[str] = field(default_factory=list)
    strata: Sequence[str] = ()          # a label per window; intervals redraw windows within it

    def __post_init__(self) -> None:
        places = {c.name: i for i, c in enumerate(self.contenders)}
        windows = {w.name: i for i, w in enumerate(self.windows)}
        self.outcomes.sort(key=lambda o: (places[o.contender], windows[o.window], o.seed))
        present = {o.contender for o in self.outcomes}
        self.contenders = [c for c in self.contenders if c.name in present]

    def of(self, name: str) -> list[Outcome]:
        """The outcomes of one contender, window by window."""
        return [o for o in self.outcomes if o.contender == name]

    def scores(self, name: str, column: Column | None = None) -> np.ndarray:
        """(window, seed) values of a metric in its column's unit; nan where there is none."""
        column = column or self.domain.main
        values = [o.metrics.get(column.metric) for o in self.of(name)]
        table = np.array([np.nan if v is None else v for v in values], float)
        return column.factor * table.reshape(len(self.windows), len(self.seeds))

    @cached_property
    def strongest(self) -> str | None:
        """The baseline with the best mean that is told nothing of the future."""
        return self._best([c for c in self.contenders
                           if c.kind == "baseline" and not c.privileged])

    @cached_property
    def bound(self) -> str | None:
        """The best privileged contender."""
        return self._best([c for c in self.contenders if c.privileged])

    def _best(self, among: Sequence[Contender]) -> str | None:
        return max((c.name for c in among), key=self._rank, default=None)

    def _rank(self, name: str) -> tuple[float, float]:
        """Larger is better: who leaves something undone stands behind all who do not."""
        undone = [o.metrics.get(self.domain.incomplete) or 0 for o in self.of(name)]
        return -float(np.sum(undone)), self._worth(name)

    def _worth(self, name: str) -> float:
        """Mean of the main metric, larger is better, nothing is worst."""
        mean = _mean(self._signed(name))
        return -np.inf if mean is None else mean

    def _signed(self, name: str) -> np.ndarray:
        return self.scores(name) * (1 if self.domain.main.larger_is_better else -1)

    def standings(self) -> list[Standing]:
        """Best first."""
        order = sorted(self.contenders, key=lambda c: self._rank(c.name), reverse=True)
        return [self._standing(c) for c in order]

    def _standing(self, contender: Contender) -> Standing:
        name, columns = contender.name, self.domain.columns
        scores = {c.metric: self.scores(name, c) for c in columns}
        gain = None if self.strongest in (None, name) else (
            self._signed(name) - self._signed(self.strongest))
        gap = None if self.bound is None else self._worth(self.bound) - self._worth(name)
        gap = gap if gap is not None and np.isfinite(gap) else None
        return Standing(
            contender, {m: _mean(s) for m, s in scores.items()},
            {m: _median(s) for m, s in scores.items()},
            self.interval(scores[self.domain.main.metric], intervals.interquartile_mean),
            None if gain is None else self.interval(gain, intervals.share_above),
            None if gain is None else self.interval(gain, intervals.mean), gap,
            float(np.mean([o.seconds for o in self.of(name)])))

    def interval(self, scores: np.ndarray, statistic: intervals.Statistic) -> Interval:
        """Over the windows in which the metric exists under every seed."""
        known = np.isfinite(scores).all(axis=1)
        if not known.any():
            return Interval(np.nan, np.nan, np.nan)
        strata = [s for s, k in zip(self.strata, known, strict=True) if k] if self.strata else None
        return intervals.bootstrap(scores[known], statistic, strata)


def joined(points: Mapping[str, Comparison]) -> Comparison:
    """One comparison over all points of a sweep: each point is a stratum of its windows. Who is
    told the future at one of them is a bound."""
    first = next(iter(points.values()))
    windows = [replace(w, name=f"{label}: {w.name}") for label, c in points.items()
               for w in c.windows]
    outcomes = [replace(o, window=f"{label}: {o.window}") for label, c in points.items()
                for o in c.outcomes]
    told = {c.name for p in points.values() for c in p.contenders if c.privileged}
    everywhere = [replace(c, privileged=c.name in told) for c in first.contenders
                  if all(p.of(c.name) for p in points.values())]
    names, traces = {c.name for c in everywhere}, {p.trace for p in points.values()}
    trace = first.trace if len(traces) == 1 else ""
    return Comparison(
        first.domain, first.scenario, trace, everywhere, windows, first.seeds,
        [o for o in outcomes if o.contender in names], first.part, first.window_length,
        sorted({n for c in points.values() for n in c.notes}),
        [label for label, c in points.items() for _ in c.windows])


def _mean(scores: np.ndarray) -> float | None:
    known = scores[np.isfinite(scores)]
    return float(known.mean()) if len(known) else None


def _median(scores: np.ndarray) -> float | None:
    known = scores[np.isfinite(scores)]
    return float(np.median(known)) if len(known) else None
