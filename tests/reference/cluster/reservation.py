"""EASY backfilling: a promise to the first job that does not fit."""

from .arithmetic import NEVER, ceil_div, need
from .decision import Launch, give_back, take
from .ordering import planned_left
from .placement import Finder


class Reservation:
    """The start promised to a job, and the free counts of that instant."""

    def __init__(self, system, state, free: list[int], launches: dict[int, Launch], head: int):
        self.system, self.state = system, state
        self.start, self.free = NEVER, list(free)
        finder, ends = Finder(system, state), {}
        for number in state.running():
            segment = state.progress[number].segment
            rest = max(0, segment.productive - state.now)
            ends.setdefault(self.end(number, rest, segment.rate), []).append(segment.places)
        for number, launch in launches.items():
            ends.setdefault(self.end_of_launch(number, launch), []).append(launch.places)
        for end in sorted(ends):
            for places in ends[end]:
                give_back(self.free, places)
            found = finder.find(head, self.free)
            if found:
                self.start = end
                take(self.free, found[1])
                return

    def end(self, number: int, overhead: int, rate: float) -> int:
        """Expected end, at a boundary in round mode."""
        t = self.state.now + overhead + need(planned_left(self.system, self.state, number), rate)
        step = self.state.options.round
        return ceil_div(t, step) * step if self.state.options.in_rounds else t

    def end_of_launch(self, number: int, launch: Launch) -> int:
        """Expected end of a segment that begins now."""
        job = self.system.jobs[number]
        rate = self.system.rate(job, launch.gpus, launch.gpu_type, launch.places)
        first = self.state.progress[number].launches == 0
        return self.end(number, job.kind.launch if first else job.kind.restart, rate)

    def allows(self, number: int, launch: Launch) -> bool:
        """Whether a later job may start; takes what it needs of the promised instant."""
        if self.start == NEVER or self.end_of_launch(number, launch) <= self.start:
            return True
        if any(self.free[node] < count for node, count in launch.places):
            return False
        take(self.free, launch.places)
        return True
