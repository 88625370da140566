"""What is kept of a run: a record per job and per segment, read from the memory of a batch."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from envs.cluster.engine import Engine
from envs.cluster.state import ENTRY, FINISHED, FREE, HELD, NONE, OPEN, RUN, WAITING
from envs.cluster.system import System
from envs.core.replicas import Logs

JOBS = np.dtype([
    ("job", "i8"), ("admitted_us", "i8"), ("first_start_us", "i8"), ("finish_us", "i8"),
    ("preemptions", "i4"), ("evictions", "i4"), ("wall_us", "i8"), ("gpu_us", "i8"),
    ("overhead_us", "i8"), ("lost_us", "f8"), ("status", "i4"),
])
SEGMENT = np.dtype([
    ("job", "i8"), ("start_us", "i8"), ("end_us", "i8"), ("gpu_type", "i4"), ("level", "i4"),
    ("reason", "i4"), ("count", "i4"), ("first", "i8"),
])
SLICE = np.dtype([("node", "i4"), ("gpus", "i4")])
TURN = np.dtype([("time_us", "i8"), ("node", "i4"), ("up", "i4")])
COLUMNS = {"admitted_us": "admitted", "first_start_us": "first_start", "finish_us": "finish",
           "preemptions": "preemptions", "evictions": "evictions", "wall_us": "att",
           "gpu_us": "gatt", "overhead_us": "overhead", "lost_us": "lost", "status": "status"}


@dataclass
class Run:
    """What happened: one record per job and per segment; times are microseconds."""

    system: System
    seed: int
    jobs: np.ndarray                # (n,) JOBS; -1 where it never happened
    segments: np.ndarray            # (s,) SEGMENT by (start, job); end -1 if still open
    pieces: np.ndarray              # (p,) SLICE: nodes of the segments, ascending
    node_log: np.ndarray            # (v,) TURN: nodes that went up or down, as they acted
    choices: list[tuple[int, int]] = field(default_factory=list)    # look-ahead: time, candidate
    solves: list[dict[str, Any]] = field(default_factory=list)
    end_us: int = 0
    instants: int = 0
    rounds: int = 0
    illegal: int = 0                # actions of a policy that could not be carried out
    stalled: str | None = None      # why nothing could happen any more


class Recorder(Logs):
    """Turns logs into runs."""

    engine: Engine

    def run_of(self, e: int, seed: int, system: System | None = None, **further: Any) -> Run:
        """The run of replica `e` so far; `system` is bound to the jobs of its episode."""
        segments, pieces, turns = unpacked(self.gathered(e), self.engine, e)
        run = self.engine.block["run"][e]
        return Run(system or self.engine.system, seed, jobs_of(self.engine, e), segments, pieces,
                   turns, end_us=int(run["last_instant"]), instants=int(run["instants"]),
                   rounds=int(run["rounds"]), illegal=int(run["illegal"]),
                   stalled=_stalled(self.engine, e), **further)


def jobs_of(engine: Engine, e: int) -> np.ndarray:
    """One record per job of the run of replica `e`."""
    run = engine.block["run"][e]
    job = engine.block["job"][e, :int(run["jobs"])]
    table = np.zeros(len(job), JOBS)
    table["job"] = np.arange(len(job))
    for name, column in COLUMNS.items():
        table[name] = job[column]
    return table


def unpacked(log: np.ndarray, engine: Engine, e: int) -> tuple[np.ndarray, ...]:
    """Segments by (start, job), their nodes, and turns of nodes; open segments included."""
    turned, held = log[log["job"] == NONE], log[log["job"] != NONE]
    held = np.concatenate([held, _still_open(engine, e)])
    pieces, turns = np.zeros(len(held), SLICE), np.zeros(len(turned), TURN)
    pieces["node"], pieces["gpus"] = held["node"], held["gpus"]
    turns["time_us"], turns["node"], turns["up"] = turned["start"], turned["node"], turned["up"]
    first = np.flatnonzero(held["first"])
    segments, head = np.zeros(len(first), SEGMENT), held[first]
    for name, column in (("job", "job"), ("start_us", "start"), ("end_us", "end"),
                         ("gpu_type", "gpu_type"), ("level", "level"), ("reason", "reason")):
        segments[name] = head[column]
    segments["first"], segments["count"] = first, np.diff(first, append=len(held))
    return segments[np.lexsort((segments["job"], segments["start_us"]))], pieces, turns


def _still_open(engine: Engine, e: int) -> np.ndarray:
    """Entries of the jobs that run."""
    block, rows = engine.block[e], []
    for i in block["lists"][RUN, :int(block["run"]["running"])]:
        job = block["job"][i]
        piece = head = int(job["piece"])
        while piece != NONE:
            place = block["piece"][piece]
            rows.append((job["start"], NONE, i, piece == head, job["gpu_type"], job["level"], OPEN,
                         place["node"], place["gpus"], 0))
            piece = int(place["next"])
    return np.array(rows, ENTRY)


def _stalled(engine: Engine, e: int) -> str | None:
    """Why a stalled run could not go on."""
    block, system = engine.block[e], engine.system
    run = block["run"]
    if not run["stalled"]:
        return None
    job = block["job"][:int(run["jobs"])]
    blocked = int(np.flatnonzero((job["status"] == HELD) | (job["status"] == WAITING))[0])
    up = int(system.node_gpus[block["node"][FREE]["up"].astype(bool)].sum())
    unfinished = int((job["status"] != FINISHED).sum())
    return (f"stalled with {unfinished} unfinished jobs: job {blocked} needs "
            f"{int(job[blocked]['gpus'])} GPUs, {up} GPUs are up")
