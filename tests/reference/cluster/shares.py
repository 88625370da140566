"""Share policies: fractions of time per type, turned into rounds by deficits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .arithmetic import q, us
from .decision import Decision, realise

MILLION = 1_000_000
Solver = Callable[[object, object, Sequence[int]], Sequence[Sequence[float]]]


@dataclass
class Shares:
    """What the mechanism remembers between two boundaries."""

    share: dict[tuple[int, int], int] = field(default_factory=dict)
    deficit: dict[tuple[int, int], int] = field(default_factory=dict)
    served: dict[tuple[int, int], int] = field(default_factory=dict)
    computed_for: tuple | None = None
    computed_at: int = 0


def isolated(system, state, active: Sequence[int]) -> list[list[float]]:
    """An equal part of the cluster for everybody."""
    capacity, rows = state.up_by_type(), []
    for number in active:
        job = system.jobs[number]
        row = [g / (len(active) * job.gpus) for g in capacity]
        total = sum(row)
        row = [x / total for x in row] if total > 1 else row
        rows.append([x if job.speed_on(j) > 0 else 0.0 for j, x in enumerate(row)])
    return rows


def fixed(system, state, active: Sequence[int]) -> list[list[float]]:
    """The given table, a row per line of the trace."""
    table = state.options.share["X"]
    return [[x if system.jobs[n].speed_on(j) > 0 else 0.0
             for j, x in enumerate(table[system.jobs[n].line])] for n in active]


SOLVERS: Mapping[str, Solver] = {"isolated": isolated, "fixed": fixed}


def decide(system, state, solver: Solver | None = None) -> Decision:
    """One boundary: recompute the shares if they are stale, hand out the types, realise."""
    active = state.active()
    refresh(system, state, active, solver or SOLVERS[state.options.share["policy"]])
    decision = realise(system, state, hand_out(system, state, pairs(system, state, active)))
    settle(state, decision)
    return decision


def refresh(system, state, active: Sequence[int], solver: Solver) -> None:
    """Compute X anew where the jobs or the nodes have changed."""
    memory = state.shares
    present = (tuple(active), tuple(state.up))
    if memory.computed_for is not None:
        fresh = state.now - memory.computed_at < us(state.options.share.get("realloc_s", 0))
        if fresh or present == memory.computed_for:
            return
    memory.computed_for, memory.computed_at = present, state.now
    rows = solver(system, state, active)
    memory.share = {(n, j): q(1e6 * x) for n, row in zip(active, rows, strict=True)
                    for j, x in enumerate(row)}
    memory.served = {}


def pairs(system, state, active: Sequence[int]) -> list[tuple[int, int]]:
    """(job, type) in the order in which they are served."""
    memory, ratio = state.shares, state.options.share.get("rule", "deficit") == "ratio"

    def key(pair: tuple[int, int]) -> tuple:
        share, deficit = memory.share[pair], memory.deficit.get(pair, 0)
        if ratio:
            return -(2 * MILLION * share // (2 * memory.served.get(pair, 0) + 1)), -deficit, *pair
        return -deficit, -share, *pair

    every = [(n, j) for n in active for j in system.type_list(system.jobs[n])]
    return sorted((p for p in every if memory.share.get(p, 0) > 0), key=key) + [
        p for p in every if memory.share.get(p, 0) == 0]


def hand_out(system, state, served: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """A type for each job whose GPUs still fit."""
    left, chosen = state.up_by_type(), {}
    for number, gpu_type in served:
        gpus = system.jobs[number].gpus
        if number not in chosen and gpus <= left[gpu_type]:
            left[gpu_type] -= gpus
            chosen[number] = (number, gpu_type, gpus)
    return list(chosen.values())


def settle(state, decision: Decision) -> None:
    """Credit everybody's share, charge those who run."""
    memory = state.shares
    active = set(state.active())
    for pair, share in memory.share.items():
        if pair[0] in active:
            memory.deficit[pair] = memory.deficit.get(pair, 0) + share
    for number in active:
        if number in decision.launches:
            used = decision.launches[number].gpu_type
        elif state.progress[number].segment and number not in decision.stopped:
            used = state.progress[number].segment.gpu_type
        else:
            continue
        pair = number, used
        memory.deficit[pair] = memory.deficit.get(pair, 0) - MILLION
        memory.served[pair] = memory.served.get(pair, 0) + 1
