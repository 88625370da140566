"""Tabular learners on one tree of decisions: softmax policy gradient, optimistic Q-learning.

Node n has the children A·n + 1 + a; a node behind the last decision is leaf n - N.
"""
import math

from envs.core.jit import driver, rule


@rule
def _largest(value, allowed, node):
    """The lowest allowed action with the largest value."""
    best = -1
    for a in range(value.shape[1]):
        if allowed[node, a] != 0 and (best < 0 or value[node, a] > value[node, best]):
            best = a
    return best


@rule
def _weights(logit, allowed, node, weight):
    """exp(logit - largest logit) of the allowed actions, 0 elsewhere; returns their sum."""
    top, total = logit[node, _largest(logit, allowed, node)], 0.0
    for a in range(len(weight)):
        weight[a] = math.exp(logit[node, a] - top) if allowed[node, a] != 0 else 0.0
        total += weight[a]
    return total


@rule
def _drawn(weight, draw):
    """The first action of positive weight whose cumulated weight exceeds `draw`, else the last."""
    total, last = 0.0, 0
    for a in range(len(weight)):
        if weight[a] > 0.0:
            total += weight[a]
            last = a
            if draw < total:
                return a
    return last


@rule
def _reinforce(logit, allowed, node, weight, action, step):
    """One gradient step on the log-probability of an action, from the logits as they are."""
    total = _weights(logit, allowed, node, weight)
    for a in range(len(weight)):
        if allowed[node, a] != 0:
            logit[node, a] += step * ((1.0 if a == action else 0.0) - weight[a] / total)


@driver
def reinforce_table(leaf, allowed, draw, logit, path, weight, pace, rate, keep_baseline):
    """REINFORCE with a running mean baseline: one episode per row of `draw` (episodes, D).

    `leaf` (L,) rewards, `allowed` (N, A), `logit` (N, A) is learnt in place; `path` (D,) and
    `weight` (A,) are room to work in. Without `keep_baseline` the baseline stays 0.
    """
    baseline, nodes, actions = 0.0, logit.shape[0], logit.shape[1]
    for e in range(draw.shape[0]):
        node = 0
        for j in range(draw.shape[1]):
            path[j] = _drawn(weight, draw[e, j] * _weights(logit, allowed, node, weight))
            node = actions * node + 1 + path[j]
        reward = leaf[node - nodes]
        if keep_baseline and e == 0:
            baseline = reward
        step, node = rate * (reward - baseline), 0
        for j in range(draw.shape[1]):
            _reinforce(logit, allowed, node, weight, path[j], step)
            node = actions * node + 1 + path[j]
        if keep_baseline:
            baseline += pace * (reward - baseline)


@driver
def q_table(leaf, allowed, value, path, episodes):
    """Greedy episodes; backwards along the path value(node, a) becomes what lies below.

    `value` (N, A) starts optimistic and is learnt in place; `path` (D,) is room to work in.
    """
    nodes, actions = value.shape[0], value.shape[1]
    for _ in range(episodes):
        node = 0
        for j in range(len(path)):
            path[j] = _largest(value, allowed, node)
            node = actions * node + 1 + path[j]
        below = leaf[node - nodes]
        for j in range(len(path) - 1, -1, -1):
            node = (node - 1) // actions
            value[node, path[j]] = below
            below = value[node, _largest(value, allowed, node)]


@driver
def greedy_path(value, allowed, path):
    """The allowed actions of largest value from the root, into `path` (D,)."""
    node = 0
    for j in range(len(path)):
        path[j] = _largest(value, allowed, node)
        node = value.shape[1] * node + 1 + path[j]
