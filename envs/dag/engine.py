"""The memory of a batch of replicas, and the calls of the kernels on it."""
from __future__ import annotations

import numpy as np

from envs.core.jit import announce_compilation
from envs.core.replicas import Replicas
from envs.dag.rules import resets, runs
from envs.dag.state import NEVER, OVER, Size, make_block, make_log, views
from envs.dag.system import System
from envs.dag.work import Work

LOG = 4096          # entries of a replica's log beyond what one step may need


class Engine(Replicas):
    """E replicas of one system over one set of tables; threads take slices of the batch."""

    def __init__(self, system: System, work: Work, envs: int = 1, *, size: Size,
                 threads: int = 1):
        announce_compilation()
        recorded = bool(work.setup["recorded"][0])
        log = make_log(envs + 1, LOG + system.margin if recorded else 1)
        super().__init__(envs, make_block(envs + 1, size), log, threads)
        self.system, self.work = system, work
        self.state = views(self.padded_block, self.log)

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
