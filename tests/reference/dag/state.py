"""What changes in a run; `copy` gives an independent state."""

import copy
from dataclasses import dataclass, field


@dataclass
class Task:
    """A task of a job that has arrived."""

    left: int                       # unfinished predecessors
    hop: float = float("inf")       # edges from the nearest task that is or was ready
    ready: int | None = None
    rseq: int | None = None
    worker: int | None = None       # -1: virtual
    assigned: int | None = None
    fetch: int = 0                  # its fetch estimate when it was assigned
    waits: frozenset = frozenset()  # transfers that its data needs
    data_ready: int | None = None
    start: int | None = None
    finish: int | None = None       # known with the start
    done: bool = False


@dataclass
class Transfer:
    """Bytes on their way; `end` is None as long as it is not known."""

    number: int
    kind: str
    tile: tuple
    source: int
    target: int
    size: int
    waits: frozenset                # transfers that must end before it opens
    start: int | None = None
    end: int | None = None
    joins: int | None = None        # when its latency is over
    left: float = 0.0
    rate: float = 0.0
    prediction: int | None = None


@dataclass
class State:
    """Tasks are (job, task), tiles (job, name); a copy names the transfer that brings it."""

    now: int = 0
    arrived: int = 0
    asking: int | None = None       # the worker whose turn it is in a round
    waited: set = field(default_factory=set)
    tasks: dict = field(default_factory=dict)
    unfinished: dict = field(default_factory=dict)      # job -> tasks
    finished: dict = field(default_factory=dict)        # job -> time
    ready: list = field(default_factory=list)           # by rseq
    held: list = field(default_factory=list)            # worker -> tasks
    copies: dict = field(default_factory=dict)          # tile -> {node: transfer or None}
    resident: list = field(default_factory=list)        # node -> {tile: touch number}
    used: list = field(default_factory=list)
    readers: dict = field(default_factory=dict)         # (tile, node) -> transfers out of it
    release: list = field(default_factory=list)         # node -> transfers to wait for
    in_free: list = field(default_factory=list)
    out_free: list = field(default_factory=list)
    transfers: list = field(default_factory=list)
    flows_at: int = 0
    evictions: list = field(default_factory=list)
    memory: list = field(default_factory=list)
    choices: list = field(default_factory=list)
    touches: int = 0
    numbered: int = 0
    decisions: int = 0
    waits: int = 0
    queues: list = field(default_factory=list)          # of push policies
    dealt: int = 0

    @classmethod
    def empty(cls, system) -> "State":
        """Before the first event."""
        nodes, workers = len(system.machine.nodes), len(system.machine.workers)
        return cls(held=[[] for _ in range(workers)], queues=[[] for _ in range(workers)],
                   resident=[{} for _ in range(nodes)], used=[0] * nodes,
                   release=[set() for _ in range(nodes)], in_free=[0] * nodes,
                   out_free=[0] * nodes)

    def copy(self) -> "State":
        """A state that can go another way."""
        return State(**{name: _clone(value) for name, value in vars(self).items()})

    def has_come(self, number: int | None) -> bool:
        """Whether a transfer (None: no transfer was needed) has ended by now."""
        if number is None:
            return True
        end = self.transfers[number].end
        return end is not None and end <= self.now


def _clone(value):
    if isinstance(value, dict):
        return {key: _clone(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_clone(v) for v in value]
    return copy.copy(value)
