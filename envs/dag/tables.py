"""One graph as the tables that kernels read; places are counted from its own first row."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.core.errors import ScenarioError
from envs.core.jit import records
from envs.dag.fitting import duration_on
from envs.dag.graph import READ, Graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.rules.paths import paths
from envs.dag.scenario import Scenario
from envs.dag.units import NEVER
from envs.dag.work import ARC, OPERAND, TASK_INFO

MOST_TAILS = 10**8      # of a windowed graph


class Tables(NamedTuple):
    """Rows of `Work` for one graph."""

    task: np.ndarray        # (n,) TASK_INFO
    time: np.ndarray        # (n, Y)
    arc: np.ndarray         # ARC: successors of all tasks, then predecessors
    operand: np.ndarray     # OPERAND
    tail: np.ndarray        # (n, w + 1), or (0, 1) where all is visible

    @property
    def lengths(self) -> np.ndarray:
        """Number of tasks, arcs and operands, (3,)."""
        return np.array([len(self.task), len(self.arc), len(self.operand)])

    @property
    def widest(self) -> int:
        """Most operands of a task."""
        return int(self.task["operands"].max(initial=0))


def tables_of(scenario: Scenario, graph: Graph, kinds: tuple[str, ...]) -> Tables:
    """The tables of a graph in the form that is simulated; `kinds` are those of all graphs."""
    time = duration_on(graph, scenario.machine)
    task = _tasks(graph, scenario.machine, time)
    codes = [kinds.index(kind) if kind in kinds else -1 for kind in graph.kinds]
    task["kind"] = np.array([*codes, -1], np.int32)[graph.kind]
    task["spread"] = _spread(scenario.options, graph)
    task["group"] = -1
    arc = _arcs(graph, task)
    operand = np.zeros(len(graph.operand_tile), OPERAND)
    operand["tile"], operand["mode"] = graph.operand_tile, graph.operand_mode
    operand["length"] = graph.tile_bytes[graph.operand_tile]
    task["first_operand"] = graph.operand_first[:-1]
    return Tables(task, time, arc, operand, _tail(scenario.options, task, arc))


def _tasks(graph: Graph, machine: Machine, time: np.ndarray) -> np.ndarray:
    n = len(graph)
    out = np.zeros(n, TASK_INFO)
    least = np.where(time < 0, NEVER, time).min(axis=1)
    out["least"] = np.where(graph.virtual, 0, least)
    out["length"] = graph.operand_bytes
    out["reads"] = graph.sum_operands((graph.operand_mode & READ) > 0)
    out["carried"] = _sums(graph.dst, graph.carried, n)
    out["preds"] = np.bincount(graph.dst, minlength=n)
    out["succs"] = np.bincount(graph.src, minlength=n)
    out["operands"] = np.diff(graph.operand_first)
    out["virtual"], out["order"] = graph.virtual, graph.order
    return out


def _sums(index: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Exact sums of values by index."""
    order = np.argsort(index, kind="stable")
    total = np.concatenate([[0], np.cumsum(values[order], dtype=np.int64)])
    edge = np.searchsorted(index[order], np.arange(n + 1))
    return total[edge[1:]] - total[edge[:-1]]


def _arcs(graph: Graph, task: np.ndarray) -> np.ndarray:
    edges = len(graph.src)
    out = np.zeros(2 * edges, ARC)
    by_dst = np.argsort(graph.dst, kind="stable")
    out["task"] = np.concatenate([graph.dst, graph.src[by_dst]])
    out["length"] = np.concatenate([graph.carried, graph.carried[by_dst]])
    task["first_succ"] = np.cumsum(task["succs"], dtype=np.int64) - task["succs"]
    task["first_pred"] = edges + np.cumsum(task["preds"], dtype=np.int64) - task["preds"]
    return out


def _spread(options: Options, graph: Graph) -> np.ndarray:
    """What the random factors of the durations need, by task."""
    sigma = np.array([options.sigma_of(kind) for kind in (*graph.kinds, None)], np.float64)
    spread = np.sqrt(np.log1p(sigma**2)) if options.noise == "lognormal" else sigma
    return spread[graph.kind]


def _tail(options: Options, task: np.ndarray, arc: np.ndarray) -> np.ndarray:
    """B for every number of edges ahead; fills in ranks by the B of ready tasks."""
    window = {"full": -1, "frontier": 0, "window": options.window}[options.visible]
    if len(task) * (window + 1) > MOST_TAILS:
        raise ScenarioError(f"window: {window} edges ahead of each of {len(task)} tasks is too "
                            "much to keep", "window", "use visible: full, or a smaller window")
    whole = np.zeros(len(task), np.int64)
    table = np.zeros((len(task) if window >= 0 else 0, max(window, 0) + 1), np.int64)
    paths(records(task), records(arc), whole, table, window)
    task["whole"] = whole
    task["tail"] = whole if window < 0 else table[:, -1]
    task["rank"][np.argsort(-task["tail"], kind="stable")] = np.arange(len(task))
    return table
