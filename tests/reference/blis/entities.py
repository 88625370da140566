"""What a run consists of: requests, devices, and the counters of a window."""

from collections import deque
from collections.abc import Sequence

UNFINISHED = "."


class Request:
    """One request and what became of it."""

    __slots__ = ("arrival", "deadline", "device", "family", "finish", "index", "missed", "need",
                 "qos", "slo", "start", "status", "variant")

    def __init__(self, index: int, row: Sequence, family: int):
        self.index, self.family = index, family
        self.arrival, _, self.slo, self.qos, self.need = row
        self.deadline = self.arrival + self.slo
        self.status, self.missed = UNFINISHED, False
        self.device = self.variant = self.start = self.finish = None


class Device:
    """One accelerator: what it should host, hosts, runs, and has queued."""

    __slots__ = ("aimd", "aimd_sizes", "batch", "batch_end", "batch_start", "busy_ms", "index",
                 "level", "load_end", "loaded", "pair", "queue", "running", "sent", "stamp",
                 "target", "timer", "type", "weight")

    def __init__(self, index: int, kind: int, level: int):
        self.index, self.type, self.level = index, kind, level
        self.target = self.loaded = self.running = self.pair = None
        self.load_end = self.timer = self.weight = None
        self.queue: deque[Request] = deque()
        self.batch: list[Request] = []
        self.batch_start = self.batch_end = self.busy_ms = 0.0
        self.aimd, self.aimd_sizes = 1.0, []
        self.sent = self.stamp = 0

    @property
    def ready(self) -> bool:
        """Whether the target is in memory, busy or idle."""
        return self.target is not None and self.loaded == self.target

    @property
    def outstanding(self) -> int:
        """Queued and running requests."""
        return len(self.queue) + len(self.batch)


class Window:
    """Counters between two window ends, per family, per level and per device."""

    def __init__(self, families: int, levels: int, devices: int):
        self.arrivals, self.met, self.late, self.dropped, self.queue = (
            [0] * families for _ in range(5))
        self.accuracy_met, self.accuracy_completed = [0.0] * families, [0.0] * families
        self.requests = [[0] * levels for _ in range(families)]
        self.missed = [[0] * levels for _ in range(families)]
        self.busy_ms = [0.0] * devices
        self.realloc = 0


class Plan:
    """Targets of all devices; levels (default the highest) and weights may be given."""

    def __init__(self, targets: Sequence[int | None], levels: Sequence[int] | None = None,
                 weights: Sequence[float] | None = None):
        self.targets, self.levels, self.weights = list(targets), levels, weights
