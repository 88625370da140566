"""The memory of a batch of replicas, and the calls of the kernels on it."""
from __future__ import annotations

from typing import Any

import numpy as np

from envs.cluster.rules import resets, runs
from envs.cluster.state import NEVER, OVER, Size, make_block, make_log, views
from envs.cluster.system import System
from envs.cluster.work import Work, make_start
from envs.core.jit import announce_compilation
from envs.core.replicas import Replicas

LOG = 8192          # entries of a replica's log beyond what one instant may need


class Engine(Replicas):
    """E replicas of one system over one set of tables; threads take slices of the batch."""

    def __init__(self, system: System, work: Work, envs: int = 1, *, jobs: int | None = None,
                 threads: int = 1):
        announce_compilation()
        size = size_of(system, len(system.work) if jobs is None else jobs)
        recorded = bool(work.rules["recorded"][0])
        log = make_log(envs + 1, LOG + 4 * size.gpus + len(work.event) if recorded else 1)
        super().__init__(envs, make_block(envs + 1, size), log, threads)
        self.system, self.work, self.start = system, work, make_start(system)
        self.state = views(self.padded_block, self.log)

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


def size_of(system: System, jobs: int) -> Size:
    """The size of a replica of `jobs` jobs."""
    options: Any = system.scenario.options
    return Size(jobs, len(system.node_gpus), len(system.types),
                int(system.node_gpus.sum()), int(system.tenant.max(initial=0)) + 1,
                options.share is not None)
