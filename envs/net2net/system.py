"""Cells, recordings and model parameters as the tables that the kernels read."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from envs.core.jit import records
from envs.net2net.cells import ACTION_SETS, LADDER, PROFILES, Cell, Profile
from envs.net2net.state import COEFFICIENT, NONE
from envs.net2net.theta import Noise, Theta
from envs.net2net.work import (
    BACKENDS,
    BASE,
    CELL,
    LEAF,
    LIMIT,
    NODE,
    OPEN,
    REWARDS,
    SETUP,
    TIMELINE,
    Work,
)

if TYPE_CHECKING:
    from envs.net2net.replay import Table

Timeline = tuple[tuple[float, int], ...]
ALWAYS_ONE: Timeline = ((0.0, 1),)


@dataclass(frozen=True)
class Rules:
    """What cells of one system share."""

    backend: str = "parametric"
    timeline: Timeline = ALWAYS_ONE         # (ms, GPUs from then on)
    profile: Profile = PROFILES["cpu"]
    jump_grow: float = 0.0
    jump_undo: float = 0.02
    vary: float = 0.0
    max_parameters: int | None = None
    reward: str = "final"
    gpu_cost: float = 0.05                  # lambda of reward `cost`, per GPU-second
    show_task: bool = False


@dataclass(frozen=True)
class Job:
    """A cell with what its back-end needs to know of it."""

    cell: Cell
    theta: Theta | None = None              # parametric
    noise: Noise = Noise()
    table: Table | None = None              # tabular


@dataclass(frozen=True, eq=False)
class System:
    """Jobs under common rules, bound for the kernels."""

    rules: Rules
    jobs: tuple[Job, ...]
    work: Work

    @property
    def first(self) -> Cell:
        """A cell that stands for all where they agree: stages, actions, decisions."""
        return self.jobs[0].cell

    @property
    def features(self) -> int:
        """F, entries of an observation."""
        stages, actions = self.first.stages, self.first.actions
        return 20 + 76 * stages + 2 * actions + (len(self.jobs) if self.rules.show_task else 0)


def bind(rules: Rules, jobs: Sequence[Job]) -> System:
    """The tables of jobs whose cells share stages, action set and number of decisions."""
    cells = [job.cell for job in jobs]
    stages, count = cells[0].stages, len(jobs)
    base = np.zeros((count, stages), BASE)
    coefficient = np.zeros((count, 3 * stages), COEFFICIENT)
    limit = np.zeros((count, cells[0].depth_of_tree + 1), LIMIT)
    for c, job in enumerate(jobs):
        _fill_base(base[c], job.cell)
        limit["at"][c] = [*job.cell.decisions, job.cell.budget_ms]
        if job.theta is not None:
            coefficient["kappa"][c], coefficient["lam"][c] = job.theta.kappa, job.theta.lam
    timeline = np.array(list(rules.timeline), TIMELINE)
    tables = (_setup(rules, cells[0], timeline), _cells(rules, jobs), base, coefficient, limit,
              timeline, *_recorded(jobs))
    return System(rules, tuple(jobs), Work(*(records(table) for table in tables)))


def _setup(rules: Rules, cell: Cell, timeline: np.ndarray) -> np.ndarray:
    setup = np.zeros(1, SETUP)
    values = dict(zip(("overhead", "per_layer", "per_mac", "speedup", "per_gpu"), rules.profile,
                      strict=True))
    values |= {
        "vary": rules.vary, "jump_grow": rules.jump_grow, "jump_undo": rules.jump_undo,
        "gpu_cost": rules.gpu_cost, "max_parameters": rules.max_parameters or 0,
        "backend": BACKENDS.index(rules.backend), "reward": REWARDS.index(rules.reward),
        "action_set": ACTION_SETS.index(cell.action_set), "stages": cell.stages,
        "actions": cell.actions, "decisions": cell.depth_of_tree,
        "most_gpus": timeline["gpus"].max(), "show_task": rules.show_task,
    }
    for name, value in values.items():
        setup[name] = value
    return setup


def _cells(rules: Rules, jobs: Sequence[Job]) -> np.ndarray:
    table = np.zeros(len(jobs), CELL)
    for row, job in zip(table, jobs, strict=True):
        cell, network = job.cell, job.cell.network
        row["budget"] = cell.budget_ms
        row["base_step"] = network.step_ms(network.base, 1, rules.profile)
        row["inputs"], row["channels"] = network.hw[0] * network.hw[1], network.cin
        row["classes"] = network.classes if network.head_pixels else 0
        row["head_pixels"] = network.head_pixels
        row["parameters"] = network.parameters(network.base)
        row["macs"] = network.macs(network.base)
        row["run_noise"], row["curve_noise"] = job.noise.run, job.noise.curve
        if job.theta is not None:
            for name in ("e0", "einf", "tau0", "beta", "c"):
                row[name] = getattr(job.theta, name)
    return table


def _fill_base(rows: np.ndarray, cell: Cell) -> None:
    network = cell.network
    rows["layers"], rows["width"], rows["kernel"] = network.depth, network.widths, network.kernel
    rows["rung"] = [LADDER.index(w) if w in LADDER else NONE for w in network.widths]
    rows["pixels"], rows["extra"], rows["pool"] = network.pixels, network.extra, network.pools


def _recorded(jobs: Sequence[Job]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, leaves and recorded actions of the tables; of size one where there are none."""
    tables = [job.table for job in jobs]
    if any(table is None for table in tables):
        return np.zeros((len(jobs), 1, 1), NODE), np.zeros((len(jobs), 1, 1), LEAF), np.zeros(
            (len(jobs), 1), OPEN)
    seeds, cell = max(len(table.seeds) for table in tables), jobs[0].cell
    node = np.zeros((len(jobs), seeds, cell.nodes), NODE)
    leaf = np.zeros((len(jobs), seeds, cell.leaves), LEAF)
    opened = np.zeros((len(jobs), cell.nodes), OPEN)
    for c, table in enumerate(tables):
        for name in NODE.names:
            node[name][c, :len(table.seeds)] = table.nodes[name]
        for name in LEAF.names:
            leaf[name][c, :len(table.seeds)] = table.leaves[name]
        opened["actions"][c] = open_actions(table.recorded, cell.actions, cell.depth_of_tree)
    return node, leaf, opened


def open_actions(recorded: np.ndarray, actions: int, decisions: int) -> np.ndarray:
    """For each decision node the actions below which a leaf (L,) is recorded, as bits; u8 (N,)."""
    levels, reached = [], recorded.astype(bool)
    for _ in range(decisions):
        below = reached.reshape(-1, actions)
        levels.append((below.astype(np.uint64) << np.arange(actions, dtype=np.uint64)).sum(
            axis=1, dtype=np.uint64))
        reached = below.any(axis=1)
    return np.concatenate(levels[::-1])
