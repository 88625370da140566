"""The planners of the literature: how each ranks tasks and chooses workers.

HEFT and CPOP: Topcuoglu, Hariri, Wu, TPDS 2002. PEFT: Arabnejad, Barbosa, TPDS 2014. Lookahead:
Bittencourt et al., PDP 2010. DLS: Sih, Lee, TPDS 1993. ETF: Hwang et al., SIAM J. Comput. 1989.
MCP: Wu, Gajski, TPDS 1990. Min-min, max-min, sufferage: Maheswaran et al., JPDC 1999.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from envs.core.errors import ScenarioError, nearest
from envs.dag.fitting import check_fit
from envs.dag.graph import Graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.planning.board import Problem
from envs.dag.rules import planner_pairs as pairs
from envs.dag.rules.planner_board import NOBODY, Board, Sheet
from envs.dag.rules.planner_lists import EFT, EST, LOOKAHEAD, OCT, list_plan
from envs.dag.rules.planner_ranks import downward, optimistic, upward
from envs.dag.units import KEY

USUAL = Options()


@dataclass(frozen=True)
class Plan:
    """Where and when every task of a graph is to run, in ticks."""

    worker: np.ndarray      # (n,) i4, -1 for virtual tasks
    start: np.ndarray       # (n,) i8
    finish: np.ndarray      # (n,) i8
    makespan: int


def plan(name: str, graph: Graph, machine: Machine, options: Options = USUAL) -> Plan:
    """The plan of a planner of `PLANNERS`, from expected durations.

    Raises `ScenarioError` or `TraceError` where graph, machine and options do not fit.
    """
    if name not in PLANNERS:
        raise ScenarioError(f'unknown planner "{name}"', remedy=nearest(name, PLANNERS))
    check_fit(graph, machine, options)
    return PLANNERS[name](Problem(graph, machine))


def plan_order(made: Plan, graph: Graph, machine: Machine) -> tuple[np.ndarray, np.ndarray]:
    """The tasks of worker p in order are tasks[first[p]:first[p + 1]]; first (P + 1,), both i4."""
    by_worker = np.lexsort((graph.pos, made.finish, made.start, made.worker))
    tasks = by_worker[made.worker[by_worker] >= 0].astype(np.int32)
    first = np.searchsorted(made.worker[tasks], np.arange(len(machine) + 1))
    return first.astype(np.int32), tasks


def ranks(graph: Graph, machine: Machine) -> dict[str, np.ndarray]:
    """`rank_u`, `rank_d`, `sl` (n,) and `oct` (n, P) of section 11.1, float64 ticks."""
    problem = Problem(graph, machine)
    board = problem.board()
    return {"rank_u": _rank_u(problem, board), "rank_d": _rank_d(problem, board),
            "sl": _sl(problem, board), "oct": _oct(problem, board)}


def key_of(value: np.ndarray) -> np.ndarray:
    """q(x) of section 2 as float64: the form in which quantities with fractions are compared."""
    return np.floor(KEY * value + 0.5)


def _rank_u(problem: Problem, board: Board) -> np.ndarray:
    out = np.empty(len(problem))
    upward(board, problem.wbar, True, out)
    return out


def _rank_d(problem: Problem, board: Board) -> np.ndarray:
    out = np.empty(len(problem))
    downward(board, problem.wbar, out)
    return out


def _sl(problem: Problem, board: Board) -> np.ndarray:
    out = np.empty(len(problem))
    upward(board, problem.median, False, out)
    return out


def _oct(problem: Problem, board: Board) -> np.ndarray:
    out = np.empty((len(problem), problem.workers))
    side = problem.ways.side
    optimistic(board, side, np.empty(int(side.max()) + 1), out)
    return out


def _listed(problem: Problem, board: Board, key: np.ndarray, tie: np.ndarray, choice: int = EFT,
            *, insertion: bool = True, only: np.ndarray | None = None,
            cost: np.ndarray | None = None) -> Plan:
    """A plan by a fixed order."""
    n, sheet = len(problem), problem.sheet()
    only = np.full(n, NOBODY, np.int32) if only is None else only
    cost = np.zeros((1, 1)) if cost is None else cost
    list_plan(board, sheet, key, tie, only, cost, choice, insertion, problem.blockers(),
              np.empty(n, np.int32))
    return _made(sheet)


def _made(sheet: Sheet) -> Plan:
    return Plan(sheet.worker, sheet.start, sheet.finish, int(sheet.finish.max()))


def _numbers(problem: Problem) -> np.ndarray:
    return np.arange(len(problem), dtype=np.int32)


def _heft(problem: Problem, insertion: bool = True) -> Plan:
    board = problem.board()
    return _listed(problem, board, -key_of(_rank_u(problem, board)), problem.graph.pos,
                   insertion=insertion)


def _blevel(problem: Problem) -> Plan:
    return _heft(problem, insertion=False)


def _lookahead(problem: Problem) -> Plan:
    key = -key_of(_rank_u(problem, problem.board()))
    return _listed(problem, problem.board(key), key, problem.graph.pos, LOOKAHEAD)


def _mcp(problem: Problem) -> Plan:
    board = problem.board()
    rank = _rank_u(problem, board)
    return _listed(problem, board, key_of(rank.max() - rank), problem.graph.pos, EST)


def _tlevel(problem: Problem) -> Plan:
    board = problem.board()
    return _listed(problem, board, key_of(_rank_d(problem, board)), _numbers(problem),
                   insertion=False)


def _peft(problem: Problem) -> Plan:
    board = problem.board()
    cost = _oct(problem, board)
    return _listed(problem, board, -key_of(cost.mean(axis=1)), _numbers(problem), OCT, cost=cost)


def _cpop(problem: Problem) -> Plan:
    board = problem.board()
    key = -key_of(_rank_u(problem, board) + _rank_d(problem, board))
    path = _critical_path(board, key, problem.blockers())
    times = problem.duration[path]
    total = np.where((times >= 0).all(axis=0), times.sum(axis=0), np.iinfo(np.int64).max)
    only = np.full(len(problem), NOBODY, np.int32)
    if (times >= 0).all(axis=0).any():
        only[path] = np.argmin(total[problem.cls])
    return _listed(problem, board, key, _numbers(problem), only=only)


def _critical_path(board: Board, key: np.ndarray, blockers: np.ndarray) -> list[int]:
    """From the source of least `key` always to the successor of least `key`; ties: number."""
    choices = np.flatnonzero(blockers == 0)
    path = []
    while len(choices):
        path.append(int(choices[np.lexsort((choices, key[choices]))[0]]))
        choices = board.after["task"][board.first_after[path[-1]]:board.first_after[path[-1] + 1]]
    return path


def _paired(choice: int) -> Callable[[Problem], Plan]:
    """A planner that compares all ready tasks at every step."""

    def make(problem: Problem) -> Plan:
        n, board, sheet = len(problem), problem.board(), problem.sheet()
        level = middle = np.zeros(n)
        if choice in (pairs.ETF, pairs.DLS):
            level, middle = _sl(problem, board), problem.median
            level = key_of(level) if choice == pairs.ETF else level
        pairs.pair_plan(board, sheet, choice, level, middle, problem.blockers(),
                        np.empty(n, np.int32), np.empty((n, problem.workers), np.int64))
        return _made(sheet)

    return make


PLANNERS: dict[str, Callable[[Problem], Plan]] = {
    "heft": _heft, "heft_append": _blevel, "cpop": _cpop, "peft": _peft, "lookahead": _lookahead,
    "min_min": _paired(pairs.MIN_MIN), "max_min": _paired(pairs.MAX_MIN),
    "sufferage": _paired(pairs.SUFFERAGE), "dls": _paired(pairs.DLS), "etf": _paired(pairs.ETF),
    "mcp": _mcp, "blevel": _blevel, "tlevel": _tlevel,
}
