"""Fit the learning-curve model to recorded trainings: means over seeds at every node and leaf."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.net2net.cells import PROFILES
from envs.net2net.leaves import mean_of
from envs.net2net.model import Setup
from envs.net2net.planning.segments import Segments, observed_errors, segments_of
from envs.net2net.replay import Table
from envs.net2net.theta import Theta

SOFT = 0.02                     # scale of the soft-L1 loss
DIGITS = 6                      # of shipped parameters
SCALES = ("e0", "einf", "tau0", "beta", "c")        # positive, fitted as logarithms
LOWEST = (0.05, 1e-4, 1e-2, 0.05, 1e-6)
HIGHEST = (1.0, 1.0, 1e7, np.exp(1.5), 1.0)
LARGEST_KAPPA, LARGEST = 2.0, 5.0                   # beyond, coefficients run away
STARTS = ((0.9, 0.5, 50.0, 0.5), (0.9, 0.5, 300.0, 1.0), (0.6, 0.8, 100.0, 2.0),
          (0.9, 0.3, 1000.0, 3.0), (0.9, 0.8, 30.0, 1.0), (0.9, 0.1, 200.0, 4.0))


@dataclass(frozen=True, eq=False)
class Points:
    """Mean validation errors of a table's cell at its nodes and leaves, where each is first met."""

    segments: Segments
    errors: np.ndarray          # (L, D + 1), nan where not measured and where told already

    @property
    def leaves(self) -> np.ndarray:
        """(L,) errors at the end."""
        return self.errors[:, -1]


def points(table: Table, rows: Sequence[int]) -> Points:
    """The data of some seeds of a table, by their positions."""
    cell, rows = table.cell, list(rows)
    node = 1.0 - mean_of(table.nodes["val_accuracy"][rows], 0)
    leaf = 1.0 - mean_of(leaf_values(table)[rows], 0)
    errors = np.full((cell.leaves, cell.depth_of_tree + 1), np.nan)
    first = 0
    for j in range(cell.depth_of_tree):
        count = cell.actions**j
        errors[::cell.leaves // count, j] = node[first:first + count]
        first += count
    errors[:, -1] = leaf
    sequences = np.array([cell.sequence_of(leaf) for leaf in range(cell.leaves)])
    return Points(segments_of(neutral(table), sequences), errors)


def leaf_values(table: Table) -> np.ndarray:
    """Validation accuracies (n, L), nan where a leaf is not recorded."""
    return np.where(table.recorded, table.leaves["val_accuracy"], np.nan)


def neutral(table: Table) -> Setup:
    """The job of a table under parameters that only hold the place of others."""
    zeros = (0.0,) * (3 * table.cell.stages)
    return Setup(table.cell, Theta(1.0, 0.1, 100.0, 1.0, 0.0, zeros, zeros),
                 profile=PROFILES[table.profile])


def fit(data: Sequence[Points]) -> Theta:
    """The parameters of least soft-L1 loss over all points, the best of six starts.

    Coefficients of edits that the data do not have are 0.
    """
    from scipy.optimize import least_squares

    grown = np.any([d.segments.features.any(axis=(0, 1)) for d in data], axis=0)
    count = int(grown.sum())
    low = np.concatenate([np.log(LOWEST), np.full(2 * count, -LARGEST)])
    high = np.concatenate([np.log(HIGHEST), np.full(count, LARGEST_KAPPA),
                           np.full(count, LARGEST)])
    tried = [least_squares(_residuals, start, bounds=(low, high), args=(data, grown),
                           loss="soft_l1", f_scale=SOFT, x_scale="jac", max_nfev=300)
             for start in _starts(data, count, low, high)]
    return rounded(_theta(min(tried, key=lambda found: found.cost).x, grown))


def rounded(theta: Theta) -> Theta:
    """The parameters with as many digits as files hold."""
    scales = {name: round(getattr(theta, name), DIGITS) for name in SCALES}
    return replace(theta, **scales, kappa=tuple(round(k, DIGITS) for k in theta.kappa),
                   lam=tuple(round(k, DIGITS) for k in theta.lam))


def missed(theta: Theta, data: Points) -> np.ndarray:
    """Model minus data (L, D + 1), nan where there is none."""
    return observed_errors(data.segments, theta) - data.errors


def _starts(data: Sequence[Points], count: int, low: np.ndarray,
            high: np.ndarray) -> list[np.ndarray]:
    """Asymptotes as parts of the least error seen."""
    least = min(float(np.nanmin(d.errors)) for d in data)
    found = [np.concatenate([np.log([e0, part * least, tau0, beta, 0.1]), np.full(count, 0.1),
                             np.zeros(count)]) for e0, part, tau0, beta in STARTS]
    return [np.clip(start, low + 1e-9, high - 1e-9) for start in found]


def _residuals(x: np.ndarray, data: Sequence[Points], grown: np.ndarray) -> np.ndarray:
    theta = _theta(x, grown)
    found = [missed(theta, d) for d in data]
    return np.concatenate([one[np.isfinite(one)] for one in found])


def _theta(x: np.ndarray, grown: np.ndarray) -> Theta:
    """Parameters from logarithms of the scales and the free coefficients."""
    scales = dict(zip(SCALES, np.exp(x[:len(SCALES)]).tolist(), strict=True))
    scales["e0"] = min(1.0, scales["e0"])
    kappa, lam = np.zeros(len(grown)), np.zeros(len(grown))
    kappa[grown], lam[grown] = np.split(x[len(SCALES):], 2)
    return Theta(**scales, kappa=tuple(kappa.tolist()), lam=tuple(lam.tolist()))
