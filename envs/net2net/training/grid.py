"""All sequences of a cell and seed: prefixes are trained once and forked at decisions."""
from __future__ import annotations

import numpy as np

from envs.net2net.cells import Cell
from envs.net2net.replay import LEAF, NODE
from envs.net2net.training.trainer import Trainer


def train_grid(cell: Cell, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Records of the nodes, NODE (N,), and of the leaves, LEAF (L,).

    What lies behind a masked action is not trained and stays nan.
    """
    nodes, leaves = np.full(cell.nodes, np.nan, NODE), np.full(cell.leaves, np.nan, LEAF)
    _walk(Trainer(cell, seed), 0, nodes, leaves)
    return nodes, leaves


def _walk(trainer: Trainer, node: int, nodes: np.ndarray, leaves: np.ndarray) -> None:
    """Everything from a node on; the trainer is used up."""
    cell, decision = trainer.cell, len(trainer.progress.taken)
    if decision == cell.depth_of_tree:
        trainer.advance(cell.budget_ms)
        _enter(leaves, node - cell.nodes, trainer.finish())
        return
    trainer.advance(cell.decisions[decision])
    _enter(nodes, node, trainer.measure())
    legal = [action for action in range(cell.actions) if not trainer.masked(action)]
    for action in legal:
        child = trainer.fork() if action != legal[-1] else trainer
        child.act(action)
        _walk(child, cell.node_of(child.progress.taken), nodes, leaves)


def _enter(records: np.ndarray, row: int, values: tuple) -> None:
    """What was measured; None (no training loss before the first step) stays nan."""
    records[row] = tuple(np.nan if value is None else value for value in values)
