"""The memory of a batch of replicas, and the calls of the kernels on it."""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from envs.blis.rules import runs
from envs.blis.state import (
    DUE,
    LINK,
    LOG_FULL,
    NONE,
    OUT_OF_DRAWS,
    OUTCOME,
    PLANNED,
    READY,
    RING_FULL,
    WEIGHTED,
    make_block,
    views,
)
from envs.blis.system import System
from envs.blis.work import ROUTING, Work
from envs.core.errors import ScenarioError
from envs.core.jit import announce_compilation

RING = 1024         # outstanding requests per replica at first; the ring doubles when it is full


class Snapshot(NamedTuple):
    """Everything a batch remembers."""

    block: np.ndarray
    ring: np.ndarray
    outcome: np.ndarray


class Engine:
    """E replicas of one system over one set of tables; threads take slices of the batch."""

    def __init__(self, system: System, work: Work, envs: int = 1, threads: int = 1):
        _check_user(work)
        announce_compilation()
        self.system, self.work, self.envs = system, work, envs
        options = system.scenario.options
        # One row is padding: an array of a single row looks contiguous to numba, and that would be
        # another type, compiled anew.
        self.padded_block = make_block(envs + 1, system.devices, len(system.families),
                                 options.qos.levels, options.allocation.demand.span)
        self.block = self.padded_block[:envs]
        recorded = bool(work.rules["recorded"][0])
        self.ring = np.zeros((envs + 1, RING), LINK)
        self.outcome = np.zeros((envs + 1, len(work.request) if recorded else 0), OUTCOME)
        self.block["device"]["kind"] = system.device_type
        self.threads = max(1, min(threads, envs))
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None
        self._bind()

    def _bind(self) -> None:
        self.state = views(self.padded_block, self.ring, self.outcome)

    def over_slices(self, function: Callable[..., None], *batched: np.ndarray,
                    padded: tuple[Any, ...] = ()) -> None:
        """`function(state, work, *padded, *batched)` on a slice of the batch per thread."""
        bounds = [self.envs * i // self.threads for i in range(self.threads + 1)]
        calls = [(*_cut((self.state,), a, b + 1), self.work, *_cut(padded, a, b + 1),
                  *_cut(batched, a, b)) for a, b in pairwise(bounds)]
        if self._pool is None:
            function(*calls[0])
            return
        jobs = [self._pool.submit(function, *call) for call in calls]
        for job in jobs:
            job.result()

    def reset(self, seed: np.ndarray, first: np.ndarray, last: np.ndarray, offset: np.ndarray,
              windows: np.ndarray, chosen: np.ndarray | None = None) -> None:
        """Empty the chosen replicas; arrays have one value per replica of the batch."""
        chosen = np.ones(self.envs, bool) if chosen is None else chosen
        if self.outcome.shape[1]:
            empty = np.zeros(1, OUTCOME)
            empty["start"] = empty["finish"] = np.nan
            empty["host"] = empty["variant"] = NONE
            self.outcome[:-1][chosen] = empty
        runs.reset_batch(self.state, chosen, seed.astype(np.uint64), first, last, offset,
                            windows)
        self.block["run"]["code"][chosen] = READY

    def draft(self, e: int, target: np.ndarray, level: np.ndarray | None,
              weight: np.ndarray | None) -> None:
        """Write a pending plan of replica `e`; without levels the highest."""
        device = self.block["device"][e]
        device["plan"] = target
        top = self.system.scenario.options.qos.levels - 1
        device["plan_level"] = top if level is None else level
        if weight is not None:
            device["plan_weight"] = weight

    def plan(self, e: int, weighted: bool) -> None:
        """The pending plan of replica `e` is committed when the replica goes on."""
        self.block["run"]["planned"][e] = WEIGHTED if weighted else PLANNED

    def run(self, log: runs.Log, stop: np.ndarray, drain: Callable[[], None] | None = None) -> None:
        """Commit plans, then replay every replica up to the start of window `stop` or its end."""
        codes = self.block["run"]["code"]
        codes[codes == DUE] = READY
        while True:
            self.over_slices(runs.run_batch, log, stop)
            codes = self.block["run"]["code"]
            if (codes == OUT_OF_DRAWS).any():
                raise ScenarioError(f"all {len(self.work.draws)} numbers are used up",
                                    "routing.draws", "give more numbers, or leave the option out")
            if (codes == LOG_FULL).any():
                drain()
            elif (codes == RING_FULL).any():
                self.grow_ring()
            else:
                return

    def restore_plans(self, chosen: np.ndarray) -> None:
        """The pending plan of the chosen replicas restarts from their devices."""
        device = self.block["device"]
        for name, source in (("plan", "target"), ("plan_level", "level")):
            device[name] = np.where(chosen[:, None], device[source], device[name])

    def grow_ring(self) -> None:
        """Twice the place for outstanding requests, each at its new place."""
        old, size = self.ring, self.ring.shape[1]
        self.ring = np.zeros((self.envs + 1, 2 * size), LINK)
        for e in range(self.envs):
            run = self.block["run"][e]
            live = np.arange(run["oldest"], run["cursor"])
            self.ring[e, live % (2 * size)] = old[e, live % size]
        self._bind()

    def snapshot(self) -> Snapshot:
        """All replicas, exactly."""
        return Snapshot(self.padded_block.copy(), self.ring.copy(), self.outcome.copy())

    def restore(self, saved: Snapshot) -> None:
        """Go on from a snapshot."""
        self.padded_block[:] = saved.block
        self.ring, self.outcome = saved.ring.copy(), saved.outcome.copy()
        self._bind()


def _check_user(work: Work) -> None:
    """The kernels call the user's function by its address, so there must be one."""
    rules = work.rules[0]
    if rules["routing"] == ROUTING.index("user") and rules["user"] == 0:
        raise ScenarioError("no compiled function is given", "routing.policy: user",
                            "compare one with contender=my_router.py:name")


def _cut(arrays: tuple, a: int, b: int) -> tuple:
    """Rows a..b of arrays, and of tuples of arrays."""
    return tuple(type(x)(*(y[a:b] for y in x)) if isinstance(x, tuple) else x[a:b]
                 for x in arrays)
