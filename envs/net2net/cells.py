"""Table cells: a task with its network, budget, decision times and action set."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from envs.core.errors import ScenarioError, ranked
from envs.core.options import as_integer, as_list, as_number
from envs.net2net.architectures import (
    DEEPEST,
    LADDER,
    PROFILES,
    Architecture,
    Network,
    Profile,
    edited,
    next_width,
)
from envs.net2net.tasks import PEER_NETWORKS, TASKS, Task

__all__ = [
    "ACTION_SETS", "DEEPEST", "FRACTIONS", "LADDER", "OPENINGS_MS", "PEER_NETWORKS", "PROFILES",
    "TASKS", "Architecture", "Cell", "Network", "Profile", "Task", "action_count", "action_names",
    "cell_of", "edited", "edits_of", "next_width",
]

ACTION_SETS = ("depth", "grow", "malleable", "peer")
FRACTIONS = (0.1, 0.4, 0.7)
EDITS = ("deepen", "widen", "kernel")
MOST_DECISIONS = 60
BLOCKS = 3                                          # stages of a published network
PEER_BUDGET_MS, EPOCH_MS = 400_000.0, 11_600.0      # of the published trainings
OPENINGS_MS = {"early": 70_000.0, "early_middle": 140_000.0, "middle": 200_000.0,
               "middle_late": 270_000.0, "late": 330_000.0}
NAME = re.compile(r"(?P<task>[\w-]+)@(?P<budget>[\d.]+(?:e\d+)?)/(?P<set>\w+)")


@dataclass(frozen=True)
class Cell:
    """What a job is but its GPUs; times in milliseconds of the budget clock."""

    name: str
    task: str
    network: Network
    budget_ms: float
    decisions: tuple[float, ...]        # d_j, ascending within [0, budget_ms)
    action_set: str
    prior: str = ""                     # parameter set that speaks for it, if not its own

    @property
    def stages(self) -> int:
        """S."""
        return self.network.stages

    @property
    def actions(self) -> int:
        """A."""
        return action_count(self.action_set, self.stages)

    @property
    def depth_of_tree(self) -> int:
        """D, the number of decisions."""
        return len(self.decisions)

    @property
    def nodes(self) -> int:
        """Decision nodes, (A^D - 1)/(A - 1)."""
        return (self.leaves - 1) // (self.actions - 1)

    @property
    def leaves(self) -> int:
        """Sequences, A^D."""
        return self.actions**self.depth_of_tree

    @property
    def fractions(self) -> tuple[float, ...]:
        """Decision times as parts of the budget."""
        return tuple(round(time / self.budget_ms, 15) for time in self.decisions)

    @property
    def published(self) -> bool:
        """A cell of published tables: one seed, no accuracies at nodes."""
        return self.action_set == "peer"

    @property
    def joint(self) -> str:
        """Name of the parameter set that fits all budgets of the task."""
        return f"{self.task}/{self.action_set}"

    def leaf_of(self, sequence: Sequence[int]) -> int:
        """Leaf number of D actions."""
        return self.node_of(sequence) - self.nodes

    def sequence_of(self, leaf: int) -> tuple[int, ...]:
        """The D actions of a leaf."""
        return tuple(int(leaf) // self.actions**power % self.actions
                     for power in range(self.depth_of_tree - 1, -1, -1))

    def node_of(self, prefix: Sequence[int]) -> int:
        """Node after the first actions: root 0, child `A·n + 1 + a`; leaves go on after them."""
        node = 0
        for action in prefix:
            node = self.actions * node + 1 + int(action)
        return node


def action_count(action_set: str, stages: int) -> int:
    """A of an action set."""
    return {"depth": 2**stages, "grow": 1 + 3 * stages, "malleable": 2 + 3 * stages,
            "peer": 1 + BLOCKS}[action_set]


def edits_of(action_set: str, action: int, stages: int) -> tuple[tuple[str, int], ...]:
    """The single edits of an action in order, as (edit, stage); `("undo", -1)` takes one back."""
    if action_set == "depth":
        return tuple(("deepen", stage) for stage in range(stages) if action >> stage & 1)
    if action == 0:
        return ()
    if action == 1 + 3 * stages:
        return (("undo", -1),)
    edit, stage = divmod(action - 1, stages)
    return ((EDITS[edit], stage),)


def action_names(action_set: str, stages: int) -> list[str]:
    """Names in order of the action number: `none`, `deepen 0`, ..., `both` of two stages."""
    return [_name(edits_of(action_set, action, stages), stages)
            for action in range(action_count(action_set, stages))]


def _name(edits: tuple[tuple[str, int], ...], stages: int) -> str:
    if not edits:
        return "none"
    if edits[0][0] == "undo":
        return "undo"
    if len(edits) == stages == 2:
        return "both"
    return f"{edits[0][0]} " + "+".join(str(stage) for _, stage in edits)


def cell_of(name: str, where: str = "cells", *, fractions: Any = None, opening: Any = None,
            every: Any = None, n: Any = None, events: Sequence[float] | None = None,
            network: Network | None = None) -> Cell:
    """The cell `task@budget/set` or `cnn1/early`.

    Decision times: parts of the budget (`fractions`, default .1, .4, .7), or `n` of them from
    `opening` on `every` so many ms, or at the times of `events`. `network` stands for the task's.
    """
    task, _, opened = str(name).partition("/")
    if task in PEER_NETWORKS:
        return _published(task, opened, where)
    match = NAME.fullmatch(str(name))
    if not match:
        raise ScenarioError(f'"{name}" is no table cell', where,
                            "write task@budget/set, such as pair_max@1500/depth")
    return _trained(match, where, decision_times(
        _budget(match["budget"], where), where, fractions=fractions, opening=opening, every=every,
        n=n, events=events), network)


def _published(task: str, opened: str, where: str) -> Cell:
    if opened not in OPENINGS_MS:
        raise ScenarioError(f'unknown opening "{opened}"', where, ranked(opened, OPENINGS_MS))
    times = tuple(OPENINGS_MS[opened] + j * EPOCH_MS for j in range(BLOCKS))
    return Cell(f"{task}/{opened}", task, PEER_NETWORKS[task], PEER_BUDGET_MS, times, "peer")


def _trained(match: re.Match, where: str, times: tuple[float, ...],
             network: Network | None) -> Cell:
    if network is None and match["task"] not in TASKS:
        raise ScenarioError(f'unknown task "{match["task"]}"', where, ranked(match["task"], TASKS))
    if match["set"] not in ACTION_SETS[:3]:
        raise ScenarioError(f'unknown action set "{match["set"]}"', where,
                            ranked(match["set"], ACTION_SETS[:3]))
    budget_ms = _budget(match["budget"], where)
    return Cell(f"{match['task']}@{amount(budget_ms)}/{match['set']}", match["task"],
                network or TASKS[match["task"]].network, budget_ms, times, match["set"])


def amount(budget_ms: float) -> str:
    """A budget in names: 600, 1500.5."""
    return str(int(budget_ms)) if budget_ms == int(budget_ms) else repr(budget_ms)


def _budget(text: str, where: str) -> float:
    try:
        return as_number(float(text), f"{where}: budget_ms", above=0)
    except ValueError as error:
        if isinstance(error, ScenarioError):
            raise
        raise ScenarioError(f"{text!r} is no valid number", f"{where}: budget_ms",
                            "give milliseconds") from None


def decision_times(budget_ms: float, where: str, *, fractions: Any = None, opening: Any = None,
                   every: Any = None, n: Any = None,
                   events: Sequence[float] | None = None) -> tuple[float, ...]:
    """d_j in ms; they ascend (equal ones are allowed) within [0, budget)."""
    if events is not None:
        times, key = tuple(float(t) for t in events), "events"
    elif opening is not None or every is not None or n is not None:
        first = as_number(0.0 if opening is None else opening, f"{where}.opening", low=0)
        step = as_number(0.0 if every is None else every, f"{where}.every", low=0)
        count = as_integer(1 if n is None else n, f"{where}.n", low=1, high=MOST_DECISIONS)
        times, key = tuple(first + j * step for j in range(count)), "opening"
    else:
        parts = FRACTIONS if fractions is None else tuple(as_list(fractions, "fractions"))
        times = tuple(as_number(part, "fractions") * budget_ms for part in parts)
        _ascend(parts, 1, "fractions")
        key = "fractions"
    if key != "fractions":
        _ascend(times, budget_ms, key)
    return times


def _ascend(values: Sequence[float], end: float, key: str) -> None:
    inside = all(0 <= value < end for value in values)
    if not values or not inside or list(values) != sorted(values):
        raise ScenarioError(f"must ascend within [0, {end:g}), found {list(values)}", key)
