"""GPUs for several growing jobs: the optimum as an integer program, its bound, three heuristics.

An allocation is the number of GPUs per job and slot, (K, slots).
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from envs.core.errors import ScenarioError
from envs.core.lp import Lp, Unsolved
from envs.core.mip import Mip
from envs.core.program import Program
from envs.net2net.planning.jobs import Columns, Jobs

TIME_LIMIT_S = 600.0


def optimal(columns: Columns, accuracy: np.ndarray | None = None) -> np.ndarray:
    """The columns (K,) of one optimal choice, solved to gap 0; `accuracy` (C,) may be another's."""
    value = columns.accuracy if accuracy is None else accuracy
    outcome = _program(Mip(), columns, value).solve(0.0, TIME_LIMIT_S)
    if outcome.status != "optimal":
        raise ScenarioError(f"the integer program is {outcome.status}", "jobs",
                            "use fewer slots or gpu_options")
    return np.flatnonzero(outcome.values > 0.5)


def lp_bound(columns: Columns) -> float:
    """The optimum of the relaxation, at least that of the program."""
    program = _program(Program(), columns, columns.accuracy)
    try:
        return Lp(program, TIME_LIMIT_S, presolve=True).solve().objective
    except Unsolved as error:
        raise ScenarioError(f"the linear program is {error.status}", "jobs",
                            "use fewer slots or gpu_options") from None


def _program(program: Program, columns: Columns, value: np.ndarray) -> Program:
    """One column per job, no more GPUs in a slot than there are."""
    chosen = program.columns(np.ones(len(value)), value, integer=isinstance(program, Mip))
    program.rows(1, 1, len(columns.jobs.jobs), (columns.job, chosen, 1))
    column, slot = np.nonzero(columns.gpus)
    program.rows(-np.inf, columns.jobs.gpus, columns.jobs.slots,
                 (slot, chosen[column], columns.gpus[column, slot]))
    return program


def equal_share(columns: Columns) -> np.ndarray:
    """In each slot the same for all active jobs; what is left goes to the earliest deadlines."""
    jobs, out = columns.jobs, _nothing(columns.jobs)
    for slot in range(jobs.slots):
        active = jobs.active(slot)
        if active:
            share = _largest(jobs, jobs.gpus // len(active))
            out[active, slot] = share
            _hand_out(jobs, out, slot, active, jobs.gpus - share * len(active))
    return out


def earliest_deadline(columns: Columns) -> np.ndarray:
    """In each slot the largest option that fits, earliest deadline first."""
    jobs, out = columns.jobs, _nothing(columns.jobs)
    for slot in range(jobs.slots):
        _hand_out(jobs, out, slot, jobs.active(slot), jobs.gpus)
    return out


def greedy(columns: Columns) -> np.ndarray:
    """Again and again the change to the next option that gains most accuracy per GPU and slot."""
    jobs, out = columns.jobs, _nothing(columns.jobs)
    while True:
        total, best, change = columns.total(out), 0.0, None
        for k, slot, more in _changes(jobs, out):
            out[k, slot] += more
            gain = (columns.total(out) - total) / more
            out[k, slot] -= more
            if gain > best:
                best, change = gain, (k, slot, more)
        if change is None:
            return out
        out[change[:2]] += change[2]


HEURISTICS: dict[str, Callable[[Columns], np.ndarray]] = {
    "equal share": equal_share, "earliest deadline": earliest_deadline, "greedy": greedy,
}


def _nothing(jobs: Jobs) -> np.ndarray:
    return np.zeros((len(jobs.jobs), jobs.slots), np.int64)


def _largest(jobs: Jobs, most: int) -> int:
    """The largest option of at most so many GPUs."""
    return max(option for option in jobs.gpu_options if option <= most)


def _hand_out(jobs: Jobs, out: np.ndarray, slot: int, order: list[int], left: int) -> None:
    """Raise the jobs one after the other to the largest option that what is left allows."""
    for k in order:
        most = _largest(jobs, int(out[k, slot]) + left)
        left -= most - int(out[k, slot])
        out[k, slot] = most


def _changes(jobs: Jobs, out: np.ndarray) -> list[tuple[int, int, int]]:
    """(job, slot, GPUs more) of every single change to the next option that fits."""
    found = []
    for k, job in enumerate(jobs.jobs):
        for slot in range(job.arrival_slot, job.deadline_slot):
            later = [option for option in jobs.gpu_options if option > out[k, slot]]
            more = later[0] - int(out[k, slot]) if later else 0
            if later and out[:, slot].sum() + more <= jobs.gpus:
                found.append((k, slot, more))
    return found
