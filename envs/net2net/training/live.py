"""A live training that waits at its decisions: whoever drives it gives the actions."""
from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from envs.core.errors import ActionError, ScenarioError, nearest
from envs.net2net.architectures import PROFILES, Architecture, Profile
from envs.net2net.cells import Cell
from envs.net2net.manifest import stem_of
from envs.net2net.training.clock import ONE_GPU, Timeline
from envs.net2net.training.learner import Score
from envs.net2net.training.real import READERS, RealTrainer
from envs.net2net.training.saved import read_trainer, write_trainer
from envs.net2net.training.trainer import Trainer

CLOCKS = ("virtual", *READERS)
UNMEASURED = Score(math.nan, math.nan)


@dataclass(frozen=True)
class Standing:
    """What is known of a live training at a decision, or at its end; times in ms."""

    decision: int                   # j, D at the end
    over: bool
    clock_ms: float
    steps: int
    val_accuracy: float
    val_loss: float
    train_loss: float               # running average; nan before the first step
    test_accuracy: float            # nan but at the end
    test_loss: float
    gpus: int                       # in force, 0 while paused
    step_ms: float                  # of the present network on max(1, gpus); real clocks: measured
    architecture: Architecture
    macs: int
    parameters: int
    taken: tuple[int, ...]          # masked and refused actions count as 0
    force: tuple[int, ...]          # actions that an undo could take back, the latest last
    edited_ms: float                # clock after the last edit, -1 before the first
    gpu_ms: float                   # GPU time of the last action and the segment after it
    gpu_total_ms: float
    mask: tuple[bool, ...]          # (A,) legal actions; at the end 0 alone
    refused: str                    # why the last action was not made, or ""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Standing:
        """What `asdict` gave, through JSON."""
        lists = {key: tuple(value) for key, value in config.items() if isinstance(value, list)}
        stages = tuple(tuple(stage) for stage in config["architecture"])
        return cls(**{**config, **lists, "architecture": stages})


class Session:
    """One live training, driven decision by decision.

        session = Session(cell, seed)               # nothing is trained yet
        standing = session.begin()                  # the first segment; at decision 0
        while not standing.over:
            standing = session.apply(action)        # its edits, the segment after it, measured

    `clock` is `virtual` (the profile's step costs: the same seed gives the recorded training),
    `cpu` (process time) or `wall`. A masked action is taken as 0, and so is one that an operator
    refuses: `refused` says why. `snapshot()` is a copy that `restore` goes back to, any number of
    times. With `folder` the state is kept on disk at every decision, and `begin()` of the same
    run goes on from there: `history` then holds the standings so far. The file is removed at the
    end of the run.
    """

    def __init__(self, cell: Cell, seed: int, *, timeline: Timeline = ONE_GPU,
                 profile: Profile = PROFILES["cpu"], clock: str = "virtual",
                 max_parameters: int | None = None, folder: Path | None = None):
        if clock not in CLOCKS:
            raise ScenarioError(f'unknown clock "{clock}"', "clock", nearest(clock, CLOCKS))
        given = {"timeline": timeline, "profile": profile, "max_parameters": max_parameters}
        self.trainer = (Trainer(cell, seed, **given) if clock == CLOCKS[0] else
                        RealTrainer(cell, seed, read=READERS[clock], **given))
        self.history: list[Standing] = []       # at every decision so far, and at the end
        self.key = json.dumps([cell.name, cell.decisions, seed, clock, *given.values()])
        self.file = folder / f"{stem_of(cell)}.seed{seed}.safetensors" if folder else None

    @property
    def standing(self) -> Standing:
        """The latest of `history`."""
        return self.history[-1]

    def begin(self) -> Standing:
        """Train to decision 0, or read how far a run that was killed had come."""
        if self.file and self.file.is_file():
            rows = read_trainer(self.file, self.trainer, self.key)
            self.history = [Standing.from_config(row) for row in rows]
        if not self.history:
            self._go_on("")
        return self.standing

    def apply(self, action: int) -> Standing:
        """Take an action, train to the next decision or to the end, measure there."""
        if not self.history or self.standing.over:
            raise ActionError("is over" if self.history else "has not begun", "live training",
                              "call begin() of a new session")
        if not 0 <= action < self.trainer.cell.actions:
            raise ActionError(f"must be in 0..{self.trainer.cell.actions - 1}, found {action}",
                              "action")
        self._go_on(self.trainer.act(int(action)))
        return self.standing

    def snapshot(self) -> Snapshot:
        """A copy of the whole state."""
        return Snapshot(self.trainer.fork(), tuple(self.history))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state, which stays as it is."""
        self.trainer, self.history = snapshot.trainer.fork(), list(snapshot.history)

    def _go_on(self, refused: str) -> None:
        cell, decision = self.trainer.cell, len(self.trainer.progress.taken)
        over = decision == cell.depth_of_tree
        self.trainer.advance(cell.budget_ms if over else cell.decisions[decision])
        self.history.append(_standing(self.trainer, over, refused))
        if self.file and over:
            self.file.unlink(missing_ok=True)
        elif self.file:
            write_trainer(self.file, self.trainer, self.key, [asdict(s) for s in self.history])


@dataclass(frozen=True)
class Snapshot:
    """A state of a session."""

    trainer: Trainer
    history: tuple[Standing, ...]


def _standing(trainer: Trainer, over: bool, refused: str) -> Standing:
    cell, progress, learner = trainer.cell, trainer.progress, trainer.learner
    val, test = learner.score("val"), learner.score("test") if over else UNMEASURED
    mask = [not over and not trainer.masked(action) for action in range(cell.actions)]
    return Standing(
        len(progress.taken), over, progress.clock_ms, learner.steps, *val,
        math.nan if learner.loss is None else learner.loss, *test, trainer.gpus,
        trainer.step_ms(), progress.architecture, cell.network.macs(progress.architecture),
        cell.network.parameters(progress.architecture), tuple(progress.taken),
        tuple(entry.action for entry in progress.force), progress.edited_ms, progress.gpu_ms,
        progress.gpu_total_ms, (True, *mask[1:]), refused)
