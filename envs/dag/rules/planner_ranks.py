"""Ranks of tasks: longest paths to the end and from the start, and optimistic costs."""
from __future__ import annotations

import numpy as np

from envs.core.jit import driver, rule
from envs.dag.rules.planner_board import able


@driver
def upward(board, weight, with_costs, out):
    """out[i] = weight[i] + max over successors of (mean cost if asked +) out."""
    for t in range(len(out) - 1, -1, -1):
        i = board.order[t]
        best = 0.0
        for k in range(board.first_after[i], board.first_after[i + 1]):
            arc = board.after[k]
            best = max(best, (arc.cbar if with_costs else 0.0) + out[arc.task])
        out[i] = weight[i] + best


@driver
def downward(board, weight, out):
    """out[i] = max over predecessors of out + weight + mean cost."""
    for i in board.order:
        out[i] = 0.0
        for k in range(board.first_before[i], board.first_before[i + 1]):
            arc = board.before[k]
            out[i] = max(out[i], out[arc.task] + weight[arc.task] + arc.cbar)


@driver
def tails(order, first, dst, length, out):
    """out[i] = length[i] + the longest path behind it, all in ticks; the greatest of all."""
    longest = np.int64(0)
    for t in range(len(order) - 1, -1, -1):
        i = order[t]
        best = np.int64(0)
        for k in range(first[i], first[i + 1]):
            best = max(best, out[dst[k]])
        out[i] = length[i] + best
        longest = max(longest, out[i])
    return longest


@rule
def _least(board, j, side, near, out):
    """Least OCT + duration of task j on each side, and on all."""
    near[:], least = np.inf, np.inf
    for r in range(len(side)):
        if able(board, j, r):
            value = out[j, r] + board.duration[j, board.cls[r]]
            near[side[r]] = min(near[side[r]], value)
            least = min(least, value)
    return least


@driver
def optimistic(board, side, near, out):
    """Fill OCT (n, P). Workers of one `side` exchange data for free; `near` (sides) is scratch.

    A successor goes to the best worker of the same side, or to the best of all at the mean cost.
    """
    for t in range(len(board.order) - 1, -1, -1):
        i = board.order[t]
        for p in range(len(side)):
            out[i, p] = 0.0
        for k in range(board.first_after[i], board.first_after[i + 1]):
            arc = board.after[k]
            far = _least(board, arc.task, side, near, out) + arc.cbar
            for p in range(len(side)):
                out[i, p] = max(out[i, p], min(near[side[p]], far))
