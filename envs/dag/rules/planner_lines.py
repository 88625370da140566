"""The tasks of a worker in the order in which it runs them: gaps, insertion, removal."""
from __future__ import annotations

import numpy as np

from envs.core.jit import part, rule
from envs.dag.rules.planner_board import BLOCK, NOBODY, UNPLACED


@part
def gap(sheet, p, ready, length):
    """Start of the earliest idle interval of worker p that holds `length` ticks from `ready`."""
    low, high = 0, sheet.count[p]
    while low < high:               # all before starts too early to leave room
        middle = (low + high) >> 1
        if sheet.start[sheet.line[p, middle]] < ready + length:
            low = middle + 1
        else:
            high = middle
    begin = ready if low == 0 else max(ready, sheet.finish[sheet.line[p, low - 1]])
    while low < sheet.count[p]:
        if low % BLOCK == 0 and sheet.wide[p, low // BLOCK] < length:
            low += BLOCK
        elif begin + length <= sheet.start[sheet.line[p, low]]:
            break
        else:
            low += 1
        begin = max(begin, sheet.finish[sheet.line[p, min(low, sheet.count[p]) - 1]])
    return begin


@rule
def _measure(sheet, p, at):
    """Find the widest idle interval of every block from place `at` of worker p on."""
    for block in range(at // BLOCK, (sheet.count[p] + BLOCK - 1) // BLOCK):
        widest, k = np.int64(0), block * BLOCK
        before = np.int64(0) if k == 0 else sheet.finish[sheet.line[p, k - 1]]
        while k < min((block + 1) * BLOCK, sheet.count[p]):
            task = sheet.line[p, k]
            widest = max(widest, sheet.start[task] - before)
            before = sheet.finish[task]
            k += 1
        sheet.wide[p, block] = widest


@rule
def _later(board, sheet, i, j):
    """Whether i comes after j on a worker."""
    if sheet.start[i] != sheet.start[j]:
        return sheet.start[i] > sheet.start[j]
    if sheet.finish[i] != sheet.finish[j]:
        return sheet.finish[i] > sheet.finish[j]
    return board.pos[i] > board.pos[j]


@part
def settle(board, sheet, i, p, start):
    """Give task i its place; p is NOBODY for a virtual one."""
    sheet.worker[i], sheet.start[i] = p, start
    sheet.finish[i] = start
    if p == NOBODY:
        return
    sheet.finish[i] += board.duration[i, board.cls[p]]
    line, at = sheet.line[p], sheet.count[p]
    while at > 0 and _later(board, sheet, line[at - 1], i):
        line[at] = line[at - 1]
        at -= 1
    line[at] = i
    sheet.count[p] += 1
    sheet.free[p] = max(sheet.free[p], sheet.finish[i])
    _measure(sheet, p, at)


@part
def lift(sheet, i):
    """Take the place of task i back."""
    p = sheet.worker[i]
    sheet.finish[i] = UNPLACED
    if p == NOBODY:
        return
    line, at = sheet.line[p], sheet.count[p] - 1
    held = line[at]
    while held != i:
        at -= 1
        held, line[at] = line[at], held
    sheet.count[p] -= 1
    sheet.free[p] = sheet.finish[line[sheet.count[p] - 1]] if sheet.count[p] > 0 else 0
    _measure(sheet, p, at)
