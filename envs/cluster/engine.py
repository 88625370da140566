"""The memory of a batch of replicas, and the calls of the kernels on it."""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from envs.cluster.rules import resets, runs
from envs.cluster.state import NEVER, OVER, Size, make_block, make_log, views
from envs.cluster.system import System
from envs.cluster.work import Work, make_start
from envs.core.jit import announce_compilation

LOG = 8192          # entries of a replica's log beyond what one instant may need


class Snapshot(NamedTuple):
    """Everything a batch remembers."""

    block: np.ndarray
    log: np.ndarray


class Engine:
    """E replicas of one system over one set of tables; threads take slices of the batch."""

    def __init__(self, system: System, work: Work, envs: int = 1, *, jobs: int | None = None,
                 threads: int = 1):
        announce_compilation()
        self.system, self.work, self.envs = system, work, envs
        size = size_of(system, len(system.work) if jobs is None else jobs)
        # One row is padding: an array of a single row looks contiguous to numba, and that would be
        # another type, compiled anew.
        self.padded_block = make_block(envs + 1, size)
        self.block = self.padded_block[:envs]
        recorded = bool(work.rules["recorded"][0])
        self.log = make_log(envs + 1, LOG + 4 * size.gpus + len(work.event) if recorded else 1)
        self.start = make_start(system)
        self.threads = max(1, min(threads, envs))
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None
        self.state = views(self.padded_block, self.log)

    def over_slices(self, function: Callable[..., None], tables: Any,
                    *batched: np.ndarray) -> None:
        """`function(state, tables, *batched)` on a slice of the batch per thread."""
        bounds = [self.envs * i // self.threads for i in range(self.threads + 1)]
        calls = [(type(self.state)(*(part[a:b + 1] for part in self.state)), tables,
                  *(x[a:b] for x in batched)) for a, b in pairwise(bounds)]
        if self._pool is None:
            function(*calls[0])
            return
        for job in [self._pool.submit(function, *call) for call in calls]:
            job.result()

    def reset(self, chosen: np.ndarray, seed: np.ndarray, first: np.ndarray, jobs: np.ndarray, *,
              track: tuple[np.ndarray, np.ndarray] | None = None,
              until: np.ndarray | None = None, offset: np.ndarray | None = None) -> None:
        """Empty the chosen replicas; arrays have one value per replica of the batch.

        `track`: first and last counted job of the episode; `offset`: where it begins in the trace.
        """
        zero = np.zeros(self.envs, np.int64)
        track = (zero, jobs - 1) if track is None else track
        until = zero + NEVER if until is None else until
        offset = zero if offset is None else offset
        self.over_slices(resets.reset_batch, self.start, chosen, seed.astype(np.uint64),
                         *(np.asarray(x, np.int64) for x in (first, jobs, *track, until, offset)))

    def run(self, active: np.ndarray | None = None) -> np.ndarray:
        """Replay until every active replica needs the host or is over; their codes."""
        run = self.block["run"]
        active = run["code"] != OVER if active is None else active
        self.over_slices(runs.run_batch, self.work, active)
        return run["code"]

    def snapshot(self) -> Snapshot:
        """All replicas, exactly."""
        return Snapshot(self.padded_block.copy(), self.log.copy())

    def restore(self, saved: Snapshot) -> None:
        """Go on from a snapshot."""
        self.padded_block[:] = saved.block
        self.log[:] = saved.log

    def close(self) -> None:
        """Let go of the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def size_of(system: System, jobs: int) -> Size:
    """The size of a replica of `jobs` jobs."""
    options: Any = system.scenario.options
    return Size(jobs, len(system.node_gpus), len(system.types),
                int(system.node_gpus.sum()), int(system.tenant.max(initial=0)) + 1,
                options.share is not None)
