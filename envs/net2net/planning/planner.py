"""The best sequence of a job under the parametric model: every one of them, or a beam.

    made = plan(Setup(cell, theta))         # Plan(sequence=(2, 0, 0), accuracy=0.596, ...)
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from envs.net2net.leaves import best_leaf
from envs.net2net.model import Setup, leaf_accuracies, play
from envs.net2net.theta import Noise

MOST_SEQUENCES = 2_000_000
BEAM = 1000
CHUNK = 65_536          # sequences that are played at once


@dataclass(frozen=True)
class Plan:
    """A sequence and its final accuracy; `exact`: all unmasked sequences were looked at."""

    sequence: tuple[int, ...]
    accuracy: float
    never: float            # accuracy if nothing more is done
    evaluated: int          # sequences
    exact: bool


def quiet(setup: Setup) -> Setup:
    """The same job as its parameters say, without noise and variation."""
    return replace(setup, noise=Noise(), vary=0.0)


def plan(setup: Setup, prefix: tuple[int, ...] = ()) -> Plan:
    """The largest final accuracy over all ways to go on after the actions already taken.

    Up to 2 million sequences all of them; beyond, a beam by the latent error at each decision.
    """
    setup, cell = quiet(setup), setup.cell
    left = cell.depth_of_tree - len(prefix)
    if cell.actions**left > MOST_SEQUENCES:
        return _beam(setup, prefix)
    first = cell.leaf_of(prefix + (0,) * left)
    accuracy = _below(setup, prefix) if prefix else leaf_accuracies(setup)
    best = best_leaf(accuracy)
    return Plan(cell.sequence_of(first + best), float(accuracy[best]), float(accuracy[0]),
                int(np.isfinite(accuracy).sum()), True)


def _below(setup: Setup, prefix: tuple[int, ...]) -> np.ndarray:
    """Final accuracies of all sequences that begin so, in order, nan where masked."""
    cell, left = setup.cell, setup.cell.depth_of_tree - len(prefix)
    found = np.empty(cell.actions**left)
    for begin in range(0, len(found), CHUNK):
        numbers = np.arange(begin, min(begin + CHUNK, len(found)))
        rest = np.unravel_index(numbers, (cell.actions,) * left) if left else ()
        given = [np.full(len(numbers), action) for action in prefix]
        found[numbers] = _accuracies(setup, np.column_stack([*given, *rest]))
    return found


def _accuracies(setup: Setup, sequences: np.ndarray) -> np.ndarray:
    """Final accuracies (n,) of sequences (n, D), nan where an action is masked."""
    played = play(setup, sequences)
    legal = (played.taken == sequences).all(axis=1)
    return np.where(legal, 1.0 - played.observed[:, -1], np.nan)


def _beam(setup: Setup, prefix: tuple[int, ...]) -> Plan:
    """Keep the histories with the least latent error at the next decision; in order of leaves."""
    cell = setup.cell
    kept = np.zeros((1, cell.depth_of_tree), np.int64)
    kept[0, :len(prefix)] = prefix
    never = float(_accuracies(setup, kept)[0])
    for j in range(len(prefix), cell.depth_of_tree):
        tried = np.repeat(kept, cell.actions, axis=0)
        tried[:, j] = np.tile(np.arange(cell.actions), len(kept))
        played = play(setup, tried)
        tried, latent = (x[played.taken[:, j] == tried[:, j]]
                         for x in (tried, played.latent[:, j + 1]))
        kept = tried[np.sort(np.argsort(latent, kind="stable")[:BEAM])]
    accuracy = _accuracies(setup, kept)
    best = best_leaf(accuracy)
    return Plan(tuple(kept[best].tolist()), float(accuracy[best]), never, len(kept), False)
