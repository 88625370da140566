"""What a run consists of: classes, nodes, jobs, their progress, and segments."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .arithmetic import NEVER, us
from .goodput import ratios

FUTURE, HELD, WAITING, RUNNING, FINISHED = range(5)


class JobClass:
    """What jobs of one model share."""

    def __init__(self, row: Mapping[str, Any], types: int):
        self.speed = list(row.get("speed") or [1.0] * types)
        self.locality = list(row.get("locality") or [1.0, 1.0, 1.0])
        self.launch, self.restart = us(row.get("launch_s", 0)), us(row.get("restart_s", 30))
        self.checkpoint = us(row.get("checkpoint_s", 0))
        self.curve = sorted((int(g), float(s)) for g, s in (row.get("curve") or {}).items())
        self.goodput = ratios(row["goodput"]) if row.get("goodput") else None

    @property
    def sensitive(self) -> bool:
        """Whether placement changes the rate."""
        return min(self.locality) < 1

    def speed_up(self, gpus: int) -> float:
        """s(g): linear between the points of the curve, constant beyond them."""
        curve = self.curve
        if not curve:
            return float(gpus)
        if gpus <= curve[0][0]:
            return curve[0][1]
        for (x0, y0), (x1, y1) in itertools.pairwise(curve):
            if gpus <= x1:
                return y0 + (y1 - y0) * (gpus - x0) / (x1 - x0)
        return curve[-1][1]


@dataclass(frozen=True)
class Node:
    """A machine with equal GPUs."""

    type: int
    gpus: int
    rack: int


@dataclass(frozen=True)
class NodeEvent:
    """A node joins, leaves in order, or fails."""

    time: int
    node: int
    kind: str


@dataclass(frozen=True)
class Job:
    """A line of a trace; `line` counts from 0."""

    line: int
    arrival: int
    gpus: int
    work: float
    kind: JobClass
    index_of_class: int
    tenant: int
    priority: int
    deadline: int
    estimate: float
    gpu_type: int | None
    min_gpus: int
    max_gpus: int

    def speed_on(self, gpu_type: int) -> float:
        """Speed on a type, 0 where the job may not run."""
        return self.kind.speed[gpu_type] if self.gpu_type in (None, gpu_type) else 0.0


def job_of(line: int, row: Mapping[str, Any], classes: Sequence[JobClass]) -> Job:
    """A job from its line."""
    index, gpus, work = row.get("class", 0), row["gpus"], float(us(row["duration_s"]))
    estimate = row.get("estimate_s")
    return Job(line, us(row["arrival_s"]), gpus, work, classes[index], index,
               row.get("tenant", 0), row.get("priority", 0), us(row.get("deadline_s")),
               work if estimate is None else float(us(estimate)), row.get("gpu_type"),
               row.get("min_gpus") or gpus, row.get("max_gpus") or gpus)


@dataclass
class Segment:
    """An uninterrupted stretch of running on fixed GPUs: places are (node, count)."""

    job: int
    start: int
    productive: int
    gpus: int
    gpu_type: int
    level: int
    rate: float
    work: float
    finish: int
    places: list[tuple[int, int]]
    end: int | None = None
    reason: str = "open"

    def done(self, t: int) -> float:
        """Work done by an instant."""
        return self.rate * max(0, t - self.productive)

    def left(self, t: int) -> float:
        """Work left at an instant."""
        return max(0.0, self.work - self.done(t))


@dataclass
class Progress:
    """What has become of a job so far; att and gatt count closed segments only."""

    status: int = FUTURE
    left: float = 0.0
    admitted: int | None = None
    first_start: int | None = None
    finish: int | None = None
    segment: Segment | None = None
    clock: int = NEVER
    boosted: bool = False
    bonus: int = 0
    launches: int = 0
    preemptions: int = 0
    evictions: int = 0
    att: int = 0
    gatt: int = 0
    overhead: int = 0
    lost: float = 0.0
    queue: int = 0
    entered: int = 0
    att_at_promotion: int = 0
    gatt_at_promotion: int = 0

    def wait(self, t: int) -> int:
        """Waiting time, 0 for a running job."""
        return max(0, t - self.clock) if self.status == WAITING else 0

    def attained(self, t: int) -> int:
        """Holding time, the running segment included."""
        return self.att + (t - self.segment.start if self.segment else 0)

    def gpu_attained(self, t: int) -> int:
        """GPU time, the running segment included."""
        return self.gatt + ((t - self.segment.start) * self.segment.gpus if self.segment else 0)

    def left_at(self, t: int) -> float:
        """Work left, true figure."""
        return self.segment.left(t) if self.segment else self.left
