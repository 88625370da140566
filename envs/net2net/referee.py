"""What the sequences of an episode's cell and seed reach: never, mean, best, all of them."""
from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from envs.net2net.engine import Engine
from envs.net2net.leaves import TIE
from envs.net2net.model import search
from envs.net2net.system import System, bind
from envs.net2net.theta import Noise

MOST_LEAVES = 100_000       # sequences up to which the model is searched


class Standard(NamedTuple):
    """Validation accuracies of all sequences, in ascending order, and three of them."""

    never: float
    mean: float
    oracle: float
    ordered: np.ndarray     # without those that are masked

    @classmethod
    def of(cls, leaf: np.ndarray) -> Standard:
        """From the accuracies of the leaves (L,), nan where masked."""
        ordered = np.sort(leaf[np.isfinite(leaf)])
        return cls(float(leaf[0]), float(ordered.mean()), float(ordered[-1]), ordered)


UNKNOWN = Standard(np.nan, np.nan, np.nan, np.zeros(0))


class Referee:
    """Standards of a system's cells: those of a table's seed, else of the model without noise.

    Where the model's parameters vary by episode a standard costs a search of the tree; without
    `wanted` all are unknown.
    """

    def __init__(self, system: System, wanted: bool = True):
        self.system, rules = system, system.rules
        self.varied = rules.backend == "parametric" and rules.vary > 0
        self.wanted = wanted
        self._known: dict[tuple[int, int], Standard] = {}
        self._engine: Engine | None = None

    def of(self, cell: int, row: int, seed: int) -> Standard:
        """The standard of an episode; `UNKNOWN` where there is none."""
        if not self.wanted:
            return UNKNOWN
        key = (cell, seed if self.varied else row)
        if key not in self._known:
            found = self._made(cell, row, seed)
            if self.varied:
                return found
            self._known[key] = found
        return self._known[key]

    def _made(self, cell: int, row: int, seed: int) -> Standard:
        job = self.system.jobs[cell]
        if job.table is not None:
            values = job.table.leaves["val_accuracy"][row]
            return Standard.of(np.where(job.table.recorded, values, np.nan))
        if job.theta is None or job.cell.leaves > MOST_LEAVES:
            return UNKNOWN
        if self._engine is None:
            quiet = [replace(job, noise=Noise()) for job in self.system.jobs]
            rules = replace(self.system.rules, backend="parametric", reward="final")
            self._engine = Engine(bind(rules, quiet), job.cell.depth_of_tree + 1)
        return Standard.of(search(self._engine, cell, seed).leaf)

    def judge(self, cell: np.ndarray, row: np.ndarray, seed: np.ndarray,
              accuracy: np.ndarray) -> dict[str, np.ndarray]:
        """`normalised`, `regret` and `rank` of final accuracies, (n,) each; nan: unknown."""
        if not self.wanted:
            return dict.fromkeys(("normalised", "regret", "rank"), np.full(len(cell), np.nan))
        known = [self.of(*key) for key in zip(cell.tolist(), row.tolist(), seed.tolist(),
                                               strict=True)]
        mean = np.array([standard.mean for standard in known])
        span = np.array([standard.oracle for standard in known]) - mean
        above = [len(s.ordered) - np.searchsorted(s.ordered, a, "right")
                 for s, a in zip(known, accuracy, strict=True)]
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.where(span > TIE, (accuracy - mean) / span, np.nan)
        return {"normalised": score, "regret": mean + span - accuracy,
                "rank": np.where(np.isnan(mean), np.nan, 1.0 + np.array(above))}
