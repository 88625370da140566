"""What planners work on: the graph and the machine in flat tables, and the plan as it grows."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.core.jit import rule

ARC = np.dtype([("task", "i4"), ("carried", "i8"), ("cbar", "f8")], align=True)
HOP = np.dtype([                   # a link, and a second one where data is staged
    ("lag", "i8"), ("speed", "f8"), ("second_lag", "i8"), ("second_speed", "f8"),
], align=True)
NOBODY = -1                        # worker of a virtual task
BLOCK = 64                         # tasks of a worker whose widest idle interval is kept
UNPLACED = -1                      # finish of a task that has no place yet


class Board(NamedTuple):
    """Read-only: n tasks, e edges, P workers of C classes (same type, same memory)."""

    duration: np.ndarray       # (n, C) i8 ticks, -1 not able; 0 for virtual tasks
    virtual: np.ndarray        # (n,) bool
    order: np.ndarray          # (n,) i4 canonical topological order
    pos: np.ndarray            # (n,) i4 its inverse
    first_after: np.ndarray    # (n + 1,) i8 successors of i are after[first[i]:first[i + 1]]
    after: np.ndarray          # (e,) ARC
    first_before: np.ndarray   # (n + 1,) i8
    before: np.ndarray         # (e,) ARC, predecessors
    cls: np.ndarray            # (P,) i4 class of a worker
    way: np.ndarray            # (P, P) i4 number of the hop between two workers
    hop: np.ndarray            # (K,) HOP
    per_unit: float            # ticks per unit of time of the machine


class Sheet(NamedTuple):
    """The plan so far."""

    worker: np.ndarray         # (n,) i4
    start: np.ndarray          # (n,) i8
    finish: np.ndarray         # (n,) i8, UNPLACED
    line: np.ndarray           # (P, n) i4 tasks of a worker by (start, finish, pos)
    count: np.ndarray          # (P,) i4 how many of them
    free: np.ndarray           # (P,) i8 finish of the last
    wide: np.ndarray           # (P, blocks) i8 widest idle interval that ends in a block of tasks


@rule
def able(board, i, p):
    """Whether a worker can run a task."""
    return board.duration[i, board.cls[p]] >= 0


@rule
def link_time(board, lag, speed, size):
    """Ticks for so many bytes alone on a link."""
    return lag + np.int64(max(0.0, np.ceil(size * board.per_unit / speed - 1e-6)))


@rule
def cost(board, p, r, size):
    """c of moving `size` bytes from worker p to r, ticks."""
    if size == 0 or p < 0 or r < 0:
        return np.int64(0)
    hop = board.hop[board.way[p, r]]
    return (link_time(board, hop.lag, hop.speed, size)
            + link_time(board, hop.second_lag, hop.second_speed, size))


@rule
def arrival(board, sheet, i, p):
    """When the data of task i is at worker p, as far as predecessors have a place."""
    latest = np.int64(0)
    for k in range(board.first_before[i], board.first_before[i + 1]):
        arc = board.before[k]
        done = sheet.finish[arc.task]
        if done != UNPLACED:
            latest = max(latest, done + cost(board, sheet.worker[arc.task], p, arc.carried))
    return latest
