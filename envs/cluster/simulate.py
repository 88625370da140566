"""Whole runs: replay a trace under the options of a scenario and keep every record.

    run = simulate(load_scenario("philly-32"), trace)
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from envs.cluster.decision_view import view_of
from envs.cluster.engine import Engine
from envs.cluster.lookahead import Lookahead
from envs.cluster.planning import make_elastic, make_share
from envs.cluster.replay import Trace
from envs.cluster.rules import hosts
from envs.cluster.scenario import Scenario
from envs.cluster.state import (
    ALLOCATE,
    ENTRY,
    FINISHED,
    FREE,
    LOG_FULL,
    MILLION,
    NEVER,
    NONE,
    OPEN,
    OVER,
    RUN,
    SWITCH,
)
from envs.cluster.system import System, bind
from envs.cluster.units import us
from envs.cluster.work import make_work

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
    stalled: str | None = None      # why nothing could happen any more


def simulate(scenario: Scenario, trace: Trace, *, seed: int | None = None,
             system: System | None = None, user: int = 0) -> Run:
    """One run; `seed` defaults to option `seed`. Raises `TraceError` or `ScenarioError`.

    `user` is the address of a compiled order policy (policy.py).
    """
    seed = scenario.options.seed if seed is None else seed
    return simulate_batch(scenario, trace, [seed], system=system, user=user)[0]


def simulate_batch(scenario: Scenario, trace: Trace, seeds: Sequence[int], *, threads: int = 1,
                   system: System | None = None, user: int = 0,
                   planners: Sequence[Any] | None = None) -> list[Run]:
    """One run per seed of the same trace, replayed together.

    `planners` replace the solvers of `share` or `elastic`: one object per seed.
    """
    system = bind(scenario, trace) if system is None else system
    options = system.scenario.options
    candidates = () if options.lookahead is None else options.lookahead.candidates
    work = make_work(system, recorded=True, user=user, candidates=candidates)
    engine = Engine(system, work, len(seeds), threads=threads)
    replay = _Replay(engine, list(seeds), planners)
    return replay.run()


class _Replay:
    """Kernels and host in turn, until every replica is over."""

    def __init__(self, engine: Engine, seeds: list[int], planners: Sequence[Any] | None):
        self.engine, self.seeds = engine, seeds
        system = engine.system
        options, envs = system.scenario.options, engine.envs
        make = make_share if options.share is not None else make_elastic
        solving = options.share is not None or (options.elastic is not None
                                                and options.elastic.policy != "optimus")
        self.planners = list(planners or ([make(system) for _ in seeds] if solving else ()))
        self.lookahead = None if options.lookahead is None else Lookahead(engine)
        self.choices: list[list[tuple[int, int]]] = [[] for _ in range(envs)]
        self.parts: list[list[np.ndarray]] = [[] for _ in range(envs)]

    def run(self) -> list[Run]:
        self._begin()
        while True:
            codes = self.engine.run().copy()
            for e in np.flatnonzero(codes == LOG_FULL):
                self._drain(e)
            for e in np.flatnonzero(codes == SWITCH):
                self.choices[e].append(self.lookahead.switch(e))
            for e in np.flatnonzero(codes == ALLOCATE):
                self._allocate(e)
            if (codes == OVER).all():
                return [self._result(e) for e in range(self.engine.envs)]

    def _begin(self) -> None:
        envs, n = self.engine.envs, len(self.engine.system.work)
        options, one = self.engine.system.scenario.options, np.ones(envs, np.int64)
        first, last = options.track or (0, n - 1)
        self.engine.reset(np.ones(envs, bool), np.array(self.seeds, np.uint64), 0 * one, n * one,
                          track=(first * one, last * one), until=us(options.until_s) * one)
        if self.lookahead is not None:
            self.engine.block["run"]["next_switch"] = 0

    def _allocate(self, e: int) -> None:
        """Shares, or types and sizes, from a solver."""
        view, planner = view_of(self.engine, e), self.planners[e]
        state = self.engine.state
        if self.engine.system.scenario.options.share is not None:
            shares = np.floor(MILLION * planner.shares(view) + 0.5).astype(np.int64)
            self.engine.block["pair"]["share"][e, view.job] = shares
            hosts.accept_shares(state, e)
            return
        gpu_type, gpus = planner.allocate(view)
        hosts.accept_sizes(state, e, np.asarray(view.job, np.int64),
                           np.asarray(gpu_type, np.int64), np.asarray(gpus, np.int64))

    def _drain(self, e: int) -> None:
        """Move what the kernel logged to the host."""
        run = self.engine.block["run"][e]
        self.parts[e].append(self.engine.log[e, :int(run["logged"])].copy())
        run["logged"] = 0

    def _result(self, e: int) -> Run:
        self._drain(e)
        segments, pieces, turns = unpacked(np.concatenate(self.parts[e]), self.engine, e)
        run = self.engine.block["run"][e]
        solves = self.planners[e].solves if self.planners else []
        return Run(self.engine.system, self.seeds[e], jobs_of(self.engine, e), segments, pieces,
                   turns, self.choices[e], solves, int(run["last_instant"]),
                   int(run["instants"]), int(run["rounds"]), _stalled(self.engine, e))


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
    blocked = int(np.flatnonzero((job["status"] != FINISHED) & (job["arrival"] < NEVER))[0])
    up = int(system.node_gpus[block["node"][FREE]["up"].astype(bool)].sum())
    unfinished = int((job["status"] != FINISHED).sum())
    return (f"stalled with {unfinished} unfinished jobs: job {blocked} needs "
            f"{int(job[blocked]['gpus'])} GPUs, {up} GPUs are up")
