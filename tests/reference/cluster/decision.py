"""Outcome of a decision: who is stopped, who is launched where."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .placement import Finder, Places


@dataclass(frozen=True)
class Launch:
    """GPUs of one type for a job."""

    gpus: int
    gpu_type: int
    places: Places


@dataclass
class Decision:
    """Segments to close, segments to begin, by job number."""

    stopped: set[int] = field(default_factory=set)
    launches: dict[int, Launch] = field(default_factory=dict)


def realise(system, state, chosen: Sequence[tuple[int, int, int]]) -> Decision:
    """Turn (job, type, GPUs), in the order in which they were chosen, into launches."""
    want = {number: (gpu_type, gpus) for number, gpu_type, gpus in chosen}
    free, decision = list(state.free), Decision()
    for number in state.running():
        segment = state.progress[number].segment
        if want.get(number) != (segment.gpu_type, segment.gpus):
            decision.stopped.add(number)
            give_back(free, segment.places)
    fresh = [row for row in chosen
             if row[0] in decision.stopped or state.progress[row[0]].segment is None]
    finder = Finder(system, state)
    for number, gpu_type, gpus in sorted(fresh, key=lambda row: -row[2]):
        found = finder.find(number, free, gpus, [gpu_type])
        if found:
            decision.launches[number] = Launch(gpus, *found)
            take(free, found[1])
    return decision


def give_back(free: list[int], places: Places) -> None:
    """Add GPUs to the free counts."""
    for node, count in places:
        free[node] += count


def take(free: list[int], places: Places) -> None:
    """Subtract GPUs from the free counts."""
    for node, count in places:
        free[node] -= count
        assert free[node] >= 0
