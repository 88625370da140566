"""What the sequences of an episode's cell and seed reach: never, mean, best, all of them."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from envs.net2net.engine import Engine
from envs.net2net.metrics import MOST_LEAVES, Reference
from envs.net2net.model import search
from envs.net2net.system import System, bind
from envs.net2net.theta import Noise

SCORES = ("normalised", "regret", "rank")
Scores = tuple[float, float, float]
UNKNOWN: Scores = (np.nan, np.nan, np.nan)


class Referee:
    """Validation accuracies of all sequences: of a table's seed, else of the model without noise.

    Where the model's parameters vary by episode that costs a search of the tree; without `wanted`
    all are unknown.
    """

    def __init__(self, system: System, wanted: bool = True):
        self.system, rules = system, system.rules
        self.varied = rules.backend == "parametric" and rules.vary > 0
        self.wanted = wanted
        self._known: dict[tuple[int, int], Reference | None] = {}
        self._engine: Engine | None = None

    def of(self, cell: int, row: int, seed: int) -> Reference | None:
        """What an episode is compared with; None where nothing is known."""
        if not self.wanted:
            return None
        key = (cell, seed if self.varied else row)
        if key not in self._known:
            found = self._made(cell, row, seed)
            if self.varied:
                return found
            self._known[key] = found
        return self._known[key]

    def _made(self, cell: int, row: int, seed: int) -> Reference | None:
        job = self.system.jobs[cell]
        if job.table is not None:
            values = job.table.leaves["val_accuracy"][row]
            return Reference.of(np.where(job.table.recorded, values, np.nan), 0.0)
        if job.theta is None or job.cell.leaves > MOST_LEAVES:
            return None
        if self._engine is None:
            quiet = [replace(job, noise=Noise()) for job in self.system.jobs]
            rules = replace(self.system.rules, backend="parametric", reward="final")
            self._engine = Engine(bind(rules, quiet), job.cell.depth_of_tree + 1)
        return Reference.of(search(self._engine, cell, seed).leaf, 0.0)

    def judge(self, cell: np.ndarray, row: np.ndarray, seed: np.ndarray,
              accuracy: np.ndarray) -> dict[str, np.ndarray]:
        """`normalised`, `regret` and `rank` of final accuracies, (n,) each; nan: unknown."""
        if not self.wanted:
            return dict.fromkeys(SCORES, np.full(len(cell), np.nan))
        scores = [self._scores(*one) for one in zip(cell.tolist(), row.tolist(), seed.tolist(),
                                                    accuracy.tolist(), strict=True)]
        return dict(zip(SCORES, np.array(scores).T, strict=True))

    def _scores(self, cell: int, row: int, seed: int, accuracy: float) -> Scores:
        known = self.of(cell, row, seed)
        if known is None:
            return UNKNOWN
        normalised = known.normalised(accuracy)
        return (np.nan if normalised is None else normalised, known.oracle - accuracy,
                known.rank(accuracy))
