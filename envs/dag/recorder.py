"""What is kept of a run: records of tasks, jobs, transfers, evictions, memory and decisions."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from envs.core.replicas import Logs
from envs.dag.state import CHOSEN, EVICTED, MOVED, USED
from envs.dag.system import System

if TYPE_CHECKING:
    from envs.dag.replay import Trace

TASKS = np.dtype([
    ("job", "i4"), ("task", "i4"), ("worker", "i4"), ("ready", "i8"), ("assigned", "i8"),
    ("start", "i8"), ("finish", "i8"),
])
JOBS = np.dtype([("arrival", "i8"), ("finish", "i8")])
TRANSFERS = np.dtype([
    ("number", "i8"), ("job", "i4"), ("tile", "i4"), ("src", "i4"), ("dst", "i4"),
    ("start", "i8"), ("end", "i8"), ("kind", "i4"), ("bytes", "i8"),
])
EVICTIONS = np.dtype([("time", "i8"), ("node", "i4"), ("job", "i4"), ("tile", "i4"),
                      ("dirty", "i4")])
MEMORY = np.dtype([("time", "i8"), ("node", "i4"), ("used", "i8")])
CHOICES = np.dtype([("time", "i8"), ("worker", "i4"), ("job", "i4"), ("task", "i4")])


@dataclass
class Run:
    """What happened; times are ticks. Tasks and tiles are numbered within their job."""

    system: System
    trace: Trace
    seed: int
    policy: str
    tasks: np.ndarray           # (n,) TASKS by (job, task); worker -1 for virtual ones
    jobs: np.ndarray            # (J,) JOBS
    transfers: np.ndarray       # TRANSFERS in order of request
    evictions: np.ndarray       # EVICTIONS in order
    memory: np.ndarray          # MEMORY after every change
    choices: np.ndarray         # CHOICES: decisions in order; -1, -1 is WAIT
    moved: np.ndarray           # (3,) fetches, stages, write-backs
    bytes_in: np.ndarray        # (nodes,) i8
    bytes_out: np.ndarray
    clean: int                  # evictions
    dirty: int
    decisions: int
    waits: int
    area: int                   # integral of the number of jobs in the system
    makespan: int


class Recorder(Logs):
    """Turns logs into runs."""

    def run_of(self, e: int, trace: Trace, seed: int, policy: str,
               system: System | None = None) -> Run:
        """The run of replica `e` so far."""
        log = self.gathered(e)
        row = self.engine.block[e]
        run, jobs = row["run"], row["job"][:int(row["run"]["jobs"])]
        return Run(
            system or self.engine.system, trace, seed, policy, _tasks(row), _jobs(jobs),
            _transfers(log, jobs), _evictions(log, jobs), _memory(log), _choices(log, row),
            run["moved"].copy(), row["node"]["bytes_in"].copy(), row["node"]["bytes_out"].copy(),
            int(run["clean"]), int(run["dirty"]), int(run["decisions"]), int(run["waits"]),
            int(run["area"]), int(run["last_finish"]))


def _tasks(row: np.void) -> np.ndarray:
    task = row["task"][:int(row["run"]["tasks"])]
    out = np.zeros(len(task), TASKS)
    for name in ("job", "worker", "ready", "assigned", "start", "finish"):
        out[name] = task[name]
    out["task"] = np.arange(len(task)) - row["job"]["first_task"][task["job"]]
    return out


def _jobs(jobs: np.ndarray) -> np.ndarray:
    out = np.zeros(len(jobs), JOBS)
    out["arrival"], out["finish"] = jobs["arrival"], jobs["finish"]
    return out


def _place_tiles(out: np.ndarray, item: np.ndarray, jobs: np.ndarray) -> None:
    """Job, and number within it, of tiles numbered through."""
    out["job"] = np.searchsorted(jobs["first_tile"], item, side="right") - 1
    out["tile"] = item - jobs["first_tile"][out["job"]]


def _transfers(log: np.ndarray, jobs: np.ndarray) -> np.ndarray:
    rows = log[log["what"] == MOVED]
    rows = rows[np.argsort(rows["number"], kind="stable")]
    out = np.zeros(len(rows), TRANSFERS)
    _place_tiles(out, rows["subject"], jobs)
    for name, column in (("number", "number"), ("src", "src"), ("dst", "dst"), ("start", "time"),
                         ("end", "end"), ("kind", "kind"), ("bytes", "length")):
        out[name] = rows[column]
    return out


def _evictions(log: np.ndarray, jobs: np.ndarray) -> np.ndarray:
    rows = log[log["what"] == EVICTED]
    out = np.zeros(len(rows), EVICTIONS)
    _place_tiles(out, rows["subject"], jobs)
    out["time"], out["node"], out["dirty"] = rows["time"], rows["src"], rows["kind"]
    return out


def _memory(log: np.ndarray) -> np.ndarray:
    rows = log[log["what"] == USED]
    out = np.zeros(len(rows), MEMORY)
    out["time"], out["node"], out["used"] = rows["time"], rows["src"], rows["length"]
    return out


def _choices(log: np.ndarray, row: np.void) -> np.ndarray:
    rows = log[log["what"] == CHOSEN]
    out = np.zeros(len(rows), CHOICES)
    task, item = row["task"], rows["subject"]
    out["time"], out["worker"] = rows["time"], rows["src"]
    out["job"] = np.where(item < 0, -1, task["job"][item])
    out["task"] = np.where(item < 0, -1, item - row["job"]["first_task"][task["job"][item]])
    return out
