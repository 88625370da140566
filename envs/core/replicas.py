"""What engines and recorders of all domains share: threads over slices of a batch, and its logs."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np


class Memory(NamedTuple):
    """Everything a batch remembers."""

    block: np.ndarray
    log: np.ndarray


class Replicas:
    """A block of replicas and their log; kernels get slices of the batch, one per thread.

    The block and the log have one row more than replicas: an array of a single row looks
    contiguous to numba, and that would be another type, compiled anew.
    """

    state: Any          # NamedTuple of views into block and log

    def __init__(self, envs: int, block: np.ndarray, log: np.ndarray, threads: int):
        self.envs, self.padded_block, self.log = envs, block, log
        self.block = block[:envs]
        self.threads = max(1, min(threads, envs))
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None

    def over_slices(self, function: Callable[..., None], tables: Any,
                    *batched: np.ndarray) -> None:
        """`function(state, tables, *batched)` on a slice of the batch per thread."""
        bounds = [self.envs * i // self.threads for i in range(self.threads + 1)]
        self.spread(function, [(type(self.state)(*(part[a:b + 1] for part in self.state)), tables,
                                *(x[a:b] for x in batched)) for a, b in pairwise(bounds)])

    def spread(self, function: Callable[..., None], calls: Sequence[tuple]) -> None:
        """Each call in a thread of its own."""
        if self._pool is None:
            function(*calls[0])
            return
        for job in [self._pool.submit(function, *call) for call in calls]:
            job.result()

    def snapshot(self) -> Memory:
        """All replicas, exactly."""
        return Memory(self.padded_block.copy(), self.log.copy())

    def restore(self, saved: Memory) -> None:
        """Go on from a snapshot."""
        self.padded_block[:] = saved.block
        self.log[:] = saved.log

    def close(self) -> None:
        """Let go of the threads."""
        if self._pool is not None:
            self._pool.shutdown()


class Logs:
    """Collects the logs of the replicas of an engine."""

    def __init__(self, engine: Replicas):
        self.engine = engine
        self.parts: list[list[np.ndarray]] = [[] for _ in range(engine.envs)]

    def begin(self, chosen: np.ndarray) -> None:
        """Forget what is kept of replicas that begin an episode."""
        for e in np.flatnonzero(chosen):
            self.parts[e] = []

    def drain(self, e: int) -> None:
        """Move what the kernel logged to the host."""
        run = self.engine.block["run"][e]
        self.parts[e].append(self.engine.log[e, :int(run["logged"])].copy())
        run["logged"] = 0

    def gathered(self, e: int) -> np.ndarray:
        """All that replica `e` has logged in its episode."""
        self.drain(e)
        self.parts[e] = [np.concatenate(self.parts[e])]
        return self.parts[e][0]
