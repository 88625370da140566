"""The tree of a cell's sequences: the architecture at every node and leaf, and what is masked."""
from __future__ import annotations

from functools import lru_cache

import numpy as np

from envs.net2net.cells import Architecture, Cell, edited, edits_of

History = tuple[Architecture, ...]      # before each action in force, and the present


@lru_cache(32)
def architectures(cell: Cell) -> tuple[Architecture | None, ...]:
    """The architecture of every node and leaf in heap order; None below a masked action."""
    row: list[History | None] = [(cell.network.base,)]
    heap = list(row)
    for _ in range(cell.depth_of_tree):
        row = [history and after(cell, history, action)
               for history in row for action in range(cell.actions)]
        heap += row
    return tuple(history and history[-1] for history in heap)


def after(cell: Cell, history: History, action: int) -> History | None:
    """The history after one more action; None where it is masked."""
    edits = edits_of(cell.action_set, action, cell.stages)
    if not edits:
        return history
    if edits[0][0] == "undo":
        return history[:-1] or None
    found: Architecture | None = history[-1]
    for edit, stage in edits:
        found = found and edited(found, edit, stage)
    return (*history, found) if found else None


def unmasked(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """Decision nodes (N,) and leaves (L,) that no masked action leads to, bool."""
    open_ = np.array([architecture is not None for architecture in architectures(cell)])
    return open_[:cell.nodes], open_[cell.nodes:]


def sizes(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """MACs and parameters of every leaf, f8 (L,), nan where it is masked."""
    leaves = architectures(cell)[cell.nodes:]
    return tuple(np.array([count(one) if one else np.nan for one in leaves], float)
                 for count in (cell.network.macs, cell.network.parameters))
