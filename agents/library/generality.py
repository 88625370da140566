"""How much worse a model is on a family than the family's own: g = A/A(specialist) - 1.

A(m, d) is a model's mean cost on the family's validation cases relative to `mct_wait`.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Row = Mapping[str, float]           # family -> A, or g

RELATIVE = 1e-12                    # of comparisons


class Errors(NamedTuple):
    """Generality errors over the families that a model serves."""

    mean: float
    max: float
    worst: str      # the family of the greatest


def at_most(value: float, limit: float) -> bool:
    """value <= limit, but for rounding."""
    return value <= limit + RELATIVE * max(abs(value), abs(limit))


def specialist(accuracy: Mapping[int, float], trained: Iterable[int]) -> int:
    """The least A among those trained on the family alone, ties to the newest; where there is
    none, the best of all stands in."""
    among = [m for m in trained if m in accuracy] or list(accuracy)
    return min(among, key=lambda m: (accuracy[m], -m))


def errors_of(accuracy: Row, best: Row) -> dict[str, float]:
    """g of one model; `best` has A of each family's specialist."""
    return {d: accuracy[d] / best[d] - 1 for d in accuracy}


def summary(errors: Row) -> Errors:
    """G_mean, G_max and where that is."""
    worst = max(sorted(errors), key=errors.__getitem__)
    return Errors(sum(errors.values()) / len(errors), errors[worst], worst)


def columns(errors: Mapping[int, Row], families: Sequence[str]) -> list[tuple[int, list[float]]]:
    """(version, its g per family), by version."""
    return [(m, [errors[m][d] for d in families]) for m in sorted(errors)]
