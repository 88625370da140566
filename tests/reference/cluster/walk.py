"""The walk down the order: launch, preempt, pass over, or reserve."""

from .decision import Decision, Launch, give_back, realise, take
from .ordering import rank, ranked
from .placement import Finder
from .reservation import Reservation


def decide(system, state) -> Decision:
    """The decision of the options in force at this instant."""
    return repack(system, state) if state.options.preempt == "repack" else (
        Walk(system, state).run())


class Walk:
    """A plan on a copy of the free counts."""

    def __init__(self, system, state):
        self.system, self.state, self.options = system, state, state.options
        self.order = ranked(system, state)
        self.rank = {n: rank(system, state, n) for n in self.order}
        self.free = list(state.free)
        self.finder = Finder(system, state)
        self.decision = Decision()
        self.reservation: Reservation | None = None

    def holds(self, number: int) -> bool:
        """Whether a job keeps the GPUs that it has."""
        return (self.state.progress[number].segment is not None
                and number not in self.decision.stopped)

    def run(self) -> Decision:
        """Every job of the order that holds nothing, from the top."""
        for position, number in enumerate(self.order):
            if not self.holds(number) and not self.serve(position, number):
                break
        return self.decision

    def serve(self, position: int, number: int) -> bool:
        """Try to launch a job; whether the walk goes on."""
        found, victims = self.finder.find(number, self.free), []
        if found is None and self.options.preempt != "off":
            found, victims = self.evict(position, number)
        if found is None:
            return self.misfit(number)
        launch = Launch(self.system.jobs[number].gpus, *found)
        if self.reservation and not self.reservation.allows(number, launch):
            return True
        take(self.free, launch.places)
        self.decision.launches[number] = launch
        if self.options.evict == "safe":
            self.spare(victims)
        return True

    def misfit(self, number: int) -> bool:
        """A job that finds no place; whether the walk goes on."""
        if self.options.misfit == "reserve" and self.reservation is None:
            self.reservation = Reservation(
                self.system, self.state, self.free, self.decision.launches, number)
        return self.options.misfit != "stop"

    def evict(self, position: int, number: int):
        """Stop jobs below from the last upwards until there is a place."""
        victims = []
        for other in reversed(self.order[position + 1:]):
            if self.holds(other) and self.eligible(other, number):
                self.decision.stopped.add(other)
                give_back(self.free, self.state.progress[other].segment.places)
                victims.append(other)
                found = self.finder.find(number, self.free)
                if found:
                    return found, victims
        if self.options.evict == "safe":
            for other in victims:
                self.keep(other)
        return None, victims

    def eligible(self, other: int, number: int) -> bool:
        """Whether a job below may lose its GPUs to another."""
        return self.options.preempt == "below" or self.rank[other] > self.rank[number]

    def spare(self, victims: list[int]) -> None:
        """A victim whose GPUs are all still free keeps running."""
        for other in reversed(victims):
            places = self.state.progress[other].segment.places
            if all(self.free[node] >= count for node, count in places):
                self.keep(other)

    def keep(self, number: int) -> None:
        """Give a victim its GPUs again."""
        self.decision.stopped.remove(number)
        take(self.free, self.state.progress[number].segment.places)


def repack(system, state) -> Decision:
    """A choice from scratch on counts alone."""
    left, chosen = state.up_by_type(), []
    for number in ranked(system, state):
        job = system.jobs[number]
        gpu_type = next((j for j in system.type_list(job) if left[j] >= job.gpus), None)
        if gpu_type is not None:
            left[gpu_type] -= job.gpus
            chosen.append((number, gpu_type, job.gpus))
        elif state.options.misfit == "stop":
            break
    return realise(system, state, chosen)
