"""One run: environment, network, learner, validation, checkpoints, the saved policy, the table.

The run folder explains itself: `.hydra/` holds the resolved configuration, `checkpoint.safetensors`
what a resumed run needs, `policy/` the best validated policy, `events.*` the TensorBoard curves.
"""
from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.checkpoints import load_checkpoint, pack, save_checkpoint, unpack
from agents.schema import TrainConfig
from agents.task import (
    CHECKPOINT,
    check,
    check_same,
    comparable,
    device_of,
    open_task,
    threads_of,
)
from envs.core.errors import PolicyError

if TYPE_CHECKING:
    from agents.learner import Learner
    from agents.networks.acting import NetworkPolicy
    from agents.validation import Score, Validator


def train(config: TrainConfig, folder: Path) -> Path:
    """A whole run in `folder`; the folder of the saved policy."""
    run = Run(config, Path(folder))
    run.learn()
    return run.finish()


@contextmanager
def at_boundaries() -> Iterator[threading.Event]:
    """Ctrl-C or SIGTERM asks for a stop after the present update; a second one stops at once."""
    asked, before = threading.Event(), {}

    def ask(number: int, _: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    try:
        if threading.current_thread() is threading.main_thread():
            before = {n: signal.signal(n, ask) for n in (signal.SIGINT, signal.SIGTERM)}
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Run:
    """The state of a run between its checkpoints."""

    def __init__(self, config: TrainConfig, folder: Path):
        import torch

        check(config)
        torch.set_num_threads(config.threads)
        self.config, self.folder, self.agent = config, folder, config.agent
        self.task = open_task(config)
        if config.library is not None:
            from agents.library.joining import check_run

            check_run(config, self.task.scenario)
        self.total = config.steps or int(config.env.get("steps") or 1_000_000)
        self.best: dict[str, Any] | None = None         # weights of the best validated policy
        self.best_score: Score | None = None
        self.rival: Score | None = None
        self.elapsed, self.validated, self.updates = 0.0, 0, 0
        self.learner = self._learner()
        if config.resume:
            self._resume()

    def _learner(self) -> Learner:
        import torch

        from agents.learner import make_learner
        from agents.networks import for_environment, registry_name
        from agents.tracking import Tally

        torch.manual_seed(self.config.seed)
        env = self.task.make_env(self.agent.num_envs, threads_of(self.config.env_threads))
        self.network_name = registry_name(self.agent.network, self.task.domain.name,
                                          env.single_action_space)
        given = {} if self.agent.hidden is None else {"hidden": self.agent.hidden}
        network = for_environment(self.network_name, env, given).to(device_of(self.config.device))
        self.tally = Tally(getattr(self.task.domain, "ratios", {}))
        return make_learner(self.agent, env, network, seed=self.config.seed, steps=self.total,
                            tally=self.tally)

    @cached_property
    def validator(self) -> Validator:
        """Made on first use, after the first step of training."""
        from agents.validation import Validator

        task = self.task
        return Validator(task.domain, task.scenario, task.workload, task.extra,
                         self.config.windows or task.domain.validation_windows)

    @property
    def policy(self) -> NetworkPolicy:
        """The policy as it is now."""
        from agents.networks.acting import NetworkPolicy

        return NetworkPolicy(self.learner.network, self.network_name, name=self.agent.name,
                             env=self.task.domain.name, options=self.task.options)

    def learn(self) -> None:
        """Updates, validations and checkpoints until steps or minutes are used up."""
        from agents.progress import RunProgress
        from agents.tracking import Tracker

        self.tracker = Tracker(self.folder)
        name = f"{self.task.domain.name} {self.agent.name}"
        with RunProgress(self.total, self.learner.steps, name) as self.progress:
            with at_boundaries() as stop:
                self._loop(stop)
            self.checkpoint()
            if stop.is_set():
                self.progress.say(f"stopped; resume=true goes on ({self.folder})")
                raise KeyboardInterrupt

    def _loop(self, stop: threading.Event) -> None:
        began, before, saved = time.monotonic(), self.elapsed, time.monotonic()
        while not self._over() and not stop.is_set():
            self._update()
            self.elapsed = before + time.monotonic() - began
            self._validate_if_due()
            if time.monotonic() - saved > self.config.checkpoint_s:
                self.checkpoint()
                saved = time.monotonic()

    def _over(self) -> bool:
        minutes = self.config.minutes
        return self.learner.steps >= self.total or (
            minutes is not None and self.elapsed >= 60 * minutes)

    def _update(self) -> None:
        scalars = self.learner.update()
        self.updates += 1
        step = self.learner.steps
        self.progress.advance(step)
        self.tracker.scalars("train", scalars, step)
        self.tracker.scalars("rollout", self.tally.take(), step)
        self.tracker.scalars("time", {"steps_per_second": self.progress.rate}, step)

    def _validate_if_due(self) -> None:
        every = self.total / max(1, self.config.validations)
        due = min(int(self.learner.steps / every), self.config.validations)
        if due > self.validated or (self._over() and self.best_score is None):
            self.validated = due
            self._validate()

    def _validate(self) -> None:
        if self.rival is None:
            self.progress.say("measuring the baselines on the validation windows")
            self.rival = self.validator.best_baseline()
        score = self.validator.score(self.policy)
        if score.better_than(self.best_score):
            self.best_score = score
            self.best = {k: v.clone() for k, v in self.learner.network.state_dict().items()}
        self.learner.network.start(self.learner.env)    # it was bound to the validation windows
        self.tracker.scalars("validation", score.metrics, self.learner.steps)
        best = self.rival.metrics[self.task.domain.chosen_by.metric]
        self.tracker.scalars("validation", {"best_baseline": best}, self.learner.steps)
        self.progress.say(self._standing(score))

    def _standing(self, score: Score) -> str:
        column = self.task.domain.chosen_by
        best, digits = self.best_score or score, column.digits
        mine, most, rival = (s.metrics[column.metric] for s in (score, best, self.rival))
        left = f" ({score.undone:g} {self.task.domain.incomplete})" if score.undone else ""
        return (f"{column.heading}: {mine:.{digits}f}{left}, best {most:.{digits}f}, "
                f"{self.rival.name} {rival:.{digits}f}")

    def checkpoint(self) -> None:
        """Everything that `resume=true` needs, in one file."""
        tensors, numbers = self.learner.state()
        best = {} if self.best is None else pack("best", self.best)
        score = None if self.best_score is None else asdict(self.best_score)
        save_checkpoint(self.folder / CHECKPOINT, {**pack("learner", tensors), **best}, {
            "learner": numbers, "best": score, "validated": self.validated,
            "updates": self.updates, "elapsed": self.elapsed, "config": comparable(self.config)})

    def _resume(self) -> None:
        from agents.validation import Score

        path = self.folder / CHECKPOINT
        if not path.exists():
            raise PolicyError("no run of this env, agent and seed to go on with", "resume",
                              "start one without resume=true")
        tensors, numbers = load_checkpoint(path)
        check_same(numbers["config"], comparable(self.config))
        self.learner.restore(unpack("learner", tensors), numbers["learner"])
        if numbers["best"] is not None:
            self.best, self.best_score = unpack("best", tensors), Score(**numbers["best"])
        self.validated, self.updates = numbers["validated"], numbers["updates"]
        self.elapsed = numbers["elapsed"]

    def finish(self) -> Path:
        """Save the best validated policy, draw it, print the held-out table."""
        from agents.finish import finish

        if self.best is not None:
            self.learner.network.load_state_dict(self.best)
        place = finish(self)
        self.tracker.close()
        return place
