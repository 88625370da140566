"""What is known of a cell's sequences before an evaluation: accuracies on the training seeds."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.net2net.cells import Cell


@dataclass(frozen=True, eq=False)
class Values:
    """Validation accuracies of a cell; nan where a sequence is masked or a node not measured."""

    cell: Cell
    leaf: np.ndarray            # (L,) means over the seeds
    by_seed: np.ndarray         # (n, L)
    node_accuracy: np.ndarray   # (N,) means over the seeds

    def allowed(self) -> np.ndarray:
        """int8 (N, A): 1 where a known sequence goes on."""
        levels, known = [], np.isfinite(self.leaf)
        while known.size > 1:
            levels.append(known.reshape(-1, self.cell.actions))
            known = levels[-1].any(axis=1)
        return np.concatenate(levels[::-1]).astype(np.int8)

    def below(self, j: int) -> np.ndarray:
        """The leaves as (A^j, A, rest): by history, action of decision j, and what follows."""
        return self.leaf.reshape(self.cell.actions**j, self.cell.actions, -1)
