"""Instants of a run, from the first to the last."""

from . import elastic, shares, walk
from .admission import admit
from .arithmetic import NEVER, ceil_div
from .lookahead import switch
from .nodes import act
from .ordering import upkeep
from .placement import Finder
from .segments import apply, finish
from .state import State
from .timers import later, of_lookahead, of_waiting_jobs, while_running


class Simulator:
    """A run; `shares` and `allocator` stand in for policies that need a solver."""

    def __init__(self, system, shares=None, allocator=None):
        self.system, self.state = system, State(system)
        self.shares, self.allocator = shares, allocator
        self.stalled = False

    def run(self) -> None:
        """From the first instant to the end."""
        first, last = self.system.options.track or (0, len(self.system.jobs) - 1)
        tracked = range(first, last + 1)
        t = self.next_instant()
        while t <= self.system.options.until:
            self.instant(t)
            over = not self.state.present() and self.state.next_arrival() == NEVER
            if over or all(self.state.progress[n].finish is not None for n in tracked):
                return
            t = self.next_instant()
            if t == NEVER:
                self.stalled = True
                return

    def imagine(self, state: State, end: int) -> None:
        """Go on from step 5 of this instant on another state, with nothing new from outside."""
        mine, self.state = self.state, state
        self.decide()
        t = self.next_instant()
        while state.present() and t <= end and t < NEVER:
            self.instant(t)
            t = self.next_instant()
        self.state = mine

    def instant(self, t: int) -> None:
        """All steps of one instant."""
        state = self.state
        state.now, state.instants = t, state.instants + 1
        for number in state.running():
            if state.progress[number].segment.finish <= t:
                finish(state, number)
        while state.next_event() <= t:
            event = self.system.events[state.seen_events]
            state.seen_events += 1
            act(self.system, state, event, self.boundary(event.time))
        while state.next_arrival() <= t:
            state.arrive()
        switch(self)
        self.decide()

    def decide(self) -> None:
        """Admission, upkeep, one decision."""
        system, state = self.system, self.state
        admit(system, state)
        upkeep(state)
        if state.options.share:
            if state.active():
                apply(system, state, shares.decide(system, state, self.shares))
        elif state.options.elastic:
            apply(system, state, elastic.decide(system, state, self.allocator))
        else:
            apply(system, state, walk.decide(system, state))

    def boundary(self, t: int) -> int:
        """The instant at which something that happens at t is seen."""
        step = self.state.options.round
        return ceil_div(t, step) * step if self.state.options.in_rounds else t

    def next_instant(self) -> int:
        """The next instant, never if the run has stalled."""
        state, now = self.state, self.state.now
        outside = min(state.next_arrival(), state.next_event())
        finder = Finder(self.system, state)
        waiting = later(of_waiting_jobs(self.system, state, finder), now)
        if not state.options.in_rounds:
            ends = min((state.progress[n].segment.finish for n in state.running()), default=NEVER)
            return min(outside, ends, waiting, later(while_running(self.system, state), now),
                       later(of_lookahead(self.system, state), now))
        if state.present():
            idle = not state.running() and outside == NEVER and waiting == NEVER
            return NEVER if idle else now + state.options.round
        return self.boundary(state.next_arrival()) if state.next_arrival() < NEVER else NEVER
