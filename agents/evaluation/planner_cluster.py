"""A user's own Python policies of `cluster`: an order, shares, or sizes."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from agents.evaluation.callbacks import Guard, PythonFunction, listening, place
from envs.cluster.planning import View
from envs.cluster.policy import ARGUMENTS
from envs.cluster.system import System
from envs.cluster.units import NEVER
from envs.core.errors import PolicyError

PROBED = 100        # jobs for which a compiled order must find a number
NO_NUMBER = "every key is nan: jobs have no order"


class PythonOrder(PythonFunction):
    """A plain function with the arguments of a compiled order."""

    def __init__(self, function: Callable[..., float]):
        super().__init__(function, len(ARGUMENTS), math.nan)
        self.asked, self.answered = False, False

    def _answer(self, *arguments: float) -> float:
        key = super()._answer(*arguments)
        if not self.errors:
            self.asked, self.answered = True, self.answered or not math.isnan(key)
        return key

    @contextmanager
    def watched(self, guard: Guard) -> Iterator[None]:
        """Raise what the function raised, blamed on its file."""
        with super().watched(guard):
            yield
        with guard():
            if self.asked and not self.answered:
                raise ValueError(NO_NUMBER)


def probe(policy: Any, system: System) -> None:
    """`PolicyError` where a compiled order raises, or has no number for any job as it arrives."""
    with listening(policy):
        keys = [policy.ctypes(*job) for job in _arrivals(system)]
    if all(map(math.isnan, keys)):
        raise PolicyError(NO_NUMBER, place(policy), "mend the policy")


def _arrivals(system: System) -> np.ndarray:
    """Arguments of an order for the first jobs as they arrive."""
    count = min(PROBED, len(system))
    now, zero = system.arrival_us[:count] / 1e6, np.zeros(count)
    due = system.deadline_us[:count]
    return np.stack([
        now, now, system.gpus[:count], system.work[:count] / 1e6, zero, zero, zero,
        system.priority[:count], np.where(due < NEVER, due / 1e6, -1.0), system.cls[:count],
        system.tenant[:count], zero, zero], axis=1).astype(float)


class UserPlanner:
    """A user's `shares(view)` or `allocate(view)`: its answers checked, its failures blamed."""

    def __init__(self, own: Any, guard: Guard):
        self.own, self.guard = own, guard
        self.solves: list[dict[str, Any]] = getattr(own, "solves", [])

    def shares(self, view: View) -> np.ndarray:
        """(M, J) fractions of time, not negative, at most 1 in all per job."""
        with self.guard():
            X = np.asarray(self.own.shares(view), float)
            shape = (len(view.job), len(view.up_gpus))
            if X.shape != shape or not np.isfinite(X).all() or (X < 0).any():
                raise ValueError(f"shares need {shape[0]} x {shape[1]} numbers from 0 on, one row "
                                 "per job of the view")
            if (X.sum(axis=1) > 1 + 1e-6).any():
                raise ValueError(f"job {view.job[X.sum(axis=1).argmax()]} has more than all of "
                                 "its time")
            return np.where(view.system.allowed()[view.job], X, 0.0)

    def allocate(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Type and GPU count (M,) of each job, 0 GPUs: nothing."""
        with self.guard():
            kind, gpus = (np.asarray(part, np.int64) for part in self.own.allocate(view))
            _check_sizes(view, kind, gpus)
            return kind, gpus


def _check_sizes(view: View, kind: np.ndarray, gpus: np.ndarray) -> None:
    count, types = len(view.job), len(view.up_gpus)
    if kind.shape != (count,) or gpus.shape != (count,):
        raise ValueError(f"allocate needs {count} types and {count} GPU counts")
    given = np.flatnonzero(gpus)
    if (kind[given] < 0).any() or (kind[given] >= types).any():
        raise ValueError(f"types are 0 to {types - 1}")
    job, system = view.job[given], view.system
    low, high = system.min_gpus[job], system.max_gpus[job]
    bad = (gpus[given] < low) | (gpus[given] > high) | ~system.allowed()[job, kind[given]]
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(f"job {job[i]} cannot have {gpus[given][i]} GPUs of type "
                         f"{system.types[kind[given][i]]} (it takes {low[i]} to {high[i]})")
    used = np.bincount(kind[given], gpus[given], types)
    if (used > view.up_gpus).any():
        j = int(np.argmax(used > view.up_gpus))
        raise ValueError(f"{used[j]:.0f} GPUs of type {system.types[j]} are given, "
                         f"{view.up_gpus[j]} are up")


def options_of(own: Any) -> dict[str, Any]:
    """The scenario options under which the kernel asks this planner."""
    plain = {"share": None, "elastic": None, "lookahead": None}
    if callable(getattr(own, "shares", None)):
        return {**plain, "share": {"policy": "isolated"}}
    return {**plain, "elastic": {"policy": "sia"}}
