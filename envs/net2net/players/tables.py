"""Sequences chosen from a table of values: greedy rules, a linear model, tabular learners."""
from __future__ import annotations

import numpy as np

from envs.net2net.draws import STREAMS, u
from envs.net2net.leaves import best_leaf, largest, mean_of
from envs.net2net.players.values import Values
from envs.net2net.rules.learners import greedy_path, q_table, reinforce_table

EPISODES = {"tabular_reinforce": 5000, "tabular_q": 200}
RATE, PACE = 1.0, 0.05          # of the gradient step and of the running mean


def greedy_marginal(values: Values) -> tuple[int, ...]:
    """Per position the action with the best mean over all leaves that have it there."""
    return tuple(largest(mean_of(values.below(j), (0, 2)))
                 for j in range(values.cell.depth_of_tree))


def greedy_uniform(values: Values) -> tuple[int, ...]:
    """At each node the action with the best mean of the leaves below."""
    return _walk([mean_of(values.below(j), 2) for j in range(values.cell.depth_of_tree)])


def greedy_none(values: Values) -> tuple[int, ...]:
    """At each node the action with the best leaf if nothing is done later."""
    return _walk([values.below(j)[:, :, 0] for j in range(values.cell.depth_of_tree)])


def linear(values: Values) -> tuple[int, ...]:
    """The largest prediction of least squares on the number of uses of each action but none."""
    cell = values.cell
    taken = np.array([cell.sequence_of(leaf) for leaf in range(cell.leaves)])
    uses = (taken[:, :, None] == np.arange(1, cell.actions)).sum(axis=1)
    design = np.column_stack([np.ones(cell.leaves), uses])
    known = np.isfinite(values.leaf)
    weights = np.linalg.lstsq(design[known], values.leaf[known], rcond=None)[0]
    return cell.sequence_of(best_leaf(np.where(known, design @ weights, np.nan)))


def tabular_reinforce(values: Values, seed: int = 0, *, rate: float = RATE,
                      baseline: bool = True) -> tuple[int, ...]:
    """REINFORCE with a logit per node and action, and a running mean as baseline."""
    cell = values.cell
    draw = u(seed, STREAMS["learners"], np.arange(EPISODES["tabular_reinforce"])[:, None],
             np.arange(cell.depth_of_tree))
    logit, path = np.zeros((cell.nodes, cell.actions)), np.zeros(cell.depth_of_tree, np.int64)
    reinforce_table(np.array(values.leaf), values.allowed(), draw, logit, path,
                    np.zeros(cell.actions), PACE, rate, baseline)
    return _greedy(values, logit, path)


def tabular_q(values: Values) -> tuple[int, ...]:
    """Greedy episodes from optimistic values of 1."""
    cell = values.cell
    value, path = np.ones((cell.nodes, cell.actions)), np.zeros(cell.depth_of_tree, np.int64)
    q_table(np.array(values.leaf), values.allowed(), value, path, EPISODES["tabular_q"])
    return _greedy(values, value, path)


def _greedy(values: Values, score: np.ndarray, path: np.ndarray) -> tuple[int, ...]:
    greedy_path(score, values.allowed(), path)
    return tuple(path.tolist())


def _walk(levels: list[np.ndarray]) -> tuple[int, ...]:
    """From the root along the largest score of each level's histories."""
    history, taken = 0, []
    for score in levels:
        taken.append(largest(score[history]))
        history = history * score.shape[1] + taken[-1]
    return tuple(taken)
