"""Trainings whose budget clock is a real one: process time or wall time."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from envs.net2net.training.clock import next_change
from envs.net2net.training.edits import Edits
from envs.net2net.training.trainer import Trainer

READERS: dict[str, Callable[[], float]] = {"cpu": time.process_time, "wall": time.perf_counter}
FORGET = 0.9            # of the running mean of step times


class RealTrainer(Trainer):
    """A segment ends at the first step boundary past its limit; measuring the network is free."""

    def __init__(self, *args: Any, read: Callable[[], float] = time.process_time, **options: Any):
        super().__init__(*args, **options)
        self.read = read            # seconds
        self.started = 0.0          # reading at the start of the edit under way

    def step_ms(self) -> float:
        """Running mean of the measured steps; the profile's cost before the first."""
        return self.progress.measured_step_ms or super().step_ms()

    def advance(self, limit: float) -> None:
        """Train until the clock has passed `limit` (ms); without GPUs time passes by itself."""
        progress = self.progress
        while progress.clock_ms < limit:
            if not self.gpus:
                progress.clock_ms = min(next_change(self.timeline, progress.clock_ms), limit)
                continue
            start = self.read()
            self.learner.train([self.rate(progress.clock_ms)])
            self._pass(took := 1000.0 * (self.read() - start), self.gpus)
            old = progress.measured_step_ms
            progress.measured_step_ms = FORGET * old + (1 - FORGET) * took if old else took

    def _edit(self, action: int) -> None:
        self.started = self.read()
        super()._edit(action)

    def _adopt(self, work: Edits, passed: Any) -> None:
        """An edit costs what it took; the expected step grows as the profile says."""
        before = super().step_ms()
        self.learner.module, self.learner.optimiser = work.module, work.optimiser
        self.progress.architecture = work.architecture
        self.progress.measured_step_ms *= super().step_ms() / before
        self._pass(1000.0 * (self.read() - self.started), max(1, self.gpus))
        self.progress.edited_ms = self.progress.clock_ms

    def _pass(self, time_ms: float, gpus: int) -> None:
        self._spend(time_ms, gpus)
        self.progress.clock_ms += time_ms
