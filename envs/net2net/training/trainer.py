"""One training under the budget clock: segments, edits, measurements, forks."""
from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from envs.net2net.architectures import PROFILES, Architecture, Profile
from envs.net2net.cells import Cell, edited, edits_of
from envs.net2net.operators.refused import Refused
from envs.net2net.training.clock import ONE_GPU, Timeline, gpus_at, stretch
from envs.net2net.training.edits import Edits
from envs.net2net.training.learner import RATE, Distillation, Learner
from envs.net2net.training.networks import initial

DECAY = 0.95                        # of the learning rate over the budget
TEACHING = 3.0                      # a distilled step costs 1/3 of the teacher's step more
UNDO = "undo"


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


class InForce(NamedTuple):
    """An action that an undo could take back."""

    action: int
    decision: int
    before: Architecture


@dataclass
class Progress:
    """How far a training is, beside its network; times in ms of the budget clock."""

    architecture: Architecture
    clock_ms: float = 0.0
    taken: list[int] = field(default_factory=list)
    force: list[InForce] = field(default_factory=list)
    edited_ms: float = -1.0         # clock after the last edit, -1 before the first
    gpu_ms: float = 0.0             # GPU time of the last action and what came after it
    gpu_total_ms: float = 0.0
    measured_step_ms: float = 0.0   # running mean under a real clock; 0 before the first step


class Trainer:
    """The training of one cell and seed: `advance`, `measure` and `act`, at last `finish`."""

    def __init__(self, cell: Cell, seed: int, timeline: Timeline = ONE_GPU,
                 profile: Profile = PROFILES["cpu"], max_parameters: int | None = None):
        torch.set_num_threads(1)
        self.cell, self.seed, self.timeline, self.profile = cell, seed, timeline, profile
        self.max_parameters = max_parameters
        self.learner = Learner(cell.task, seed, initial(cell.network, seed))
        self.progress = Progress(cell.network.base)

    @property
    def gpus(self) -> int:
        """GPUs in force."""
        return gpus_at(self.timeline, self.progress.clock_ms)

    def rate(self, clock_ms: float) -> float:
        """Learning rate of a step that starts at this time."""
        return RATE * (1.0 - DECAY * clock_ms / self.cell.budget_ms)

    def step_ms(self) -> float:
        """Milliseconds of a step of the present network, as it is observed."""
        return self._cost(self.progress.architecture, max(1, self.gpus))

    def advance(self, limit: float) -> None:
        """Train until no further step can end by `limit` (ms)."""
        while run := stretch(self.progress.clock_ms, limit, self.timeline, self._present_cost):
            lesson = self.learner.distillation
            steps = min(run.steps, lesson.steps) if lesson else run.steps
            self.learner.train(self.rate(run.start + i * run.step_ms) for i in range(steps))
            self._spend(steps * run.step_ms, run.gpus)
            self.progress.clock_ms = run.start + steps * run.step_ms

    def masked(self, action: int) -> bool:
        """Whether the present network does not allow an action."""
        architecture = self.progress.architecture
        for edit, stage in edits_of(self.cell.action_set, action, self.cell.stages):
            if edit == UNDO:
                return not self.progress.force
            architecture = edited(architecture, edit, stage)
            if architecture is None:
                return True
        largest = self.max_parameters
        return bool(action and largest and self.cell.network.parameters(architecture) > largest)

    def act(self, action: int) -> str:
        """Apply an action; "" or why it was not made, and then it counts as 0.

        Each single edit, and an undo, costs a step of the network after it.
        """
        progress, reason = self.progress, ""
        progress.gpu_ms = 0.0
        if action and self.masked(action):
            action, reason = 0, "the action is masked"
        try:
            self._edit(action)
        except Refused as refused:
            action, reason = 0, str(refused)
        progress.taken.append(action)
        return reason

    def measure(self) -> Measured:
        """The network as it stands, on the validation split."""
        learner = self.learner
        return Measured(self.progress.clock_ms, learner.steps, *learner.score("val"), learner.loss)

    def finish(self) -> Final:
        """The network as it stands, on validation and test split."""
        network, architecture = self.cell.network, self.progress.architecture
        val, test = map(self.learner.score, ("val", "test"))
        return Final(self.progress.clock_ms, self.learner.steps, network.macs(architecture),
                     network.parameters(architecture), val.accuracy, test.accuracy, val.loss,
                     test.loss)

    def fork(self) -> Trainer:
        """An independent copy that goes on from here."""
        other = copy.copy(self)
        other.learner, other.progress = self.learner.fork(), copy.deepcopy(self.progress)
        return other

    def _edit(self, action: int) -> None:
        """The edits of an action; nothing has changed if one of them is refused."""
        edits = edits_of(self.cell.action_set, action, self.cell.stages)
        if edits and edits[0][0] == UNDO:
            self._undo()
        elif edits:
            progress, before = self.progress, self.progress.architecture
            work = self._work(before)
            passed = [work.grow(edit, stage, len(progress.taken)) for edit, stage in edits]
            self._adopt(work, passed)
            progress.force.append(InForce(action, len(progress.taken), before))

    def _undo(self) -> None:
        """Take back the latest action in force; the network before teaches the one after."""
        action, decision, before = self.progress.force[-1]
        teacher, taught_by = self.learner.module, self.progress.architecture
        ((edit, stage),) = edits_of(self.cell.action_set, action, self.cell.stages)
        work = self._work(taught_by)
        self._adopt(work, [work.shrink(edit, stage, decision, before)])
        self.learner.distillation = Distillation(teacher.eval(), taught_by)
        self.progress.force.pop()

    def _work(self, architecture: Architecture) -> Edits:
        learner = self.learner
        return Edits(learner.module, learner.optimiser, architecture, self.cell, self.seed)

    def _adopt(self, work: Edits, passed: Sequence[Architecture]) -> None:
        """Go on with an edited network; pay for each architecture on the way."""
        self.learner.module, self.learner.optimiser = work.module, work.optimiser
        for architecture in passed:
            gpus = max(1, self.gpus)
            cost = self._cost(architecture, gpus)
            self._spend(cost, gpus)
            self.progress.clock_ms += cost
        self.progress.architecture = work.architecture
        self.progress.edited_ms = self.progress.clock_ms

    def _cost(self, architecture: Architecture, gpus: int) -> float:
        return self.cell.network.step_ms(architecture, gpus, self.profile)

    def _present_cost(self, gpus: int) -> float:
        """Milliseconds of the next step, the teacher's part in it included."""
        lesson = self.learner.distillation
        taught = self._cost(lesson.architecture, gpus) / TEACHING if lesson else 0.0
        return self._cost(self.progress.architecture, gpus) + taught

    def _spend(self, time_ms: float, gpus: int) -> None:
        self.progress.gpu_ms += time_ms * gpus
        self.progress.gpu_total_ms += time_ms * gpus
