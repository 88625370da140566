"""List scheduling that compares all ready tasks on all workers at every step, appending."""
from __future__ import annotations

import numpy as np

from envs.core.jit import driver, part, rule
from envs.dag.rules.planner_board import NOBODY, able, arrival
from envs.dag.rules.planner_lines import settle

MIN_MIN, MAX_MIN, SUFFERAGE, ETF, DLS = range(5)


@part
def _admit(board, sheet, reach, ready, count, i):
    """Add a task to the ready list, with the arrival of its data at every worker."""
    ready[count] = i
    for p in range(len(board.cls)):
        reach[count, p] = arrival(board, sheet, i, NOBODY if board.virtual[i] else p)


@rule
def _offer(board, sheet, reach, slot, i, choice, level, middle):
    """The best worker for a ready task, its start there, and how good that is (least first).

    The score is a pair: ticks, then a rounded key.
    """
    if board.virtual[i]:
        start = reach[slot, 0]
        if choice == MAX_MIN:
            return NOBODY, start, -start, 0.0
        if choice == SUFFERAGE:
            return NOBODY, start, np.int64(0), 0.0
        if choice == DLS:
            return NOBODY, start, np.int64(0), -np.floor(1024 * (level[i] - start) + 0.5)
        return NOBODY, start, start, -level[i] if choice == ETF else 0.0
    best, begin, gain = NOBODY, np.int64(0), 0.0
    first, second = np.int64(0), np.int64(-1)
    for p in range(len(board.cls)):
        if not able(board, i, p):
            continue
        length = board.duration[i, board.cls[p]]
        start = max(reach[slot, p], sheet.free[p])
        one = start if choice == ETF else start + length
        rate = 0.0
        if choice == DLS:
            rate = np.floor(1024 * (level[i] - start + middle[i] - length) + 0.5)
        if best == NOBODY or (rate > gain if choice == DLS else one < first):
            second = first if best != NOBODY else second
            best, begin, first, gain = p, start, one, rate
        elif second < 0 or one < second:
            second = one
    if choice == MAX_MIN:
        return best, begin, -first, 0.0
    if choice == SUFFERAGE:
        return best, begin, first - second if second >= 0 else np.int64(0), 0.0
    if choice == DLS:
        return best, begin, np.int64(0), -gain
    return best, begin, first, -level[i] if choice == ETF else 0.0


@driver
def pair_plan(board, sheet, choice, level, middle, waiting, ready, reach):
    """Place the ready task whose offer is best, ties by number; then see who became ready.

    `level` (n,) is q(SL) for ETF, SL for DLS, and `middle` (n,) the median duration. `waiting`
    counts unplaced predecessors; `ready` (n,) and `reach` (n, P) are scratch.
    """
    count = 0
    for i in range(len(waiting)):
        if waiting[i] == 0:
            _admit(board, sheet, reach, ready, count, i)
            count += 1
    while count > 0:
        chosen, worker, begin, first, second = -1, NOBODY, np.int64(0), np.int64(0), 0.0
        for slot in range(count):
            i = ready[slot]
            p, start, one, two = _offer(board, sheet, reach, slot, i, choice, level, middle)
            if chosen < 0 or one < first or (one == first and (
                    two < second or (two == second and i < ready[chosen]))):
                chosen, worker, begin, first, second = slot, p, start, one, two
        i = ready[chosen]
        settle(board, sheet, i, worker, begin)
        count -= 1
        ready[chosen] = ready[count]
        for p in range(len(board.cls)):
            reach[chosen, p] = reach[count, p]
        for k in range(board.first_after[i], board.first_after[i + 1]):
            j = board.after[k].task
            waiting[j] -= 1
            if waiting[j] == 0:
                _admit(board, sheet, reach, ready, count, j)
                count += 1
