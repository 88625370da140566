"""The memory of a batch of replicas, and the calls of the kernels on it."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from envs.core.jit import announce_compilation
from envs.dag.rules import resets, runs
from envs.dag.state import NEVER, OVER, Size, make_block, make_log, views
from envs.dag.system import System
from envs.dag.work import Work

LOG = 4096          # entries of a replica's log beyond what one step may need


class Engine:
    """E replicas of one system over one set of tables; threads take slices of the batch."""

    def __init__(self, system: System, work: Work, envs: int = 1, *, size: Size,
                 threads: int = 1):
        announce_compilation()
        self.system, self.work, self.envs = system, work, envs
        # One row is padding: an array of a single row looks contiguous to numba, and that would be
        # another type, compiled anew.
        self.padded_block = make_block(envs + 1, size)
        self.block = self.padded_block[:envs]
        recorded = bool(work.setup["recorded"][0])
        self.log = make_log(envs + 1, LOG + system.margin if recorded else 1)
        self.threads = max(1, min(threads, envs))
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None
        self.state = views(self.padded_block, self.log)

    def over_slices(self, function: Callable[..., None], tables: Any,
                    *batched: np.ndarray) -> None:
        """`function(state, tables, *batched)` on a slice of the batch per thread."""
        bounds = [self.envs * i // self.threads for i in range(self.threads + 1)]
        calls = [(type(self.state)(*(part[a:b + 1] for part in self.state)), tables,
                  *(x[a:b] for x in batched)) for a, b in pairwise(bounds)]
        self.spread(function, calls)

    def spread(self, function: Callable[..., None], calls: Sequence[tuple]) -> None:
        """Each call in a thread of its own."""
        if self._pool is None:
            function(*calls[0])
            return
        for job in [self._pool.submit(function, *call) for call in calls]:
            job.result()

    def reset(self, chosen: np.ndarray, seed: np.ndarray, jobs: np.ndarray, arrival: np.ndarray,
              graph: np.ndarray, *, policy: int, until: int = NEVER) -> None:
        """Begin episodes of the chosen replicas: `jobs` (E,), their `arrival`, `graph` (E, J)."""
        every = np.ones(self.envs, np.int64)
        self.over_slices(resets.reset_batch, self.work, chosen, seed.astype(np.uint64), jobs,
                         arrival, graph, until * every, policy * every)

    def run(self, active: np.ndarray | None = None) -> np.ndarray:
        """Go on until every active replica needs the host or is over; their codes."""
        run = self.block["run"]
        active = run["code"] != OVER if active is None else active
        self.over_slices(runs.run_batch, self.work, active)
        return run["code"]

    def snapshot(self) -> tuple[np.ndarray, np.ndarray]:
        """All replicas, exactly."""
        return self.padded_block.copy(), self.log.copy()

    def restore(self, saved: tuple[np.ndarray, np.ndarray]) -> None:
        """Go on from a snapshot."""
        self.padded_block[:], self.log[:] = saved

    def close(self) -> None:
        """Let go of the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def size_of(system: System, jobs: int, tasks: int, tiles: int) -> Size:
    """The size of a replica of so many jobs with, in all, so many tasks and tiles."""
    machine, nodes = system.machine, len(system.node)
    tiles = max(1, tiles) if system.tiled else 0
    flows = 0
    if machine.network == "fair":
        held = len(machine) * (1 + machine.prefetch)
        flows = 2 * held * system.widest + tiles * (nodes - 1) + 1
    types = len(machine.types) if system.scenario.options.noise != "none" else 0
    return Size(max(1, jobs), max(1, tasks), tiles, len(machine), nodes, types, flows,
                system.groups)
