"""What changes in a run, and how it is copied."""

import copy

from .arithmetic import NEVER, us
from .entities import FUTURE, HELD, RUNNING, WAITING, Progress, Segment
from .shares import Shares


class State:
    """Clock, nodes, jobs, and the log of what has happened."""

    def __init__(self, system):
        self.system, self.options = system, system.options
        self.now, self.instants = -1, 0
        self.up = list(system.up_at_start)
        self.free = [n.gpus if up else 0 for n, up in zip(system.nodes, self.up, strict=True)]
        self.progress = [Progress(left=job.work) for job in system.jobs]
        self.arrived = self.seen_events = 0
        self.unfinished: list[int] = []
        self.segments: list[Segment] = []
        self.node_log: list[tuple[int, int, bool]] = []
        self.shares = Shares()
        self.last_switch, self.incumbent = None, None
        self.choices: list[tuple[int, int]] = []
        self.imagined = False

    @property
    def every(self) -> int:
        """Time between two switches of the look-ahead."""
        return us(self.options.lookahead["every_s"])

    def copy(self) -> "State":
        """A state that may go its own way; finished jobs are shared."""
        other = copy.copy(self)
        other.up, other.free, other.unfinished = list(self.up), list(self.free), list(
            self.unfinished)
        other.segments, other.node_log, other.choices = [], [], []
        other.progress = list(self.progress)
        for number in self.unfinished:
            mine = other.progress[number] = copy.copy(self.progress[number])
            mine.segment = copy.copy(mine.segment)
        return other

    def present(self) -> list[int]:
        """Held and active jobs by number."""
        return self.unfinished

    def held(self) -> list[int]:
        """Arrived and not admitted."""
        return [n for n in self.unfinished if self.progress[n].status == HELD]

    def active(self) -> list[int]:
        """Waiting or running."""
        return [n for n in self.unfinished if self.progress[n].status in (WAITING, RUNNING)]

    def waiting(self) -> list[int]:
        """Active without GPUs."""
        return [n for n in self.unfinished if self.waits(n)]

    def running(self) -> list[int]:
        """Holding GPUs."""
        return [n for n in self.unfinished if self.progress[n].status == RUNNING]

    def waits(self, number: int) -> bool:
        """Whether a job is active without GPUs."""
        return self.progress[number].status == WAITING

    def up_by_type(self) -> list[int]:
        """GPUs of up nodes, per type."""
        totals = [0] * len(self.system.types)
        for node, up in zip(self.system.nodes, self.up, strict=True):
            totals[node.type] += node.gpus if up else 0
        return totals

    def up_gpus(self) -> int:
        """GPUs of up nodes."""
        return sum(self.up_by_type())

    def next_arrival(self) -> int:
        """Time of the next arrival, or never."""
        jobs = self.system.jobs
        return NEVER if self.imagined or self.arrived == len(jobs) else jobs[self.arrived].arrival

    def next_event(self) -> int:
        """Time of the next node event, or never."""
        events = self.system.events
        over = self.imagined or self.seen_events == len(events)
        return NEVER if over else events[self.seen_events].time

    def arrive(self) -> None:
        """The next job of the trace becomes held."""
        assert self.progress[self.arrived].status == FUTURE
        self.progress[self.arrived].status = HELD
        self.unfinished.append(self.arrived)
        self.arrived += 1
