"""Sequences as what training they allow, so that many parameters of the model can be tried.

Clocks, steps and networks of a sequence do not depend on the parameters; only the errors do.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from envs.net2net.cells import edits_of
from envs.net2net.model import Setup, play
from envs.net2net.rules.curve import DECAY
from envs.net2net.theta import Noise, Theta


@dataclass(frozen=True, eq=False)
class Segments:
    """Per sequence (n) and segment (D + 1, the first one up to decision 0)."""

    progress: np.ndarray        # (n, D + 1) sum of lr/lr0 over the steps
    features: np.ndarray        # (n, D + 1, 3S) how far the network has grown
    rate: np.ndarray            # (n, D + 1) lr/lr0 at the end
    jump: np.ndarray            # (n, D + 1) error that the edits before it add


def segments_of(setup: Setup, sequences: np.ndarray) -> Segments:
    """The segments of sequences (n, D) of a job; masked actions count as 0."""
    sequences = np.atleast_2d(sequences)
    played = play(_probe(setup), sequences)
    progress = np.diff(_progress(played.latent), axis=1, prepend=0.0)
    networks = [play(setup, np.where(np.arange(sequences.shape[1]) < j, played.taken, 0))
                for j in range(sequences.shape[1] + 1)]
    features = [_features(setup, one.architecture) for one in networks]
    return Segments(progress, np.stack(features, axis=1),
                    1.0 - DECAY * played.clock / setup.cell.budget_ms, _jumps(setup, played.taken))


def observed_errors(segments: Segments, theta: Theta, einf: np.ndarray | None = None,
                    tau0: np.ndarray | None = None) -> np.ndarray:
    """Errors (..., n, D + 1) at the ends of the segments, noise off.

    `einf` and `tau0`, (..., 1), stand for those of `theta`.
    """
    einf = theta.einf if einf is None else einf
    tau0 = theta.tau0 if tau0 is None else tau0
    floor = -(segments.features @ np.array(theta.kappa))
    delay = segments.features @ np.array(theta.lam)
    error, found = np.float64(theta.e0), []
    for j in range(segments.progress.shape[1]):
        error = np.minimum(theta.e0, error + segments.jump[:, j])
        error = _trained(error, theta, einf * np.exp(floor[:, j]),
                         segments.progress[:, j] / (tau0 * np.exp(delay[:, j])))
        found.append(np.clip(error + theta.c * segments.rate[:, j], 0.0, 1.0))
    return np.stack(np.broadcast_arrays(*found), axis=-1)


def _trained(error: np.ndarray, theta: Theta, floor: np.ndarray,
             progress: np.ndarray) -> np.ndarray:
    """The latent error after a segment; it stays where the curve has nothing more to give."""
    falls = (floor < error) & (floor < theta.e0)
    span = np.where(falls, theta.e0 - floor, 1.0)
    v = (span / np.where(falls, error - floor, 1.0))**(1.0 / theta.beta) + progress
    return np.where(falls, floor + span * v**-theta.beta, error)


FLOOR = 1e-12           # asymptote of the probe


def _probe(setup: Setup) -> Setup:
    """A job whose latent error tells the progress so far: every network learns alike."""
    zeros = (0.0,) * len(setup.theta.kappa)
    theta = Theta(e0=1.0, einf=FLOOR, tau0=1.0, beta=1.0, c=0.0, kappa=zeros, lam=zeros)
    return replace(setup, theta=theta, noise=Noise(), vary=0.0, jump_grow=0.0, jump_undo=0.0)


def _progress(latent: np.ndarray) -> np.ndarray:
    return (1.0 - FLOOR) / (latent - FLOOR) - 1.0


def _features(setup: Setup, architecture: np.ndarray) -> np.ndarray:
    """(n, 3S): deepenings, doublings of the width, kernel steps by stage."""
    base = np.array(setup.cell.network.base)
    depth, width, kernel = (architecture[:, :, i] for i in range(3))
    return np.concatenate([depth - base[:, 0], np.log2(width / base[:, 1]),
                           (kernel - base[:, 2]) / 2], axis=1)


def _jumps(setup: Setup, taken: np.ndarray) -> np.ndarray:
    cell = setup.cell
    edits = [edits_of(cell.action_set, a, cell.stages) for a in range(cell.actions)]
    per_action = np.array([sum(setup.jump_undo if edit == "undo" else setup.jump_grow
                               for edit, _ in action) for action in edits])
    return np.concatenate([np.zeros((len(taken), 1)), per_action[taken]], axis=1)
