"""What a replica remembers. Times are whole ticks; tasks and tiles of an episode are numbered
through, job by job, so the order of their numbers is the order of (job, task).

The dtypes do not depend on the scenario, so the rules are compiled once for all sizes. All records
of a replica lie in one block of memory: copying a row of the block is a snapshot.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.core.jit import records

NONE = -1
NEVER = 2**62
UNSEEN = 2**30                  # hops to a task that no ready task leads to yet

BLOCKED, READY, HELD, DONE = range(4)                       # status of a task
PLAYING, ASKS, OVER, LATE, LOG_FULL = range(5)              # why the kernel returned
WAIT = -1                                                   # answers that are no task
NOTHING = -2
FETCH, STAGE, WRITEBACK = range(3)                          # kinds of transfers
MOVED, EVICTED, USED, CHOSEN = range(4)                     # kinds of log entries
PENDING, LATENT, FLOWING = range(3)                         # phases of a flow

REPLICA = np.dtype([
    ("now", "i8"),
    ("seed", "u8"),
    ("until", "i8"),               # no decision lies after it
    ("tasks", "i8"),
    ("tiles", "i8"),
    ("jobs", "i8"),
    ("arrived", "i8"),             # jobs before it have arrived
    ("present", "i8"),             # jobs in the system
    ("area", "i8"),                # integral of `present` over time
    ("held", "i8"),                # assigned, unfinished tasks
    ("shown", "i8"),               # visible tasks that are blocked
    ("seen", "i8"),                # non-virtual tasks seen so far, and finished
    ("finished", "i8"),
    ("fresh", "i8"),               # tasks that became ready in this batch
    ("order_head", "i8"),          # part of the list ORDER that is in use
    ("order_tail", "i8"),
    ("rank_head", "i8"),
    ("rank_tail", "i8"),
    ("rseq", "i8"),
    ("requests", "i8"),
    ("releases", "i8"),            # fair: number of flows that had to be waited for
    ("flows", "i8"),               # fair: flows under way
    ("rated_at", "i8"),            # fair: time of the last change of rates
    ("decisions", "i8"),
    ("waits", "i8"),
    ("moved", "i8", (3,)),         # transfers by kind
    ("clean", "i8"),
    ("dirty", "i8"),
    ("pushed", "i8"),              # tasks that `ws` dealt in turn
    ("asked_at", "i8"),            # time of the decision before, 0 before the first
    ("scale", "i8"),               # ticks of the observation's logarithm; 0: not fixed yet
    ("last_finish", "i8"),
    ("logged", "i8"),
    ("illegal", "i8"),
    ("answer", "i4"),              # to the pending question
    ("asking", "i4"),              # worker
    ("cursor", "i4"),              # next worker of the polling round; NONE between rounds
    ("policy", "i4"),
    ("foresight", "i4"),           # estimates use actual durations, priorities whole paths
    ("code", "i4"),
], align=True)

JOB = np.dtype([
    ("arrival", "i8"),
    ("finish", "i8"),
    ("work", "i8"),                # least expected durations of its unfinished tasks
    ("open_work", "i8"),           # of its visible tasks that are not assigned
    ("first_task", "i4"),
    ("first_tile", "i4"),
    ("graph", "i4"),
    ("left", "i4"),                # unfinished tasks, virtual ones too
    ("held", "i4"),
], align=True)

TASK = np.dtype([
    ("ready", "i8"),               # the times at which it became ready, was assigned ...
    ("assigned", "i8"),
    ("data_ready", "i8"),          # NEVER: not known yet
    ("start", "i8"),
    ("finish", "i8"),
    ("rseq", "i8"),
    ("tail", "i8"),                # B: greatest sum of least durations from here
    ("whole", "i8"),               # the same over whole paths with actual durations
    ("fetch", "i8"),               # estimate at its assignment
    ("stamp", "i8"),               # fair: releases that it waits for
    ("info", "i4"),                # row of Work.task
    ("job", "i4"),
    ("status", "i4"),
    ("blockers", "i4"),            # unfinished predecessors
    ("worker", "i4"),
    ("hop", "i4"),
    ("rank", "i4"),                # place by (-B, number) among all tasks of the episode
    ("foreseen", "i4"),            # the same by whole paths with actual durations
    ("queue", "i4"),               # worker whose queue lists it
    ("after", "i4"),               # neighbours in that queue, or next held task of the worker
    ("before", "i4"),
], align=True)

COPY = np.dtype([                  # a tile on a node
    ("valid_at", "i8"),            # NEVER: absent, or in `fair` not known yet
    ("reading", "i8"),             # fifo: latest end of a transfer that reads it
    ("number", "i8"),              # fair: request that brings it
    ("length", "i8"),              # bytes, kept in the host's record
    ("present", "i4"),             # coming or valid
    ("resident", "i4"),
    ("older", "i4"),               # neighbours in order of touch
    ("newer", "i4"),
    ("pins", "i4"),
], align=True)

WORKER = np.dtype([
    ("finish", "i8"),              # of the running task; NEVER
    ("last_finish", "i8"),
    ("free", "i8"),                # estimate
    ("busy", "i8"),                # sums over its finished tasks
    ("stalled", "i8"),
    ("queued", "i8"),              # expected durations in its queue
    ("held", "i4"),
    ("first", "i4"),               # held tasks in order of assignment
    ("last", "i4"),
    ("waited", "i4"),              # passed over in this round
    ("front", "i4"),               # its queue
    ("back", "i4"),
    ("length", "i4"),
    ("next", "i4"),                # static: part of the list PLAN still to run
    ("end", "i4"),
], align=True)

NODE = np.dtype([
    ("used", "i8"),
    ("pinned", "i8"),              # bytes of pinned tiles
    ("release", "i8"),             # fifo
    ("in_free", "i8"),             # fifo: the channels are free from
    ("out_free", "i8"),
    ("bytes_in", "i8"),
    ("bytes_out", "i8"),
    ("oldest", "i4"),              # residents in order of touch
    ("newest", "i4"),
    ("open", "i4", (2,)),          # fair: flows without a rate through in and out
    ("room", "f8", (2,)),          # fair: capacity left of in and out
], align=True)

FLOW = np.dtype([
    ("number", "i8"),
    ("left", "f8"),                # bytes
    ("rate", "f8"),                # bytes per tick
    ("start", "i8"),
    ("next", "i8"),                # end of latency, or predicted end
    ("flag", "i8"),                # number of the release that it is part of; 0: none, -1: never
    ("stamp", "i8"),               # releases that it waits for
    ("length", "i8"),              # bytes
    ("tile", "i4"),
    ("src", "i4"),
    ("dst", "i4"),
    ("kind", "i4"),
    ("phase", "i4"),
    ("rated", "i4"),
    ("source", "i8"),              # number of the request that brings its source copy; 0: none
], align=True)

GROUP = np.dtype([("ready", "i4"), ("hopeless", "i4")], align=True)     # tasks of equal durations

ENTRY = np.dtype([
    ("time", "i8"), ("end", "i8"), ("number", "i8"), ("length", "i8"), ("what", "i4"),
    ("subject", "i4"), ("src", "i4"), ("dst", "i4"), ("kind", "i4"),
], align=True)

ORDER, RANK, PLAN, FRESH, SCRATCH = range(5)    # lists of tasks; ready ones by rseq, by rank ...


class State(NamedTuple):
    """Views into the block, then the log; first axis: replicas."""

    run: np.ndarray        # (E,) REPLICA
    job: np.ndarray        # (E, J) JOB
    task: np.ndarray       # (E, n) TASK
    actual: np.ndarray     # (E, n, Y) actual durations by type; (E, 1, 1) without noise
    copy: np.ndarray       # (E, m, nodes) COPY; (E, 1, 1) without tiles
    worker: np.ndarray     # (E, P) WORKER
    node: np.ndarray       # (E, nodes) NODE
    lists: np.ndarray      # (E, 5, n) i4
    flow: np.ndarray       # (E, F) FLOW of `fair`
    group: np.ndarray      # (E, C) GROUP
    log: np.ndarray        # (E, L) ENTRY


class Replica(NamedTuple):
    """One row of every array of a `State`, `run` as an array of one: what rules take."""

    run: np.ndarray
    job: np.ndarray
    task: np.ndarray
    actual: np.ndarray
    copy: np.ndarray
    worker: np.ndarray
    node: np.ndarray
    lists: np.ndarray
    flow: np.ndarray
    group: np.ndarray
    log: np.ndarray


class Size(NamedTuple):
    """What decides the size of a block."""

    jobs: int
    tasks: int
    tiles: int              # 0 unless tiles are simulated
    workers: int
    nodes: int
    types: int              # 0 without noise
    flows: int
    groups: int


def make_block(envs: int, size: Size) -> np.ndarray:
    """One zeroed record per replica; `block.copy()` snapshots, `block[:] = copy` restores."""
    noisy = (size.tasks, size.types) if size.types else (1, 1)
    copies = (size.tiles, size.nodes) if size.tiles else (1, 1)
    return np.zeros(envs, np.dtype([
        ("run", REPLICA), ("job", JOB, (size.jobs,)), ("task", TASK, (size.tasks,)),
        ("actual", "i8", noisy), ("copy", COPY, copies), ("worker", WORKER, (size.workers,)),
        ("node", NODE, (size.nodes,)), ("lists", "i4", (5, size.tasks)),
        ("flow", FLOW, (max(1, size.flows),)), ("group", GROUP, (max(1, size.groups),)),
    ], align=True))


def make_log(envs: int, length: int) -> np.ndarray:
    """An empty log."""
    return np.zeros((envs, max(1, length)), ENTRY)


def views(block: np.ndarray, log: np.ndarray) -> State:
    """The arrays that drivers work on."""
    return State(*(records(block[name]) for name in State._fields[:-1]), records(log))
