"""Elastic policies: how many GPUs each job gets."""

from collections.abc import Callable, Sequence

from .arithmetic import q
from .decision import Decision, realise
from .entities import Job
from .ordering import planned_left, ranked

Allocator = Callable[[object, object], Sequence[tuple[int, int, int]]]


def allowed_sizes(job: Job, sizes: str) -> list[int]:
    """GPU counts that a job may get."""
    if sizes == "all":
        return list(range(job.min_gpus, job.max_gpus + 1))
    powers = {1 << i for i in range(job.max_gpus.bit_length())}
    inside = {g for g in powers if job.min_gpus <= g <= job.max_gpus}
    return sorted(inside | {job.min_gpus, job.max_gpus})


def decide(system, state, allocator: Allocator | None = None) -> Decision:
    """Allot GPUs and realise it."""
    return realise(system, state, (allocator or optimus)(system, state))


def optimus(system, state) -> list[tuple[int, int, int]]:
    """Greedy by the largest gain per GPU, on one type."""
    order, left = ranked(system, state), state.up_by_type()[0]
    given: dict[int, int] = {}
    for number in order:
        least = system.jobs[number].min_gpus
        if least <= left:
            given[number], left = least, left - least
    while True:
        steps = [(gain, n, size) for n in order if n in given
                 for gain, size in [next_step(system, state, n, given[n])]
                 if gain > 0 and size - given[n] <= left]
        if not steps:
            return [(n, 0, given[n]) for n in order if n in given]
        _, number, size = max(steps, key=lambda step: step[0])
        left -= size - given[number]
        given[number] = size


def next_step(system, state, number: int, gpus: int) -> tuple[int, int]:
    """Gain per GPU of the next allowed size, and that size; no gain at the largest."""
    job, left = system.jobs[number], planned_left(system, state, number)
    larger = [g for g in allowed_sizes(job, state.options.elastic.get("sizes", "all")) if g > gpus]
    if not larger:
        return 0, gpus
    here, there = (time(job, left, g) for g in (gpus, larger[0]))
    return q((here - there) / (larger[0] - gpus)), larger[0]


def time(job: Job, left: float, gpus: int) -> float:
    """Time to finish on a number of GPUs."""
    kind = job.kind
    return left / (kind.speed[0] * (kind.speed_up(gpus) / kind.speed_up(job.gpus)))
