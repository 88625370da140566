"""Whole small runs: every time and every segment, metrics, bounds, choices of the look-ahead."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.cluster.bounds import bounds
from envs.cluster.metrics import metrics
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario
from envs.cluster.simulate import Run, simulate
from envs.cluster.state import REASONS
from envs.cluster.units import us
from envs.core.oracles import Outcome, differences, outcome

TIMES = (0, 1, 2, 5, 6, 7)      # columns of a job that are times


def check_instance(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """One run."""
    yield outcome(name, lambda: _compare(name, content))


def _compare(name: str, content: Mapping[str, Any]) -> list[str]:
    scenario = scenario_of(content, content["options"])
    run = simulate(scenario, Trace.from_rows(content["jobs"], name=name))
    expected = in_microseconds(content["expected"])
    return differences(expected, narrowed(result(run), expected))


def scenario_of(content: Mapping[str, Any], options: Mapping[str, Any]) -> Scenario:
    """A scenario from a cluster, its classes and the options of a run."""
    return Scenario.from_config({"cluster": content["cluster"],
                                 "classes": content.get("classes", [{}]), **options})


def result(run: Run) -> dict[str, Any]:
    """A run in the form of an oracle, times in whole microseconds."""
    found = {"order": run.system.line.tolist(), "jobs": _jobs(run), "segments": _segments(run),
             "metrics": metrics(run)}
    if (run.jobs["finish_us"] >= 0).all():
        elastic = run.system.scenario.options.elastic
        found["bounds"] = bounds(run.system, elastic is not None)
    if run.system.scenario.options.lookahead is not None:
        found["choices"] = [[int(t), int(chosen)] for t, chosen in run.choices]
    return found


def in_microseconds(expected: Mapping[str, Any]) -> dict[str, Any]:
    """What an oracle expects, its times as `result` gives them."""
    jobs = [[_us(v) if i in TIMES else v for i, v in enumerate(row)] for row in expected["jobs"]]
    segments = [[row[0], _us(row[1]), _us(row[2]), *row[3:]] for row in expected["segments"]]
    found = {**expected, "jobs": jobs, "segments": segments}
    if "choices" in expected:
        found["choices"] = [[_us(t), chosen] for t, chosen in expected["choices"]]
    return found


def narrowed(got: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """What an oracle asks for; a run knows more metrics than it must."""
    asked = {k: v for k, v in got["metrics"].items() if k in expected["metrics"]}
    return {**got, "metrics": asked}


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else us(seconds)


def _jobs(run: Run) -> list[list[Any]]:
    j = run.jobs
    columns = [_times(j["admitted_us"]), _times(j["first_start_us"]), _times(j["finish_us"]),
               *(j[name].tolist() for name in ("preemptions", "evictions", "wall_us", "gpu_us",
                                               "overhead_us")), (j["lost_us"] / 1e6).tolist()]
    return [list(row) for row in zip(*columns, strict=True)]


def _segments(run: Run) -> list[list[Any]]:
    s, rows = run.segments, []
    pieces = list(zip(run.pieces["node"].tolist(), run.pieces["gpus"].tolist(), strict=True))
    table = zip(s["job"].tolist(), s["start_us"].tolist(), _times(s["end_us"]),
                s["gpu_type"].tolist(), s["level"].tolist(), s["reason"].tolist(),
                s["first"].tolist(), s["count"].tolist(), strict=True)
    for job, start, end, gpu_type, level, reason, first, count in table:
        nodes = [list(piece) for piece in pieces[first:first + count]]
        rows.append([job, start, end, gpu_type, nodes, level, REASONS[reason]])
    return rows


def _times(values: np.ndarray) -> list[int | None]:
    return [None if v < 0 else v for v in values.tolist()]
