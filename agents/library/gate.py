"""Whether a candidate may take the champion's place."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from agents.library.generality import Row, at_most, errors_of, summary
from agents.library.registry import PROMOTED
from envs.core.errors import PolicyError


@dataclass(frozen=True)
class Limits:
    """What is allowed of a candidate, and of a champion on fresh cases."""

    mean_growth: float = 0.02       # clause 1: of G_mean over the champion's
    most: float = 0.10              # clause 2: of G_max, or the champion's
    each: float = 1.05              # clause 3: A relative to the champion's, family by family
    rule: float = 1.05              # clause 4: A, that is relative to mct_wait, or the champion's
    check_growth: float = 0.05      # of G_mean over its value at promotion
    check_most: float = 0.15        # of G_max
    fresh: int = field(default=20)  # cases per family of a check

    def __post_init__(self) -> None:
        for f in fields(self):
            if not 0 <= getattr(self, f.name) < float("inf"):
                raise PolicyError(f"{getattr(self, f.name)} is no limit", f.name,
                                  "give a number >= 0")
        if self.fresh < 1:
            raise PolicyError("a check needs at least one case", "fresh", "give a number >= 1")


class Failure(NamedTuple):
    """A clause that does not hold, and the family where it fails most."""

    clause: int
    family: str


def gate(candidate: Row, champion: Row | None, best: Row,
         limits: Limits | None = None) -> list[Failure]:
    """The failed clauses, rising; all arguments are A by family, `best` of the specialists.

    Without a champion clauses 2 and 4 are asked, with 0 for its terms.
    """
    limits = limits or Limits()
    own = summary(errors_of(candidate, best))
    other = summary(errors_of(champion, best)) if champion is not None else None
    reference: Mapping[str, float] = champion or dict.fromkeys(candidate, 0.0)
    found = []
    if other and not at_most(own.mean, other.mean + limits.mean_growth):
        found.append(Failure(1, own.worst))
    if not at_most(own.max, max(limits.most, other.max if other else 0.0)):
        found.append(Failure(2, own.worst))
    if champion is not None:
        found += _each(3, candidate, {d: limits.each * champion[d] for d in candidate})
    return found + _each(4, candidate, {d: max(limits.rule, reference[d]) for d in candidate})


def _each(clause: int, accuracy: Row, limit: Row) -> list[Failure]:
    broken = [d for d in accuracy if not at_most(accuracy[d], limit[d])]
    return [Failure(clause, max(broken, key=lambda d: accuracy[d] / limit[d]))] if broken else []


def verdict(failures: list[Failure]) -> str:
    """What the registry says."""
    if not failures:
        return PROMOTED
    return "rejected: " + ", ".join(f"clause {f.clause} ({f.family})" for f in failures)
