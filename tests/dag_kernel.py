"""Random instances for the project's own classes, and settings that repeat them exactly."""
from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

from envs.core.oracles import differences
from envs.dag.oracles.runs import log, scenario_of, summary, trace_of
from envs.dag.recorder import Run
from envs.dag.simulate import simulate
from tests.reference.dag import run as reference


def repeatable(examples: int) -> settings:
    """The same examples in every run, without a clock."""
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                    suppress_health_check=list(HealthCheck))


def run_of(instance: dict[str, Any], policy: str, **keys: Any) -> Run:
    """The kernel's run of an instance."""
    return simulate(scenario_of(instance), trace_of(instance), policy=policy, **keys)


def disagreements(instance: dict[str, Any], run: Run, plan: list | None = None) -> list[str]:
    """Where a run differs from the reference's under the same policy and seed."""
    instance = {**instance, "options": {**instance["options"], "seed": run.seed}}
    done = reference.simulate(instance, run.policy, plan)
    return [*differences(reference.summary(done), summary(run)),
            *differences(reference.log(done), log(run)),
            *differences(reference.choices(done), choices(run), "choices"),
            *differences(reference.used(done), used(run), "used")]


def choices(run: Run) -> list[list[int | None]]:
    """Decisions in order; no task is WAIT."""
    return [[int(c["time"]), int(c["worker"]), *((None, None) if c["task"] < 0 else
            (int(c["job"]), int(c["task"])))] for c in run.choices]


def used(run: Run) -> dict[tuple[int, int], int]:
    """Bytes on a node at the end of each tick in which they changed."""
    return {(int(m["time"]), int(m["node"])): int(m["used"]) for m in run.memory}
