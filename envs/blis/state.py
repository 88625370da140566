"""What a replica remembers, and the read-only tables that the rules read.

The dtypes do not depend on the scenario, so the rules are compiled once for all sizes. All records
of a replica lie in one block of memory: copying a row of the block is a snapshot. Times are ms.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.core.jit import records

NONE = -1
INF = np.inf
EPS = 1e-6                                     # ms; a time is past a limit beyond this

IDLE, RUNNING, LOADING, TIMER = 3, 0, 1, 2     # what a device's clock means; order breaks ties
OPEN, TAKEN, MISSED = 1, 2, 4                  # marks of an outstanding request
MET, LATE, NO_PREDICTOR, REJECTED, QOS, EXPIRED, HOPELESS, QUEUED, STARTED = range(9)
STATUS = "MLNRQEHqr"                           # a letter per code above
# Why a kernel returned, or what is to be done next.
WINDOW_END, RING_FULL, PAUSED, OUT_OF_DRAWS, LOG_FULL, DUE, OVER, READY = range(8)
PLANNED, WEIGHTED = 1, 2                       # a pending plan waits to be committed

REPLICA = np.dtype([
    ("now", "f8"),
    ("window_start", "f8"),
    ("offset", "f8"),              # subtracted from the arrivals of the trace
    ("windows", "i8"),             # windows of the run; negative: until nothing can happen
    ("seed", "u8"),
    ("draws", "i8"),               # draws of stream 0 so far
    ("window", "i8"),              # index of the window in progress
    ("first", "i8"),               # first request of the episode
    ("cursor", "i8"),              # next arrival
    ("last", "i8"),                # one past the last request of the episode
    ("oldest", "i8"),              # no older request is outstanding
    ("budget", "i8"),              # arrivals until a pause; negative: no pause
    ("reallocations", "i8"),
    ("loads", "i8"),
    ("qos_missed", "i8"),
    ("free", "i8"),                # devices without a target
    ("failed", "i8"),              # late and dropped requests
    ("window_reallocations", "i8"),
    ("illegal", "i8"),             # actions that were ignored
    ("out_of_draws", "i4"),        # routing.draws is exhausted
    ("code", "i4"),                # why the last call returned
    ("closed", "i4"),              # the window has ended, the next has not begun
    ("turn", "i4"),                # actions taken in this window
    ("planned", "i4"),             # the pending plan waits to be committed
    ("started", "i4"),             # the plan of time 0 is committed
], align=True)

DEVICE = np.dtype([
    ("kind", "i4"),                # accelerator type
    ("target", "i4"),              # variant that it should host
    ("loaded", "i4"),              # variant in memory
    ("level", "i4"),               # QoS level
    ("running", "i4"),             # variant of the running batch
    ("event", "i4"),               # what its clock means: RUNNING, LOADING, TIMER or IDLE
    ("family", "i4"),              # family of the target
    ("cap", "i4"),                 # B of the target, 0 without one
    ("pair", "i4"),                # row of the target in Work.pair
    ("sibling", "i4"),             # next device of the family, by index
    ("place", "i4"),               # AIMD: place on the ladder
    ("queued", "i8"),
    ("head", "i8"),                # first queued request
    ("tail", "i8"),
    ("batch", "i8"),               # requests of the running batch
    ("batch_head", "i8"),
    ("batch_start", "f8"),
    ("growth", "f8"),              # AIMD: size, not yet rounded down
    ("weight", "f8"),              # routing weight of the plan in force
    ("sent", "i8"),                # times chosen since the last commit
    ("busy", "f8"),                # time inside batches in this window, finished batches only
    ("plan", "i4"),                # pending plan: target, level, weight
    ("plan_level", "i4"),
    ("plan_weight", "f8"),
], align=True)

FAMILY = np.dtype([
    ("first", "i4"),               # first device with a target in the family
    ("usable", "i4"),              # of these: with B > 0
    ("ready", "i4"),               # of these: with the target in memory
    ("last_used", "i4"),           # round robin: device used last
    ("queued", "i8"),
    ("arrivals", "i8"),            # counts of the window
    ("met", "i8"),
    ("late", "i8"),
    ("dropped", "i8"),
    ("accuracy_met", "f8"),        # sums over the window
    ("accuracy_done", "f8"),
], align=True)

LEVEL = np.dtype([("requests", "i8"), ("missed", "i8")], align=True)
LINK = np.dtype([("next", "i8"), ("marks", "i8")], align=True)
OUTCOME = np.dtype([
    ("start", "f8"), ("finish", "f8"), ("host", "i4"), ("variant", "i4"), ("status", "i4"),
], align=True)
WINDOW = np.dtype([
    ("arrivals", "i8"), ("met", "i8"), ("late", "i8"), ("dropped", "i8"), ("queue", "i8"),
    ("missed", "i8"),              # of any level
    ("accuracy_met", "f8"), ("accuracy_completed", "f8"),
], align=True)


class State(NamedTuple):
    """Views into the block; first axis: replicas."""

    run: np.ndarray        # (E,) REPLICA
    device: np.ndarray     # (E, D) DEVICE
    clock: np.ndarray      # (E, D) time of the device's next event, inf if none
    family: np.ndarray     # (E, K) FAMILY
    level: np.ndarray      # (E, K, Q) LEVEL
    history: np.ndarray    # (E, K, span) arrivals of the last windows, by window modulo span
    ring: np.ndarray       # (E, R) LINK of outstanding requests, by request modulo R
    outcome: np.ndarray    # (E, N) OUTCOME, or (E, 0) when nothing is recorded


class Replica(NamedTuple):
    """One row of every array of a `State`, `run` as an array of one: what rules take."""

    run: np.ndarray
    device: np.ndarray
    clock: np.ndarray
    family: np.ndarray
    level: np.ndarray
    history: np.ndarray
    ring: np.ndarray
    outcome: np.ndarray


def make_block(envs: int, devices: int, families: int, levels: int, span: int) -> np.ndarray:
    """One zeroed record per replica; `block.copy()` snapshots, `block[:] = copy` restores."""
    replica = np.dtype([
        ("run", REPLICA), ("device", DEVICE, (devices,)), ("clock", "f8", (devices,)),
        ("family", FAMILY, (families,)), ("level", LEVEL, (families, levels)),
        ("history", "i8", (families, span)),
    ], align=True)
    return np.zeros(envs, replica)


def views(block: np.ndarray, ring: np.ndarray, outcome: np.ndarray) -> State:
    """The arrays that drivers work on."""
    parts = [records(block[name]) for name in State._fields[:6]]
    return State(*parts, records(ring), records(outcome))
