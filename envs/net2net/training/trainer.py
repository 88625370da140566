"""One training under the budget clock: segments, edits, measurements, forks."""
from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch

from envs.net2net.architectures import PROFILES, Profile
from envs.net2net.cells import Cell, edited, edits_of
from envs.net2net.training.clock import ONE_GPU, Timeline, gpus_at, stretch
from envs.net2net.training.edits import grow
from envs.net2net.training.learner import RATE, Learner
from envs.net2net.training.networks import initial

DECAY = 0.95                        # of the learning rate over the budget


class Measured(NamedTuple):
    """What is recorded at a decision, before the action; train_loss None before the first step."""

    clock_ms: float
    steps: int
    val_accuracy: float
    val_loss: float
    train_loss: float | None


class Final(NamedTuple):
    """What is recorded at the end."""

    clock_ms: float
    steps: int
    macs: int
    parameters: int
    val_accuracy: float
    test_accuracy: float
    val_loss: float
    test_loss: float


class Trainer:
    """The training of one cell and seed; `advance`, `measure`, `act`, ..., `finish`."""

    def __init__(self, cell: Cell, seed: int, timeline: Timeline = ONE_GPU,
                 profile: Profile = PROFILES["cpu"]):
        torch.set_num_threads(1)
        self.cell, self.seed, self.timeline, self.profile = cell, seed, timeline, profile
        self.learner = Learner(cell.task, seed, initial(cell.network, seed))
        self.architecture = cell.network.base
        self.clock_ms = 0.0
        self.taken: list[int] = []

    def rate(self, clock_ms: float) -> float:
        """Learning rate of a step that starts at this time."""
        return RATE * (1.0 - DECAY * clock_ms / self.cell.budget_ms)

    def step_ms(self, gpus: int) -> float:
        """Milliseconds of a step of the present network."""
        return self.cell.network.step_ms(self.architecture, gpus, self.profile)

    def advance(self, limit: float) -> None:
        """Train until no further step can end by `limit` (ms)."""
        while run := stretch(self.clock_ms, limit, self.timeline, self.step_ms):
            self.learner.train(self.rate(run.start + i * run.step_ms) for i in range(run.steps))
            self.clock_ms = run.start + run.steps * run.step_ms

    def masked(self, action: int) -> bool:
        """Whether the present network does not allow an action."""
        architecture = self.architecture
        for edit, stage in edits_of(self.cell.action_set, action, self.cell.stages):
            architecture = edited(architecture, edit, stage)
            if architecture is None:
                return True
        return False

    def act(self, action: int) -> None:
        """Apply the edits of an action; each costs a step of the network after it."""
        for edit, stage in edits_of(self.cell.action_set, action, self.cell.stages):
            self.architecture = grow(self.learner, self.cell.network, self.architecture, edit,
                                     stage, len(self.taken))
            self.clock_ms += self.step_ms(max(1, gpus_at(self.timeline, self.clock_ms)))
        self.taken.append(action)

    def measure(self) -> Measured:
        """The network as it stands, on the validation split."""
        score = self.learner.score("val")
        return Measured(self.clock_ms, self.learner.steps, *score, self.learner.loss)

    def finish(self) -> Final:
        """The network as it stands, on validation and test split."""
        network, (val, test) = self.cell.network, map(self.learner.score, ("val", "test"))
        return Final(self.clock_ms, self.learner.steps, network.macs(self.architecture),
                     network.parameters(self.architecture), val.accuracy, test.accuracy,
                     val.loss, test.loss)

    def fork(self) -> Trainer:
        """An independent copy that goes on from here."""
        other = copy.copy(self)
        other.learner, other.taken = self.learner.fork(), list(self.taken)
        return other

    def play(self, sequence: Sequence[int]) -> Final:
        """Go through the decisions that are left with these actions, then to the end."""
        for limit, action in zip(self.cell.decisions[len(self.taken):], sequence, strict=True):
            self.advance(limit)
            self.act(action)
        self.advance(self.cell.budget_ms)
        return self.finish()
