"""The named contenders of `dag`: a policy or a planner each, and where they make sense.

A baseline replaces the option `policy` and nothing else. Who reads tasks that are not visible yet
is a bound rather than a rival where a scenario hides some (`clairvoyant`).
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agents.baselines.table import Baseline, Needs, lacking, named
from envs.dag.options import CLAIRVOYANT

PLANNERS = {
    "heft": "HEFT: by upward rank, earliest finish, insertion",
    "blevel": "HEFT without insertion",
    "cpop": "CPOP: the critical path on one worker",
    "peft": "PEFT: optimistic cost table",
    "lookahead": "HEFT that looks one task ahead",
    "dls": "DLS: largest dynamic level",
    "etf": "ETF: earliest start first",
    "mcp": "MCP: by latest start",
    "tlevel": "by downward rank",
    "min_min": "min-min",
    "max_min": "max-min",
    "sufferage": "sufferage",
}
SLOW = {"lookahead", "dls", "etf", "min_min", "max_min", "sufferage"}     # quadratic or worse
FEW = 3000          # tasks of a graph, beyond which these take more than seconds


def _policy(name: str, about: str, *needs: str) -> Baseline:
    return Baseline(name, about, {"policy": name}, needs=needs)


def _planner(name: str, about: str) -> Baseline:
    needs = ("one job", "few tasks") if name in SLOW else ("one job",)
    return Baseline(f"static:{name}", f"a plan made before the run; {about}",
                    {"policy": f"static:{name}"}, needs=needs)


BASELINES: dict[str, Baseline] = {b.name: b for b in (
    _policy("fifo", "the task that became ready first (eager)"),
    _policy("random", "a random eligible task"),
    _policy("random_wait", "a random eligible task, or none", "waiting"),
    _policy("prio", "the task with the longest path behind it"),
    _policy("locality", "the task with the fewest bytes to bring", "data"),
    _policy("mct_wait", "HEFT's rule made reactive: waits if another worker finishes it sooner"),
    _policy("mct_wait_loc", "the same, fewest bytes to bring first", "data"),
    _policy("dm", "pushed to the worker that finishes it first"),
    _policy("dmda", "the same, transfers counted", "data"),
    _policy("dmdar", "the same, taken by fewest bytes to bring", "data"),
    _policy("dmdas", "the same, taken by the longest path behind it"),
    _policy("ws", "work stealing"),
    _policy("job_fifo", "the job that came first", "stream"),
    _policy("sjf", "the job with the least work left", "stream"),
    _policy("fair", "the job with the fewest tasks assigned", "stream"),
    *(_planner(name, about) for name, about in PLANNERS.items()),
)}


def _tasks(traces: Iterable[Any]) -> int:
    return max(len(job.graph) for trace in traces for job in trace.jobs)


NEEDS: Needs = {
    "waiting": ("wait: never", lambda s, _: s.options.wait == "allowed"),
    "data": ("comm: none moves no data", lambda s, _: s.machine.comm != "none"),
    "stream": ("one job", lambda _, traces: any(len(t.jobs) > 1 for t in traces)),
    "one job": ("several jobs: plans are made for one", lambda _, traces: all(
        len(t.jobs) == 1 for t in traces)),
    "few tasks": (f"more than {FEW} tasks: name them to wait for their plans",
                  lambda _, traces: _tasks(traces) <= FEW),
}


def missing(name: str, scenario: Any, traces: list[Any]) -> str | None:
    """Why this baseline says nothing new on a scenario and its traces; None: it makes sense."""
    return lacking(baseline(name), NEEDS, scenario, traces)


def clairvoyant(name: str, scenario: Any) -> bool:
    """Whether a policy of this name reads tasks that the scenario hides."""
    reads = name in CLAIRVOYANT or name.startswith("static:")
    return reads and scenario.options.visible != "full"


def baseline(name: str) -> Baseline:
    """The baseline of this name; an unknown one is a `PolicyError`."""
    return named(BASELINES, name)
