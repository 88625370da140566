"""Choosing among the leaves of a cell: accuracies as arrays over sequences, nan where masked."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TIE = 1e-12         # sequences whose values lie so near the best are as good


def best_leaf(leaf: np.ndarray) -> int:
    """The first of the leaves that are best, so the lexicographically smallest sequence."""
    return int(np.flatnonzero(leaf >= np.nanmax(leaf) - TIE)[0])


def largest(values: np.ndarray) -> int:
    """The first largest number that is not nan."""
    return int(np.argmax(np.where(np.isnan(values), -np.inf, values)))


def mean_of(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Means of what is not nan; nan where nothing is left."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(np.shape(count), np.nan), where=count > 0)


def normalised(leaf: np.ndarray) -> np.ndarray:
    """0 at the mean of all sequences, 1 at the best; nan throughout where all are equal."""
    mean, best = mean_of(leaf, 0), np.nanmax(leaf)
    return (leaf - mean) / (best - mean) if best - mean > TIE else np.full(len(leaf), np.nan)


def best_together(leaves: Sequence[np.ndarray]) -> int:
    """The leaf with the largest mean over cells, among those that every cell knows."""
    known = [leaf for leaf in leaves if np.isfinite(leaf).any()]
    return best_leaf(np.mean(known, axis=0)) if known else 0
