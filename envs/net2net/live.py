"""The engine of back-end `live`: a real training behind every replica. Needs torch."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.replicas import Memory
from envs.net2net.engine import Engine
from envs.net2net.system import System
from envs.net2net.training.live import Session, Standing


class LiveEngine(Engine):
    """As `Engine`; sessions train, the block keeps what observations and rewards need.

    With `folder` every session keeps its state below it, and a job that was cut off goes on from
    its last decision when it begins again.
    """

    def __init__(self, system: System, envs: int = 1, *, clock: str = "virtual",
                 folder: Path | None = None):
        super().__init__(system, envs)
        self.clock, self.folder = clock, folder
        self.sessions: list[Session | None] = [None] * envs
        self.standing: list[Standing | None] = [None] * envs
        self.earlier: list[list[np.ndarray]] = [[] for _ in range(envs)]
        self.seconds = np.zeros((envs, system.first.depth_of_tree + 1))

    def begin(self, chosen: np.ndarray, cell: np.ndarray, row: np.ndarray,
              seed: np.ndarray) -> None:
        """Begin episodes and train their first segments."""
        super().begin(chosen, cell, row, seed)
        self.seconds[chosen] = 0.0
        for e in np.flatnonzero(chosen):
            session, began = self._session(int(cell[e]), int(seed[e])), time.process_time()
            session.begin()
            self.sessions[e], self.earlier[e] = session, []
            for standing in session.history:
                if standing.decision > 0:
                    self.earlier[e].append(self.note()[e])
                    self._follow(int(e), standing.taken[-1])
                self._enter(int(e), standing, began)

    def _session(self, number: int, seed: int) -> Session:
        rules, cell = self.system.rules, self.system.jobs[number].cell
        return Session(cell, seed, timeline=rules.timeline, profile=rules.profile,
                       clock=self.clock, max_parameters=rules.max_parameters, folder=self.folder)

    def play(self, active: np.ndarray, action: np.ndarray) -> np.ndarray:
        """One action of every active replica, trained to the next decision; rewards (E,)."""
        for e in np.flatnonzero(active):
            began, run = time.process_time(), self.block["run"][e]
            standing = self.sessions[e].apply(int(action[e]))
            self._follow(int(e), standing.taken[-1])
            run["illegal"] += standing.taken[-1] != action[e]
            self._enter(int(e), standing, began)
        return self.pay(active)

    def _follow(self, e: int, action: int) -> None:
        """What an action does to the architecture and the counts."""
        one = np.arange(self.envs) == e
        super().play(one, np.full(self.envs, action))

    def _enter(self, e: int, standing: Standing, began: float) -> None:
        """Write down how a training stands."""
        self.standing[e] = standing
        run = self.block["run"][e]
        self.seconds[e, standing.decision] = time.process_time() - began
        run["clock"], run["steps"] = standing.clock_ms, standing.steps
        run["accuracy"], run["val_loss"] = standing.val_accuracy, standing.val_loss
        run["train_loss"], run["edited"] = standing.train_loss, standing.edited_ms
        profiled = self.system.jobs[run["cell"]].cell.network.step_ms(
            standing.architecture, max(1, standing.gpus), self.system.rules.profile)
        run["slowness"] = 1.0 if self.clock == "virtual" else standing.step_ms / profiled
        run["gpu_ms"], run["gpu_total"] = standing.gpu_ms, standing.gpu_total_ms

    def past(self, e: int) -> list[np.ndarray]:
        """Moments before the present one of a job that was taken up again."""
        return self.earlier[e]

    def measured(self, e: int) -> tuple[float, np.ndarray]:
        """Test accuracy of an ended job, and the CPU seconds (D + 1,) of its segments."""
        return self.standing[e].test_accuracy, self.seconds[e].copy()

    def snapshot(self) -> Any:
        """All replicas, exactly."""
        trained = [None if s is None else s.snapshot() for s in self.sessions]
        return super().snapshot(), trained, list(self.sessions), list(self.standing), \
            self.seconds.copy()

    def restore(self, saved: Any) -> None:
        """Go on from a snapshot."""
        memory, trained, self.sessions, self.standing, seconds = saved
        super().restore(Memory(*memory))
        self.sessions, self.standing = list(self.sessions), list(self.standing)
        self.seconds[:] = seconds
        for session, state in zip(self.sessions, trained, strict=True):
            if session is not None:
                session.restore(state)
