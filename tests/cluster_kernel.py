"""Random instances for the project's own classes, and settings that repeat them exactly."""
from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

from envs.cluster.oracles.instances import in_microseconds, narrowed, result, scenario_of
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario
from envs.cluster.simulate import Run, simulate
from envs.core.oracles import differences
from tests.reference.cluster.run import expected
from tests.reference.cluster.run import simulate as replay


def repeatable(examples: int) -> settings:
    """The same examples in every run, without a clock."""
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                    suppress_health_check=list(HealthCheck))


def built(instance: dict[str, Any]) -> tuple[Scenario, Trace]:
    """Scenario and trace of an instance."""
    return scenario_of(instance, instance["options"]), Trace.from_rows(instance["jobs"])


def run_of(instance: dict[str, Any]) -> Run:
    """The kernel's run of an instance."""
    return simulate(*built(instance))


def disagreements(instance: dict[str, Any], run: Run, **options: Any) -> list[str]:
    """Where a run differs from the reference's, under other options if given."""
    instance = {**instance, "options": {**instance["options"], **options}}
    want = in_microseconds(expected(replay(instance)))
    return differences(want, narrowed(result(run), want))


def instance(jobs: list[dict[str, Any]], gpus: list[int], **options: Any) -> dict[str, Any]:
    """An instance of one type and one class with restarts of 30 s; a node per entry of `gpus`."""
    nodes = [{"type": 0, "gpus": g, "rack": 0} for g in gpus]
    return {"cluster": {"types": ["gpu"], "nodes": nodes}, "classes": [{"restart_s": 30}],
            "jobs": jobs, "options": options}


def job(arrival_s: float, duration_s: float, gpus: int = 1, **columns: Any) -> dict[str, Any]:
    """A line of a trace."""
    return {"arrival_s": arrival_s, "duration_s": duration_s, "gpus": gpus, **columns}
