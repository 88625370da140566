"""Planning that learns from the run: the curve's level and pace are fitted to what was measured."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from envs.net2net.model import Setup
from envs.net2net.planning.planner import Plan, plan
from envs.net2net.planning.segments import observed_errors, segments_of
from envs.net2net.theta import Theta

FACTORS = 4.0 ** np.linspace(-1.0, 1.0, 41)     # of einf and of tau0


def plan_on(setup: Setup, taken: Sequence[int], accuracies: Sequence[float]) -> Plan:
    """The best way to go on after `taken`, given the accuracies at decisions 0, 1, ... so far.

    Accuracies that were not measured are nan.
    """
    theta = adjusted(setup, taken, accuracies)
    return plan(replace(setup, theta=theta), tuple(int(a) for a in taken))


def adjusted(setup: Setup, taken: Sequence[int], accuracies: Sequence[float]) -> Theta:
    """The parameters with einf and tau0 scaled to agree best with the accuracies, least squares."""
    measured = np.isfinite(accuracies)
    if not measured.any():
        return setup.theta
    sequence = np.zeros((1, setup.cell.depth_of_tree), np.int64)
    sequence[0, :len(taken)] = taken
    einf, tau0 = np.meshgrid(setup.theta.einf * FACTORS, setup.theta.tau0 * FACTORS, indexing="ij")
    errors = observed_errors(segments_of(setup, sequence), setup.theta, einf[..., None],
                             tau0[..., None])[:, :, 0, :len(accuracies)]
    missed = np.where(measured, 1.0 - errors - np.nan_to_num(accuracies), 0.0)
    best = np.unravel_index(np.argmin((missed**2).sum(axis=2)), einf.shape)
    return replace(setup.theta, einf=float(einf[best]), tau0=float(tau0[best]))
