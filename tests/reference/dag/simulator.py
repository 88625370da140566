"""Batches, rounds and answers (section 6): `pending` stops at decisions, `answer` goes on."""

import math

from . import memory, network
from .estimates import Outlook
from .state import State, Task


class Simulator:
    """A run that stops at every decision; `push` hears of new ready tasks in their order."""

    def __init__(self, system, state=None, actual: bool = False, push=None):
        self.system, self.actual, self.push = system, actual, push
        self.state = State.empty(system) if state is None else state
        self.outlook = Outlook(system, self.state, actual)

    def pending(self) -> int | None:
        """Go on to the next decision: the worker that asks, None at the end of the run."""
        state = self.state
        while True:
            while state.asking is not None:
                if self.asks(state.asking):
                    return state.asking
                self._next_worker()
            t = self.next_time()
            if t == math.inf:
                return None
            state.now = t
            self.batch()

    def answer(self, i) -> None:
        """Assign a task to the asking worker, or let it wait (None)."""
        state, w = self.state, self.state.asking
        state.choices.append((state.now, w, i))
        state.decisions += 1
        if i is None:
            state.waits += 1
            state.waited.add(w)
            self._next_worker()
        else:
            self.assign(i, w)

    def _next_worker(self) -> None:
        following = self.state.asking + 1
        self.state.asking = following if following < len(self.system.machine.workers) else None

    def has_room(self, w: int) -> bool:
        """Whether a worker may hold one more task."""
        return len(self.state.held[w]) <= self.system.machine.prefetch

    def asks(self, w: int) -> bool:
        """Whether a worker has room and an eligible task."""
        return self.has_room(w) and any(self.is_eligible(i, w) for i in self.state.ready)

    def eligible(self, w: int) -> list:
        """Eligible tasks of a worker by rseq."""
        return [i for i in self.state.ready if self.is_eligible(i, w)]

    def is_eligible(self, i, w: int) -> bool:
        """Whether a ready task may be assigned to a worker now."""
        n = self.system.machine.node[w]
        if not self.system.able(i, w):
            return False
        if n == 0:
            return True
        tiles = memory.pinned(self.system, self.state, n)
        tiles |= {tile for tile, _, _ in self.system.operands(i)}
        return sum(self.system.size(tile) for tile in tiles) <= self.system.machine.capacity[n]

    def may_wait(self) -> bool:
        """Whether WAIT is legal for the asking worker."""
        state = self.state
        if self.system.wait == "never":
            return False
        later = range(state.asking + 1, len(self.system.machine.workers))
        return (any(state.held) or state.arrived < len(self.system.jobs)
                or any(self.asks(w) for w in later))

    def assign(self, i, w: int) -> None:
        """Section 5.2."""
        state, task = self.state, self.state.tasks[i]
        task.fetch = self.outlook.fetch(i, w)
        task.worker, task.assigned = w, state.now
        state.ready.remove(i)
        state.held[w].append(i)
        if self.system.machine.comm == "tiles":
            task.waits = memory.place(self.system, state, i, w)
            self._learn(task)
        else:
            task.data_ready = state.now + self.outlook.fetch(i, w)
        self._start(w)

    def _learn(self, task: Task) -> None:
        ends = [self.state.transfers[k].end for k in task.waits]
        if task.data_ready is None and None not in ends:
            task.data_ready = max([task.assigned, *ends])

    def _start(self, w: int) -> None:
        """The first task that a worker holds starts once its data-ready is known."""
        for i in self.state.held[w][:1]:
            task = self.state.tasks[i]
            if task.start is None and task.data_ready is not None:
                task.start = max(task.data_ready, self.state.now)
                task.finish = task.start + self.system.actual(i, self.system.machine.type[w])

    def running(self) -> list[tuple[int, tuple]]:
        """(worker, task) whose finish is known."""
        return [(w, held[0]) for w, held in enumerate(self.state.held)
                if held and self.state.tasks[held[0]].finish is not None]

    def next_time(self) -> float:
        """The tick of the next batch."""
        state = self.state
        times = [state.tasks[i].finish for _, i in self.running()]
        if state.arrived < len(self.system.jobs):
            times.append(self.system.arrival[state.arrived])
        if self.system.machine.network == "fair":
            times.append(network.next_time(state))
        return min(times, default=math.inf)

    def batch(self) -> None:
        """Everything that has this tick (section 6.1)."""
        state, fresh = self.state, []
        if self.system.machine.network == "fair":
            self._flows()
        over = [(w, i) for w, i in self.running() if state.tasks[i].finish == state.now]
        for w, i in over:
            self._finish(i, w, fresh)
            self._start(w)
        arrivals = self._arrivals(fresh)
        while fresh and any(self.system.is_virtual(i) for i in fresh):
            i = min(i for i in fresh if self.system.is_virtual(i))
            fresh.remove(i)
            task = state.tasks[i]
            task.worker, task.assigned, task.start, task.finish = -1, *[state.now] * 3
            self._count_down(i, fresh)
        for i in sorted(fresh):
            state.tasks[i].rseq = state.numbered
            state.numbered += 1
            state.ready.append(i)
            if self.push is not None:
                self.push(self, i)
        if over or arrivals:
            state.asking, state.waited = 0, set()

    def _flows(self) -> None:
        network.step(self.system, self.state)
        for w, held in enumerate(self.state.held):
            for i in held:
                self._learn(self.state.tasks[i])
            self._start(w)

    def _finish(self, i, w: int, fresh: list) -> None:
        self.state.held[w].remove(i)
        memory.written(self.system, self.state, i, self.system.machine.node[w])
        self._count_down(i, fresh)

    def _count_down(self, i, fresh: list) -> None:
        state = self.state
        state.tasks[i].done = True
        state.unfinished[i[0]] -= 1
        if state.unfinished[i[0]] == 0:
            state.finished[i[0]] = state.now
            memory.vanish(self.system, state, i[0])
        for j in self.system.successors(i):
            state.tasks[j].left -= 1
            if state.tasks[j].left == 0:
                self._becomes_ready(j, fresh)

    def _arrivals(self, fresh: list) -> bool:
        state, before = self.state, self.state.arrived
        while state.arrived < len(self.system.jobs) and \
                self.system.arrival[state.arrived] <= state.now:
            job, graph = state.arrived, self.system.graph[state.arrived]
            state.arrived += 1
            state.unfinished[job] = len(graph)
            state.copies |= {(job, name): {0: None} for name in graph.tiles}
            for t in range(len(graph)):
                state.tasks[job, t] = Task(len(graph.predecessors[t]))
            for t in range(len(graph)):
                if not graph.predecessors[t]:
                    self._becomes_ready((job, t), fresh)
        return state.arrived > before

    def _becomes_ready(self, i, fresh: list) -> None:
        fresh.append(i)
        self.state.tasks[i].ready = self.state.now
        self._see(i, 0)

    def _see(self, i, hop: int) -> None:
        """Distances from the nearest task that is or was ready."""
        if hop < self.state.tasks[i].hop:
            self.state.tasks[i].hop = hop
            for j in self.system.successors(i):
                self._see(j, hop + 1)
