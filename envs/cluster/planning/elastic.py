"""Sia inside a run: from a view to a GPU type and count per job."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs.cluster.planning.sia import Choice, SiaProblem, choose_configurations
from envs.cluster.planning.solves import Solves
from envs.cluster.planning.view import View
from envs.core.errors import ScenarioError

if TYPE_CHECKING:
    from envs.cluster.system import System

Decision = tuple[np.ndarray, np.ndarray]


def make_elastic(system: System) -> SiaPlanner:
    """The planner of option `elastic`, policy `sia`."""
    return SiaPlanner(system)


def configurations(g_max: np.ndarray, type_gpus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """GPUs (C,) and type (C,): powers of two inside a node, then whole nodes, type by type."""
    gpus, kinds = [], []
    for kind, (node, total) in enumerate(zip(g_max.tolist(), type_gpus.tolist(), strict=True)):
        powers = [2**i for i in range(node.bit_length()) if 2**i < node]
        sizes = [g for g in powers + list(range(node, total + 1, node)) if g <= total]
        gpus += sizes
        kinds += [kind] * len(sizes)
    return np.array(gpus, np.int64), np.array(kinds, np.int64)


class SiaPlanner:
    """Gives every active job a configuration or nothing; `solves` keeps how each program went."""

    def __init__(self, system: System) -> None:
        self.system, self.options = system, system.scenario.options.elastic
        self.gpus, self.kind = configurations(system.g_max, system.type_gpus)
        self.wide = self.gpus > system.g_max[self.kind]
        self.solves = Solves("sia", f"{system.scenario.name}: elastic", self.options.on_failure)
        possible = self.possible(np.arange(len(system))).any(axis=1)
        for job in np.flatnonzero(~possible)[:1]:
            raise ScenarioError(
                f"{system.trace.job(job)} has no configuration of sia (GPUs: powers of two inside "
                f"a node, then whole nodes) from {system.min_gpus[job]} to {system.max_gpus[job]}",
                f"{system.scenario.name}: elastic", "widen min_gpus..max_gpus")

    def allocate(self, view: View) -> Decision:
        """(M,) GPU type and GPUs, 0 = nothing."""
        kind, gpus = view.gpu_type.copy(), view.gpus.copy()
        free = ~view.in_overhead
        if not free.any():
            return kind, gpus
        problem = self.problem(view, free)
        found = self.solves.attempt(view.now_us, lambda: choose_configurations(problem),
                                    lambda c: (c.objective, c.bound), "what jobs hold")
        if found is not None:
            kind[free], gpus[free] = self._read(found)
        return kind, gpus

    def problem(self, view: View, free: np.ndarray) -> SiaProblem:
        """The program of the jobs in the mask (M,) over the GPUs that the others leave."""
        taken = np.bincount(view.gpu_type[~free], view.gpus[~free], len(view.up_gpus))
        job, held = view.job[free], view.gpus[free]
        same = (self.kind == view.gpu_type[free, None]) & (self.gpus == held[:, None])
        present = np.where(same.any(axis=1), same.argmax(axis=1), -1)
        return SiaProblem(self.goodput(job, view.most[free]), self.gpus, self.kind,
                          view.up_gpus - taken, self.factor(view)[free], present,
                          time_limit_s=self.options.time_limit_s)

    def possible(self, job: np.ndarray) -> np.ndarray:
        """(M, C) whether the configuration is an allowed size on an allowed type."""
        low, high = (x[job, None] for x in (self.system.min_gpus, self.system.max_gpus))
        fits = (self.gpus >= low) & (self.gpus <= high)
        if self.options.sizes == "pow2":
            power = (self.gpus & (self.gpus - 1)) == 0
            fits &= power | (self.gpus == low) | (self.gpus == high)
        return fits & self.system.allowed()[job][:, self.kind]

    def goodput(self, job: np.ndarray, most: np.ndarray) -> np.ndarray:
        """(M, C) goodput, 0 where not possible or more than twice the largest count so far."""
        system, cls = self.system, self.system.cls[job]
        possible = self.possible(job)
        smallest = np.where(possible, self.gpus, self.gpus.max()).min(axis=1)
        limit = np.maximum(np.where(most > 0, 2 * most, 1), smallest)
        size = np.minimum(self.gpus, system.curve.shape[1] - 1)
        relative = system.curve[cls][:, size] / system.curve[cls, system.gpus[job]][:, None]
        rigid = relative * system.locality[cls, :1]
        elastic = system.goodput_rate[cls][:, size, self.wide.astype(int)]
        rate = np.where(system.has_goodput[cls, None], elastic, rigid)
        rate = rate * system.speed[cls][:, self.kind]
        return np.where(possible & (self.gpus <= limit[:, None]), rate, 0.0)

    def factor(self, view: View) -> np.ndarray:
        """(M,) realloc factor: the part of its age that a job did not lose to restarts."""
        restart = self.system.restart_us[self.system.cls[view.job]] / 1e6
        age = view.age_s()
        useful = np.maximum(age - view.restarts * restart, 0.0)
        return np.divide(useful, age + restart, out=np.ones_like(age),
                         where=(age >= restart) & (age + restart > 0))

    def _read(self, choice: Choice) -> Decision:
        given = choice.config >= 0
        return (np.where(given, self.kind[choice.config], -1),
                np.where(given, self.gpus[choice.config], 0))
