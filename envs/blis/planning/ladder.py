"""Lower the head-room until the program has a solution."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from envs.blis.planning.programs import Solution


def lower(beta: float) -> float:
    """The next rung: coarse above 1.5, fine below."""
    return round(beta - (0.1 if beta > 1.5 else 0.05), 10)


def descend(solve: Callable[[float], Solution], beta: float, beta_min: float) -> Solution:
    """The first rung with a solution, else the last one tried; seconds are those of all rungs."""
    solution = solve(beta)
    seconds = solution.seconds
    while solution.status == "infeasible" and lower(beta) >= beta_min:
        beta = lower(beta)
        solution = solve(beta)
        seconds += solution.seconds
    return replace(solution, seconds=seconds)
