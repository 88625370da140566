"""What does not change in a run: machine, jobs, durations, options."""

import math
from functools import cache

from .arithmetic import fix, normal
from .graph import Graph
from .machine import Machine

LEAST = 0.05        # of a truncated normal factor


class System:
    """An instance {machine, jobs: [[arrival, dag-1 graph]], options}; tasks are (job, task)."""

    def __init__(self, instance):
        self.machine = Machine(instance["machine"])
        options = instance.get("options", {})
        self.noise, self.sigma = options.get("noise", "none"), options.get("sigma", 0.0)
        self.visible, self.window = options.get("visible", "full"), options.get("window", 1)
        self.wait = options.get("wait", "allowed")
        self.seed = options.get("seed", 0)
        self.arrival = [arrival for arrival, _ in instance["jobs"]]
        self.graph = [Graph(graph, self.machine.comm) for _, graph in instance["jobs"]]
        self.expected, self.actual = cache(self.expected), cache(self.actual)
        self.least, self.ahead = cache(self.least), cache(self.ahead)
        self.able = cache(self.able)

    @property
    def jobs(self) -> range:
        """Jobs by number."""
        return range(len(self.graph))

    @property
    def horizon(self) -> float:
        """How many edges from a ready task an agent sees."""
        return {"full": math.inf, "window": self.window, "frontier": 0}[self.visible]

    def operands(self, i) -> list:
        """[((job, tile), mode, bytes)] of a task."""
        graph = self.graph[i[0]]
        return [((i[0], name), mode, graph.tiles[name]) for name, mode in graph.operands[i[1]]]

    def size(self, tile) -> int:
        """Bytes of a tile."""
        return self.graph[tile[0]].tiles[tile[1]]

    def is_virtual(self, i) -> bool:
        """Whether a task needs no worker."""
        return self.graph[i[0]].virtual[i[1]]

    def successors(self, i) -> list:
        """The tasks that wait for a task."""
        return [(i[0], t) for t in self.graph[i[0]].successors[i[1]]]

    def predecessors(self, i) -> list:
        """The tasks that a task waits for."""
        return [(i[0], t) for t in self.graph[i[0]].predecessors[i[1]]]

    def carried(self, i, j) -> int:
        """bytes(i, j)."""
        return self.graph[i[0]].carried.get((i[1], j[1]), 0)

    def expected(self, i, y: str) -> int | None:
        """Expected duration on a type of worker."""
        return self.graph[i[0]].duration[i[1]].get(y)

    def actual(self, i, y: str) -> int | None:
        """Duration that will show."""
        expected = self.expected(i, y)
        if expected is None:
            return None
        return math.floor(expected * self._factor(i, self.machine.types.index(y)) + 0.5)

    def _factor(self, i, tau: int) -> float:
        sigma = self.sigma
        if isinstance(sigma, dict):
            sigma = sigma.get(self.graph[i[0]].kind[i[1]], 0.0)
        if self.noise == "none":
            return 1.0
        if self.noise == "lognormal":
            square = math.log(1 + sigma * sigma)
            z = normal(self.seed, 1, i[1], i[0], 256 * tau)
            return fix(math.exp(math.sqrt(square) * z - square / 2))
        k = 0
        while True:
            x = 1 + sigma * normal(self.seed, 1, i[1], i[0], 256 * tau + k)
            if x >= LEAST:
                return fix(x)
            k += 1

    def duration(self, i, y: str, actual: bool) -> int | None:
        """Actual or expected duration."""
        return self.actual(i, y) if actual else self.expected(i, y)

    def least(self, i, actual: bool = False) -> int:
        """Least duration over the machine's types, 0 for a virtual task."""
        if self.is_virtual(i):
            return 0
        known = [self.duration(i, y, actual) for y in self.machine.types]
        return min(d for d in known if d is not None)

    def ahead(self, i, edges: float, actual: bool = False) -> int:
        """B: greatest sum of least durations over paths from i of at most so many edges."""
        after = [self.ahead(j, edges - 1, actual) for j in self.successors(i)] if edges > 0 else []
        return self.least(i, actual) + max(after, default=0)

    def able(self, i, w: int) -> bool:
        """Whether a worker could ever run a task."""
        machine = self.machine
        if self.expected(i, machine.type[w]) is None:
            return False
        return sum(size for _, _, size in self.operands(i)) <= machine.capacity[machine.node[w]]

    def able_workers(self, i) -> list[int]:
        """Workers that could run a task, by number."""
        return [w for w in self.machine.workers if self.able(i, w)]
