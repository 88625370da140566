"""Runs whose trace lies in a CSV file: recordings of published simulators, the named scenarios."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.cluster.bounds import bounds
from envs.cluster.metrics import metrics
from envs.cluster.oracles.instances import scenario_of
from envs.cluster.replay import Trace, read_trace
from envs.cluster.scenario import Scenario
from envs.cluster.simulate import Run, simulate
from envs.cluster.units import us_of
from envs.core.oracles import TOLERANCE, Content, OracleError, Outcome, differences, outcome
from envs.core.tables import Column, read_table

JOBS = {"arrival_s": Column(float), "gpus": Column(int), "duration_s": Column(float)}
TIMES = {"finish_s": "finish_us", "first_start_s": "first_start_us"}
NONE = -1.0


def check_recorded(name: str, content: Content) -> Iterator[Outcome]:
    """Each recorded run of an index: what became of every job."""
    for file, run in content.items():
        path = beside(content, file)
        yield outcome(f"{name}, {file}", lambda run=run, path=path: _compare_recorded(path, run))


def beside(content: Content, file: str) -> Path:
    """The CSV file that an oracle names, or its packed form."""
    found = [p for p in (content.folder / file, content.folder / f"{file}.gz") if p.is_file()]
    if not found:
        raise OracleError(f"{file} is missing", content.where, "put it beside")
    return found[0]


def _compare_recorded(path: Path, run: Mapping[str, Any]) -> list[str]:
    seen = {"finish_s": Column(float, default=NONE), "preemptions": Column(int, default=-1),
            "first_start_s": Column(float, default=NONE), "job": Column(str, default="")}
    table = read_table(path, {**JOBS, **seen})
    trace = Trace.from_columns({key: table[key] for key in JOBS}, path.name)
    jobs = simulate(_plain(run), trace).jobs[np.argsort(trace.line)]
    lines = []
    for column, field in TIMES.items():
        if column in table.given:
            want = np.where(table[column] < 0, -1, us_of(table[column]))
            lines += differences(want.tolist(), jobs[field].tolist(), column)
    if "preemptions" in table.given:
        # A job that never ran has an empty cell.
        want = np.maximum(table["preemptions"], 0)
        lines += differences(want.tolist(), jobs["preemptions"].tolist(), "preemptions")
    return lines


def _plain(run: Mapping[str, Any]) -> Scenario:
    """Equal nodes of one type, one class with free launches."""
    return Scenario.from_config({
        "cluster": {"types": ["gpu"],
                    "nodes": [{"gpus": run["gpus_per_node"], "count": run["nodes"]}]},
        "classes": [{"speed": [run.get("speed", 1.0)], "launch_s": 0, "restart_s": 0}],
        **run["options"]})


def check_scenario(name: str, content: Content) -> Iterator[Outcome]:
    """Metrics of every policy on one trace, and the bounds that none of them beats."""
    trace = read_trace(beside(content, content["trace"]))
    for row in content["runs"]:
        yield outcome(f"{name}, {row['policy']}", lambda row=row: _compare_run(
            content, trace, row))


def _compare_run(content: Mapping[str, Any], trace: Trace, row: Mapping[str, Any]) -> list[str]:
    run = simulate(scenario_of(content, row["options"]), trace)
    found = metrics(run)
    kind = "bounds_elastic" if row["options"].get("elastic") else "bounds"
    limits = bounds(run.system, kind == "bounds_elastic")
    return [*differences(row["metrics"], {k: found[k] for k in row["metrics"]}, "metrics"),
            *differences(content[kind], limits, kind), *beaten(run, limits)]


def beaten(run: Run, limits: Mapping[str, float]) -> list[str]:
    """The bounds that a run beats although it cannot; none if a job is unfinished."""
    finish, arrival = run.jobs["finish_us"], run.system.arrival_us
    if (finish < 0).any():
        return []
    reached = {"sum_jct": int((finish - arrival).sum()) / 1e6,
               "makespan": int(finish.max() - arrival.min()) / 1e6}
    return [f"{key}: {value!r} is below the bound {limits[key]!r}"
            for key, value in reached.items() if value < limits[key] * (1 - TOLERANCE)]
