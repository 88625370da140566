"""A job on a recording: clocks, accuracies and losses are looked up, nothing is trained."""
import math
from itertools import pairwise

from tests.reference.net2net.job import Job
from tests.reference.net2net.observation import observation

ANY = {"e0": 1.0, "einf": 1.0, "tau0": 1.0, "beta": 1.0, "c": 0.0}


class Recorded(Job):
    """`nodes` and `leaves`: a mapping per row, None where nothing is recorded."""

    def __init__(self, case, nodes, leaves):
        self.rows, self.first_leaf = [*nodes, *leaves], len(nodes)
        stages = len(case["cell"]["widths"])
        super().__init__({**case, "theta": {**ANY, "kappa": [0] * 3 * stages,
                                            "lambda": [0] * 3 * stages}})

    def train(self):
        """To the clock of the node or leaf."""
        self.row = self.rows[self.node]
        self.t = self.row["clock"]
        self.gpu_ms = self.t

    def after(self, action):
        """Masked is also what was not recorded."""
        return super().after(action) if self._goes_on(self.actions * self.node + 1 + action) \
            else None

    def _goes_on(self, node):
        """Whether a leaf at or below a node is recorded."""
        if node >= self.first_leaf:
            return self.rows[node] is not None
        return any(self._goes_on(self.actions * node + 1 + a) for a in range(self.actions))

    def accuracy(self):
        """Validation accuracy, None where it was not measured."""
        found = self.row["val_accuracy"]
        return None if math.isnan(found) else found

    def losses(self):
        """Validation loss and average training loss, None where one is missing."""
        found = self.row["val_loss"], self.row.get("train_loss", math.nan)
        return None if any(math.isnan(x) for x in found) else found


def play(case, nodes, leaves, gpu_cost=.05):
    """Observations (the one at the end too), masks, clocks, accuracies and two rewards."""
    job = Recorded(case, nodes, leaves)
    accuracies, clocks = [job.accuracy()], [job.t]
    observations, masks = [observation(job, accuracies)], [job.mask()]
    for action in case["sequence"]:
        job.act(action)
        accuracies.append(job.accuracy())
        clocks.append(job.t)
        observations.append(observation(job, accuracies))
        masks.append(job.mask())
    spent = [gpu_cost * (b - a) / 1000 for a, b in pairwise(clocks)]
    final = [0.0] * (job.decisions - 1) + [accuracies[-1]]
    return {"observations": observations, "masks": masks, "accuracy": accuracies,
            "taken": job.taken, "clock": clocks,
            "cost": [r - s for r, s in zip(final, spent, strict=True)]}
