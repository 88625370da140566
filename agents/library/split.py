"""Which few versions serve all families well: exact k-medoids whose medoids are models."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from agents.library.generality import Row, at_most

DIGITS = 12         # sums are rounded to, so that the order of summation does not matter
Table = Sequence[tuple[int, Sequence[float]]]       # version and its g per family, by version


class Split(NamedTuple):
    """The chosen versions, and who serves each family."""

    chosen: tuple[int, ...]
    serves: dict[str, int]


def split(errors: Mapping[int, Row], families: Sequence[str], tau: float = 0.10) -> Split:
    """The least number of versions with max_d min_m g <= tau; at most one per family is needed."""
    table = [(m, [errors[m][d] for d in families]) for m in sorted(errors)]
    chosen: tuple[int, ...] = ()
    for count in range(1, len(table) + 1):
        chosen = best_subset(table, count)
        if at_most(max(_least(table, chosen)), tau):
            break
    return Split(chosen, {d: min(chosen, key=lambda m: (errors[m][d], m)) for d in families})


def best_subset(table: Table, count: int) -> tuple[int, ...]:
    """The `count` versions of least sum over families of the least g; the first of equals.

    Depth first in rising order of versions; a branch ends where even all that could still be
    added would not be better.
    """
    width = len(table[0][1])
    rows = [row for _, row in reversed(table)]
    after = [*reversed([*accumulate(rows, _both)]), [float("inf")] * width]
    best: tuple[float, tuple[int, ...]] = (float("inf"), ())

    def walk(first: int, taken: tuple[int, ...], least: Sequence[float]) -> None:
        nonlocal best
        if len(taken) == count:
            value = _total(least)
            best = (value, taken) if value < best[0] else best
            return
        for i in range(first, len(table) - (count - len(taken)) + 1):
            if best[1] and _total(_both(least, after[i])) >= best[0]:
                return
            version, row = table[i]
            walk(i + 1, (*taken, version), _both(least, row))

    walk(0, (), [float("inf")] * width)
    return best[1]


def _both(a: Sequence[float], b: Sequence[float]) -> list[float]:
    return [min(x, y) for x, y in zip(a, b, strict=True)]


def _total(values: Sequence[float]) -> float:
    return round(sum(values), DIGITS)


def _least(table: Table, chosen: Sequence[int]) -> list[float]:
    rows = [row for m, row in table if m in chosen]
    return [min(column) for column in zip(*rows, strict=True)]
