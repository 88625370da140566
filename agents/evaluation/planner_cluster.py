"""A user's own Python policies of `cluster`: an order, shares, or sizes."""
from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from envs.cluster.planning import View
from envs.cluster.policy import ARGUMENTS

Guard = Callable[[], AbstractContextManager]
CALLBACK = ctypes.CFUNCTYPE(*[ctypes.c_double] * (1 + len(ARGUMENTS)))


class PythonOrder:
    """A plain function with the arguments of a compiled order, called back by the kernel.

    The kernel cannot pass an exception on, so the first one is kept and raised afterwards.
    """

    def __init__(self, function: Callable[..., float]):
        self.function, self.error = function, None
        self._callback = CALLBACK(self._key)

    @property
    def address(self) -> int:
        """Where the kernel calls."""
        return ctypes.cast(self._callback, ctypes.c_void_p).value

    def _key(self, *arguments: float) -> float:
        try:
            return float(self.function(*arguments)) if self.error is None else 0.0
        except Exception as error:
            self.error = error
            return 0.0

    @contextmanager
    def watched(self, guard: Guard) -> Any:
        """Raise what the function raised, blamed on its file."""
        yield
        with guard():
            if self.error is not None:
                raise self.error


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
