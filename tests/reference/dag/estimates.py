"""What policies and features expect (section 6.4)."""

from . import memory


class Outlook:
    """Estimates on a state; `actual` looks at durations that will show, and at every task."""

    def __init__(self, system, state, actual: bool = False):
        self.system, self.state, self.actual = system, state, actual

    def duration(self, i, w: int) -> int:
        """Duration on a worker."""
        return self.system.duration(i, self.system.machine.type[w], self.actual)

    def ahead(self, i) -> int:
        """B(i) as far as it can be seen."""
        horizon = float("inf") if self.actual else self.system.horizon
        return self.system.ahead(i, horizon - self.hop(i), self.actual)

    def hop(self, i) -> float:
        """Edges from the nearest ready task; 0 where all is visible."""
        full = self.actual or self.system.visible == "full"
        return 0 if full else self.state.tasks[i].hop

    def fetch(self, i, w: int) -> int:
        """Time to bring what is missing, one piece after the other."""
        machine, n = self.system.machine, self.system.machine.node[w]
        if machine.comm == "matrix":
            waits = [self.state.tasks[k].finish - self.state.now
                     + machine.cost(self.state.tasks[k].worker, w, self.system.carried(k, i))
                     for k in self.system.predecessors(i)]
            return max(0, *waits, 0)
        return sum(self._moving(tile, n, size) for tile, size in self.absent(i, w))

    def absent(self, i, w: int) -> list:
        """(tile, bytes) that are read and have no copy on the worker's node."""
        n = self.system.machine.node[w]
        return [(tile, size) for tile, mode, size in self.system.operands(i)
                if "R" in mode and n not in self.state.copies[tile]]

    def _moving(self, tile, n: int, size: int) -> int:
        machine = self.system.machine
        m = memory.source(self.system, self.state, tile, n)
        if m is not None:
            return machine.alone(m, n, size)
        h = memory.source(self.system, self.state, tile, 0)
        return machine.alone(h, 0, size) + machine.alone(0, n, size)

    def missing(self, i, w: int) -> int:
        """Bytes to bring."""
        machine = self.system.machine
        if machine.comm == "matrix":
            return sum(self.system.carried(k, i) for k in self.system.predecessors(i)
                       if self._apart(self.state.tasks[k].worker, w))
        return sum(size for _, size in self.absent(i, w))

    def _apart(self, p: int, w: int) -> bool:
        machine = self.system.machine
        if p < 0 or p == w:
            return False
        return machine.matrix is not None or machine.node[p] != machine.node[w]

    def ends(self, w: int) -> list[tuple]:
        """(task, expected finish) of what a worker holds."""
        now, e, found = self.state.now, self.state.now, []
        for i in self.state.held[w]:
            task = self.state.tasks[i]
            if task.start is not None:
                e = max(now, task.start + self.duration(i, w))
            else:
                ready = task.data_ready
                if ready is None:
                    ready = max(now, task.assigned + task.fetch)
                e = max(e, ready) + self.duration(i, w)
            found.append((i, e))
        return found

    def free(self, w: int) -> int:
        """When a worker is expected to have finished all it holds."""
        return max([self.state.now, *(e for _, e in self.ends(w)[-1:])])

    def est(self, i, w: int) -> int:
        """Expected finish of a task on a worker."""
        machine, fetch, free = self.system.machine, self.fetch(i, w), self.free(w)
        if machine.comm == "tiles" and machine.prefetch == 0:
            return free + fetch + self.duration(i, w)
        return max(free, self.state.now + fetch) + self.duration(i, w)
