"""What a replica remembers. Times are whole microseconds, work is float microseconds.

The dtypes do not depend on the scenario, so the rules are compiled once for all sizes. All records
of a replica lie in one block of memory: copying a row of the block is a snapshot.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.core.jit import records

NONE = -1
NEVER = 2**62
MILLION = 1_000_000             # shares are kept in millionths

FUTURE, HELD, WAITING, RUNNING, FINISHED = range(5)
REASONS = ("finish", "preempt", "migrate", "rescale", "drain", "fail", "open")
FINISH, PREEMPT, MIGRATE, RESCALE, DRAIN, FAIL, OPEN = range(7)
UP, DRAINED, FAILED = range(3)              # what a node event does
FREE, PLAN, SHADOW = range(3)               # layers of free counts: real, planned, reservation
# Where in an instant a replica stands.
BEGIN, ADMIT, DECIDE, SETTLE, CLOSE = range(5)
# Why the kernel returned.
READY, OVER, LOG_FULL, SWITCH, ALLOCATE, CHOOSE = range(6)

REPLICA = np.dtype([
    ("now", "i8"),
    ("last_instant", "i8"),
    ("seed", "u8"),
    ("first", "i8"),               # first job of the episode in the trace
    ("draw_from", "i8"),           # number of job 0 in draws
    ("jobs", "i8"),                # jobs of the episode
    ("arrived", "i8"),             # next arrival
    ("oldest", "i8"),              # all jobs before it have finished
    ("present", "i8"),
    ("finished", "i8"),
    ("held", "i8"),                # lengths of the lists
    ("waiting", "i8"),
    ("running", "i8"),
    ("launches", "i8"),            # of the decision in progress
    ("victims", "i8"),
    ("stops", "i8"),
    ("pending", "i8"),             # no stopped job before this place of `running` is unplanned
    ("event", "i8"),               # next node event
    ("until", "i8"),               # no instant lies after it
    ("track_first", "i8"),
    ("track_last", "i8"),
    ("tracked_left", "i8"),        # tracked jobs that have not finished
    ("next_switch", "i8"),         # look-ahead, or the next decision of `policy`; NEVER: off
    ("dealt_at", "i8"),            # instant of the last shares; negative: none yet
    ("dealt_for", "i8"),           # number of active jobs at the last shares
    ("admitted_gpus", "i8"),       # requested GPUs of active jobs
    ("instants", "i8"),
    ("rounds", "i8"),              # boundaries passed with a job present
    ("spare_piece", "i8"),         # head of the list of unused pieces
    ("found", "i8"),               # pieces of the place found last
    ("found_nodes", "i8"),
    ("last_finish", "i8"),
    ("decided_at", "i8"),          # instant of the last decision of an environment
    ("cursor", "i8"),              # next waiting job of the walk in progress
    ("chosen", "i8"),              # jobs of `order` that a planner gave GPUs
    ("offset", "i8"),              # time of the trace at which the episode begins
    ("counted", "i8"),             # tracked jobs present
    ("weight", "f8"),              # sum of 1 / ideal over them
    ("illegal", "i8"),
    ("presence", "f8"),            # microseconds that tracked jobs were present so far
    ("slowness", "f8"),            # the same, each over its ideal time
    ("spent", "f8"),               # sum of completion times of finished tracked jobs
    ("missed", "i8"),              # deadlines passed unfinished
    ("logged", "i8"),              # length of the log
    ("rules", "i4"),               # row of Work.rules in force
    ("phase", "i4"),
    ("code", "i4"),
    ("stalled", "i4"),
    ("calm", "i4"),                # the same decision would change nothing
    ("switched", "i4"),            # the rules have changed since the last upkeep
], align=True)

JOB = np.dtype([
    ("arrival", "i8"),
    ("deadline", "i8"),
    ("priority", "i8"),
    ("work", "f8"),                # W
    ("estimate", "f8"),
    ("ideal", "f8"),               # shortest possible time from arrival to finish
    ("left", "f8"),                # work left when the segment began, or now
    ("rate", "f8"),
    ("lost", "f8"),
    ("z", "i8"),                   # the waiting clock starts here
    ("entry", "i8"),               # tiresias: entry into the present queue
    ("att", "i8"),                 # attained service of closed segments: wall time, GPU time
    ("gatt", "i8"),
    ("base_att", "i8"),            # the same at the last promotion
    ("base_gatt", "i8"),
    ("start", "i8"),               # of the segment
    ("ready", "i8"),               # first productive instant
    ("end", "i8"),                 # projected finish
    ("expected", "i8"),            # expected end of a reservation
    ("admitted", "i8"),
    ("first_start", "i8"),
    ("finish", "i8"),
    ("overhead", "i8"),
    ("k1", "i8"),
    ("k2", "i8"),
    ("gain", "i8"),                # optimus: of the next size
    ("bonus", "i8"),
    ("gpus", "i4"),
    ("cls", "i4"),
    ("tenant", "i4"),
    ("only", "i4"),                # the only type it may use, -1 any
    ("least", "i4"),               # min_gpus, max_gpus
    ("most", "i4"),
    ("status", "i4"),
    ("boosted", "i4"),
    ("queue", "i4"),
    ("gpu_type", "i4"),            # held
    ("held", "i4"),
    ("level", "i4"),
    ("nodes", "i4"),
    ("piece", "i4"),               # first of its pieces
    ("plan_type", "i4"),           # planned by the decision in progress
    ("plan_gpus", "i4"),
    ("plan_piece", "i4"),
    ("plan_nodes", "i4"),
    ("stopped", "i4"),             # the decision in progress takes its GPUs
    ("launches", "i4"),
    ("preemptions", "i4"),
    ("evictions", "i4"),
    ("largest", "i4"),             # most GPUs it has held
    ("dealt", "i4"),               # it was active at the last shares
    ("late", "i4"),                # its passed deadline is counted
], align=True)

NODE = np.dtype([                  # one per layer of free counts; the layer FREE has the rest too
    ("free", "i4"),
    ("kind", "i4"),                # GPU type
    ("gpus", "i4"),
    ("rack", "i4"),
    ("up", "i4"),                  # whether it is up: now, at the last shares
    ("dealt", "i4"),
    ("taken", "i4"),               # scratch of a placement
    ("rack_free", "i4"),           # the same, by rack number
], align=True)

KIND = np.dtype([("free", "i4"), ("largest", "i4")], align=True)    # per GPU type and layer
PIECE = np.dtype([("node", "i4"), ("gpus", "i4"), ("next", "i4")], align=True)
PAIR = np.dtype([("share", "i8"), ("deficit", "i8"), ("served", "i8")], align=True)
TENANT = np.dtype([
    ("gpus", "i8"),                # requested by its active jobs
    ("quota", "i8"),
    ("barred", "i8"),              # last instant in which a job of it was refused
], align=True)
ENTRY = np.dtype([                 # a node of a closed segment, or a node that went up or down
    ("start", "i8"), ("end", "i8"), ("job", "i4"), ("first", "i4"), ("gpu_type", "i4"),
    ("level", "i4"), ("reason", "i4"), ("node", "i4"), ("gpus", "i4"), ("up", "i4"),
], align=True)
WAIT, RUN, HOLD, LAUNCH, VICTIM, RANKED, PAIRS = range(7)           # lists of job numbers


class State(NamedTuple):
    """Views into the block, then the log; first axis: replicas."""

    run: np.ndarray        # (E,) REPLICA
    job: np.ndarray        # (E, n) JOB by number
    node: np.ndarray       # (E, 3, N) NODE by layer
    kind: np.ndarray       # (E, 3, J) KIND by layer
    lists: np.ndarray      # (E, 7, .) waiting jobs in order, running, held ...; lengths in `run`
    piece: np.ndarray      # (E, 2 G) PIECE
    pair: np.ndarray       # (E, n, J) PAIR of share policies
    tenant: np.ndarray     # (E, T) TENANT
    log: np.ndarray        # (E, L) ENTRY, or (E, 1) when nothing is recorded


class Replica(NamedTuple):
    """One row of every array of a `State`, `run` as an array of one: what rules take."""

    run: np.ndarray
    job: np.ndarray
    node: np.ndarray
    kind: np.ndarray
    lists: np.ndarray
    piece: np.ndarray
    pair: np.ndarray
    tenant: np.ndarray
    log: np.ndarray


class Size(NamedTuple):
    """What decides the size of a block."""

    jobs: int
    nodes: int
    types: int
    gpus: int
    tenants: int
    shares: bool


def make_block(envs: int, size: Size) -> np.ndarray:
    """One zeroed record per replica; `block.copy()` snapshots, `block[:] = copy` restores."""
    n, g = max(1, size.jobs), size.gpus
    pairs = (n, size.types) if size.shares else (1, 1)
    return np.zeros(envs, np.dtype([
        ("run", REPLICA), ("job", JOB, (n,)), ("node", NODE, (3, size.nodes)),
        ("kind", KIND, (3, size.types)), ("lists", "i4", (7, max(n, 2 * g, pairs[0] * pairs[1]))),
        ("piece", PIECE, (2 * g,)), ("pair", PAIR, pairs), ("tenant", TENANT, (size.tenants,)),
    ], align=True))


def make_log(envs: int, length: int) -> np.ndarray:
    """An empty log."""
    return np.zeros((envs, max(1, length)), ENTRY)


def views(block: np.ndarray, log: np.ndarray) -> State:
    """The arrays that drivers work on."""
    return State(*(records(block[name]) for name in State._fields[:-1]), records(log))
