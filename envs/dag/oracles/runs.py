"""Cases as scenarios and traces, and runs in the form of the oracles."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from envs.dag.graph import Graph, with_payload_tiles
from envs.dag.recorder import Run
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario
from envs.dag.simulate import simulate
from envs.dag.state import FETCH, STAGE, WRITEBACK

KINDS = {FETCH: "fetch", STAGE: "stage", WRITEBACK: "writeback"}


def scenario_of(case: Mapping[str, Any], **options: Any) -> Scenario:
    """The machine and options of a case; `options` replace single ones."""
    return Scenario.from_config({"machine": case["machine"], **case.get("options", {}), **options})


def trace_of(case: Mapping[str, Any]) -> Trace:
    """The jobs of a case, or its one graph."""
    return Trace.from_rows(case["jobs"] if "jobs" in case else [[0, case["graph"]]])


def run_of(case: Mapping[str, Any], policy: str) -> Run:
    """One recorded run."""
    return simulate(scenario_of(case), trace_of(case), policy=policy)


def makespans(case: Mapping[str, Any], policies: Mapping[str, Any]) -> dict[str, int]:
    """Makespan of a case under each of the policies."""
    scenario, trace = scenario_of(case), trace_of(case)
    return {policy: simulate(scenario, trace, policy=policy, recorded=False).makespan
            for policy in policies}


def summary(run: Run) -> dict[str, Any]:
    """Times and counts, in ticks."""
    moved = {name: int(run.moved[kind]) for kind, name in KINDS.items()}
    return {"makespan": run.makespan, "decisions": run.decisions, "waits": run.waits, **moved,
            "evictions": run.clean + run.dirty,
            "jct": (run.jobs["finish"] - run.jobs["arrival"]).tolist(), "area": run.area}


def log(run: Run) -> dict[str, list[list[Any]]]:
    """Tasks, transfers and evictions with names."""
    graphs = [_as_simulated(run, job.graph) for job in run.trace.jobs]
    return {"tasks": _tasks(run, graphs), "transfers": _transfers(run, graphs),
            "evictions": [[row["time"].item(), row["node"].item(), _tile(graphs, row),
                           bool(row["dirty"])] for row in run.evictions]}


def _as_simulated(run: Run, graph: Graph) -> Graph:
    return with_payload_tiles(graph) if run.system.tiled else graph


def _tile(graphs: list[Graph], row: np.void) -> str:
    return f"{row['job']}/{graphs[row['job']].tiles[row['tile']]}"


def _tasks(run: Run, graphs: list[Graph]) -> list[list[Any]]:
    rows = [[int(t["job"]), graphs[t["job"]].ids[t["task"]],
             *(int(t[name]) for name in ("worker", "assigned", "start", "finish"))]
            for t in run.tasks[run.tasks["worker"] >= 0]]
    return sorted(rows, key=lambda row: (row[3], row[2], row[4], row[5]))


def _transfers(run: Run, graphs: list[Graph]) -> list[list[Any]]:
    return [[_tile(graphs, t), *(int(t[name]) for name in ("src", "dst", "start", "end")),
             KINDS[int(t["kind"])]] for t in run.transfers]
