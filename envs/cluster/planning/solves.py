"""How each program of a run went, and what happens when one has no solution in time."""
from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from envs.core.errors import PolicyError
from envs.core.lp import Unsolved

Found = TypeVar("Found")


class Solves(list[dict[str, Any]]):
    """A dict per solve: policy, time_us, status, objective, bound, gap, seconds."""

    def __init__(self, policy: str, where: str, on_failure: str) -> None:
        super().__init__()
        self.policy, self.where, self.on_failure = policy, where, on_failure

    def attempt(self, time_us: int, solve: Callable[[], Found], objective: Callable[[Found], Any],
                fallback: str) -> Found | None:
        """The solution; without one a `PolicyError`, or a warning and None for the fallback."""
        begin = time.perf_counter()
        try:
            found = solve()
        except Unsolved as failure:
            self._add(time_us, begin, failure.status, None, None, failure.gap)
            self._fail(failure, fallback)
            return None
        value, bound = objective(found)
        gap = abs(bound - value) / max(abs(value), 1e-12)
        self._add(time_us, begin, "optimal", value, bound, gap)
        return found

    def _add(self, time_us: int, begin: float, status: str, objective: float | None,
             bound: float | None, gap: float | None) -> None:
        self.append({"policy": self.policy, "time_us": time_us, "status": status,
                     "objective": objective, "bound": bound, "gap": gap,
                     "seconds": time.perf_counter() - begin})

    def _fail(self, failure: Unsolved, fallback: str) -> None:
        gap = "unknown" if failure.gap is None else f"{failure.gap:.2g}"
        error = PolicyError(f"{self.policy} {failure.status} (gap {gap}, fallback: {fallback})",
                            self.where, "raise time_limit_s, or go on with on_failure: fallback")
        if self.on_failure == "raise":
            raise error from None
        warnings.warn(f"{self.where}: {error.what}", stacklevel=2)
