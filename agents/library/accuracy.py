"""The table A(m, d): what is known stands in the registry, the rest is measured when asked for."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from agents.library import registry, versions
from agents.library.families import Family
from agents.library.generality import Errors, Row, errors_of, specialist, summary
from agents.library.versions import RULE, RULE_NAME


class Judge(Protocol):
    """Runs whoever acts; the library itself knows no simulator."""

    def ratios(self, actor: Any, family: Family) -> np.ndarray:
        """Cost of a policy, or of a baseline by name, over that of `mct_wait`, case by case."""

    def features(self, policy: Any, family: Family) -> Mapping[str, Any]:
        """Names of the observation's columns as this policy meets them."""

    def batch(self, policy: Any, family: Family, num_envs: int) -> Any:
        """Replicas of the family's training part under the policy's options."""


class Accuracies:
    """A(m, d) of a library; `new` is what was measured since it was opened."""

    def __init__(self, root: Path, judge: Judge, families: Mapping[str, Family],
                 known: Mapping[tuple[int, str], float] | None = None):
        self.root, self.judge, self.families = root, judge, families
        told = registry.accuracies(registry.read(root)) if known is None else known
        self.known = dict(told)
        self.new: dict[tuple[int, str], float] = {}
        self.loaded: dict[int, Any] = {RULE: RULE_NAME}

    def of(self, version: int, family: str) -> float:
        """A(version, family)."""
        if version == RULE:
            return 1.0
        if (version, family) not in self.known:
            self.note(version, family, self.measure(self.actor(version), family))
        return self.known[version, family]

    def measure(self, actor: Any, family: str) -> float:
        """Mean relative cost of a policy that need not be a version."""
        return float(np.mean(self.judge.ratios(actor, self.families[family])))

    def note(self, version: int, family: str, value: float) -> None:
        """Remember a measured one."""
        self.known[version, family] = self.new[version, family] = value

    def actor(self, version: int) -> Any:
        """The policy of a version, or the name of the rule."""
        if version not in self.loaded:
            self.loaded[version] = versions.load(self.root, version)
        return self.loaded[version]

    def row(self, version: int, families: Iterable[str] | None = None) -> dict[str, float]:
        """A of one version."""
        return {d: self.of(version, d) for d in families or self.families}

    def specialist(self, family: str) -> int:
        """Whose A is the measure of a family."""
        numbers = versions.versions(self.root)
        trained = [n for n in numbers if versions.read(self.root, n).families == (family,)]
        among = trained or [RULE, *numbers]
        return specialist({n: self.of(n, family) for n in among}, trained)

    def best(self, families: Iterable[str] | None = None) -> dict[str, float]:
        """A of each family's specialist."""
        return {d: self.of(self.specialist(d), d) for d in families or self.families}

    def errors(self, version: int, families: Iterable[str] | None = None) -> dict[str, float]:
        """g of one version."""
        row = self.row(version, families)
        return errors_of(row, self.best(row))

    def generality(self, row: Row) -> Errors:
        """G of a row of A."""
        return summary(errors_of(row, self.best(row)))

    def on_fresh_cases(self, check: int, count: int) -> Accuracies:
        """The same versions on the cases of a check, nothing known yet."""
        fresh = {d: f.fresh(check, count) for d, f in self.families.items()}
        found = Accuracies(self.root, self.judge, fresh, {})
        found.loaded = self.loaded
        return found

    def figures(self) -> dict[str, Any]:
        """What was measured, as the registry keeps it."""
        found: dict[str, dict[str, float]] = {}
        for (version, family), value in sorted(self.new.items()):
            found.setdefault(str(version), {})[family] = value
        return {"A": found}
