"""An instance as entities: cluster, jobs in order of their numbers, options."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from .arithmetic import ceil_div, us
from .entities import Job, JobClass, Node, NodeEvent, job_of
from .options import complete


class Sample:
    """Sorted GPU times and their running sums."""

    def __init__(self, times: Sequence[int]):
        self.times = sorted(times)
        self.sums = [0, *accumulate(self.times)]

    def between(self, low: int, high: int) -> tuple[int, int, int]:
        """Number and sum of the times in (low, high], and the number of those beyond."""
        i, j = bisect_right(self.times, low), bisect_right(self.times, high)
        return j - i, self.sums[j] - self.sums[i], len(self.times) - j


class System:
    """What does not change in a run."""

    def __init__(self, instance: Mapping[str, Any]):
        cluster = instance["cluster"]
        self.types = list(cluster["types"])
        self.nodes = [Node(n["type"], n["gpus"], n.get("rack", 0)) for n in cluster["nodes"]]
        rows = instance.get("classes") or [{}]
        self.classes = [JobClass(row, len(self.types)) for row in rows]
        events = [NodeEvent(us(e["time_s"]), e["node"], e["event"])
                  for e in cluster.get("events", ())]
        self.events = sorted(events, key=lambda event: event.time)
        lines = [job_of(i, row, self.classes) for i, row in enumerate(instance["jobs"])]
        self.jobs: list[Job] = sorted(lines, key=lambda job: (job.arrival, job.line))
        self.options = complete(instance["options"])
        self.largest = [max((n.gpus for n in self.nodes if n.type == j), default=0)
                        for j in range(len(self.types))]

    @cached_property
    def up_at_start(self) -> list[bool]:
        """A node is up unless its earliest event says that it comes up."""
        first: dict[int, str] = {}
        for event in self.events:
            first.setdefault(event.node, event.kind)
        return [first.get(n) != "up" for n in range(len(self.nodes))]

    @cached_property
    def sample(self) -> "Sample":
        """GPU times that the Gittins cost is computed from."""
        given = self.options.gittins_sample
        if given is None:
            given = [job.gpus * int(job.work) for job in self.jobs]
        return Sample(given)

    def type_list(self, job: Job) -> list[int]:
        """The types that a job may use, in the order in which they are tried."""
        allowed = [j for j in range(len(self.types)) if job.speed_on(j) > 0]
        if self.options.type_order == "fastest":
            allowed.sort(key=lambda j: (-job.kind.speed[j], j))
        return allowed

    def most_nodes(self, gpus: int, gpu_type: int) -> int:
        """How many nodes a job needs at least."""
        return ceil_div(gpus, self.largest[gpu_type])

    def level(self, gpus: int, gpu_type: int, places: list[tuple[int, int]]) -> int:
        """Locality level of a placement."""
        if len({self.nodes[node].rack for node, _ in places}) > 1:
            return 2
        return 0 if len(places) <= self.most_nodes(gpus, gpu_type) else 1

    def rate(self, job: Job, gpus: int, gpu_type: int, places: list[tuple[int, int]]) -> float:
        """Rate of progress on a placement."""
        kind = job.kind
        if kind.goodput is not None:
            return kind.speed[gpu_type] * kind.goodput(gpus, len(places))
        factor = kind.speed_up(gpus) / kind.speed_up(job.gpus) if gpus != job.gpus else 1.0
        locality = kind.locality[self.level(gpus, gpu_type, places)]
        return kind.speed[gpu_type] * factor * locality
