"""List scheduling by fixed keys: the next task is known, the worker is chosen."""
from __future__ import annotations

import numpy as np

from envs.core.jit import driver, part, rule
from envs.dag.rules.planner_board import NOBODY, able, arrival
from envs.dag.rules.planner_lines import gap, lift, settle

EFT, EST, OCT, LOOKAHEAD = range(4)     # how a worker is chosen


@rule
def _sooner(key, tie, i, j):
    return key[i] < key[j] or (key[i] == key[j] and tie[i] < tie[j])


@part
def _push(heap, count, key, tie, i):
    """Add a task to a heap of `count` tasks."""
    at = count
    while at > 0 and _sooner(key, tie, i, heap[(at - 1) >> 1]):
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = i


@part
def _pop(heap, count, key, tie):
    """Take the first task from a heap of `count` tasks."""
    top, last = heap[0], heap[count - 1]
    at, child = 0, 1
    while child < count - 1:
        if child + 1 < count - 1 and _sooner(key, tie, heap[child + 1], heap[child]):
            child += 1
        if not _sooner(key, tie, heap[child], last):
            break
        heap[at] = heap[child]
        at, child = child, 2 * child + 1
    heap[at] = last
    return top


@rule
def begin_on(board, sheet, i, p, insertion):
    """EST of task i on worker p."""
    ready = arrival(board, sheet, i, p)
    if insertion:
        return gap(sheet, p, ready, board.duration[i, board.cls[p]])
    return max(ready, sheet.free[p])


@part
def _place_soonest(board, sheet, i):
    """Insert task i where it ends first; its finish."""
    best, begin, end = NOBODY, arrival(board, sheet, i, NOBODY), np.int64(0)
    for p in range(len(board.cls)):
        if not board.virtual[i] and able(board, i, p):
            start = begin_on(board, sheet, i, p, True)
            if best == NOBODY or start + board.duration[i, board.cls[p]] < end:
                best, begin, end = p, start, start + board.duration[i, board.cls[p]]
    settle(board, sheet, i, best, begin)
    return sheet.finish[i]


@part
def _outlook(board, sheet, i, p, start):
    """With task i there, the latest of its successors' finishes, each where it ends first."""
    settle(board, sheet, i, p, start)
    worst = sheet.finish[i]         # no successor ends before it
    for k in range(board.first_after[i], board.first_after[i + 1]):
        worst = max(worst, _place_soonest(board, sheet, board.after[k].task))
    for k in range(board.first_after[i + 1] - 1, board.first_after[i] - 1, -1):
        lift(sheet, board.after[k].task)
    lift(sheet, i)
    return worst


@rule
def _place(board, sheet, i, only, choice, insertion, oct):
    """Give task i the best worker, or `only` this one unless NOBODY; ties: lowest id."""
    best, begin = NOBODY, arrival(board, sheet, i, NOBODY)
    score, first, second = 0.0, np.int64(0), np.int64(0)
    for p in range(len(board.cls)):
        if board.virtual[i] or not able(board, i, p) or (only != NOBODY and only != p):
            continue
        start = begin_on(board, sheet, i, p, insertion)
        rounded, one, two = 0.0, start + board.duration[i, board.cls[p]], np.int64(0)
        if choice == EST:
            one, two = start, one
        elif choice == OCT:
            rounded, one = np.floor(1024 * (one + oct[i, p]) + 0.5), np.int64(0)
        elif choice == LOOKAHEAD:
            one = _outlook(board, sheet, i, p, start)
        if best == NOBODY or rounded < score or (rounded == score and (
                one < first or (one == first and two < second))):
            best, begin, score, first, second = p, start, rounded, one, two
    settle(board, sheet, i, best, begin)


@driver
def list_plan(board, sheet, key, tie, only, oct, choice, insertion, waiting, heap):
    """Place ready tasks by (key, tie); `only` (n,) fixes workers, `oct` (n, P) is for OCT.

    `waiting` counts unplaced predecessors; `heap` (n,) is scratch.
    """
    count = 0
    for i in range(len(key)):
        if waiting[i] == 0:
            _push(heap, count, key, tie, i)
            count += 1
    while count > 0:
        i = _pop(heap, count, key, tie)
        count -= 1
        _place(board, sheet, i, only[i], choice, insertion, oct)
        for k in range(board.first_after[i], board.first_after[i + 1]):
            j = board.after[k].task
            waiting[j] -= 1
            if waiting[j] == 0:
                _push(heap, count, key, tie, j)
                count += 1
