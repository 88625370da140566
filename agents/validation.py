"""How good a policy is on the validation windows, and how good the best baseline is there."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.contenders import PolicyContender
from agents.domains import Domain
from agents.evaluation import compare
from agents.evaluation.protocol import RIVALS
from agents.policy import Policy


@dataclass(frozen=True)
class Score:
    """A contender's means over the validation windows, in the units of their columns."""

    name: str
    metrics: Mapping[str, float]
    main: float         # of `chosen_by`, larger is better; nan where a window has no value
    undone: float = 0.0     # mean of what the domain counts as left undone, e.g. jobs unfinished

    @property
    def rank(self) -> tuple[float, float]:
        """Larger is better: what leaves less undone, then the metric that chooses."""
        return -self.undone, -math.inf if math.isnan(self.main) else self.main

    def better_than(self, other: Score | None) -> bool:
        """Whether it ranks higher; anything beats nothing."""
        return other is None or self.rank > other.rank


@dataclass
class Validator:
    """The windows between training and test: for model selection, never for the table."""

    domain: Domain
    scenario: Any
    workload: Any
    options: Mapping[str, Any]
    windows: int

    def score(self, policy: Policy) -> Score:
        """One run on every window with the most probable actions."""
        contender = PolicyContender("policy", self.domain.name, policy=policy)
        return self._scores([contender])[0]

    def best_baseline(self) -> Score:
        """The strongest of the domain's rivals; their scores are cached."""
        return max(self._scores([RIVALS]), key=lambda s: s.rank)

    def _scores(self, contenders: list) -> list[Score]:
        found = compare(contenders, self.scenario, env=self.domain.name, trace=self.workload,
                        windows=self.windows, options=self.options, part="validation", cached=True)
        return [self._score(found, c.name) for c in found.contenders]

    def _score(self, found: Any, name: str) -> Score:
        metrics = {c.metric: float(found.scores(name, c).mean()) for c in self.domain.columns}
        main = self.domain.chosen_by
        undone = metrics.get(self.domain.incomplete, 0.0) if self.domain.incomplete else 0.0
        return Score(name, metrics, metrics[main.metric] * (1 if main.larger_is_better else -1),
                     undone)
