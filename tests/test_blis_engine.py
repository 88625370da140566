"""The engine: batches and threads, growth of the ring, compiled user policies, interpreted runs."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from envs.blis.planning import Plan, Planner, View
from envs.blis.policy import policy
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario
from envs.blis.simulate import simulate, simulate_batch
from envs.blis.system import bind_trace
from envs.core.errors import PolicyError, ScenarioError
from tests.blis_oracles import oracle
from tests.small import SMALL

ROOT = Path(__file__).parents[1]
INTERPRETED = ("world_03", "special_ties", "env_blis_lookahead", "env_accuracy_swap")


def same_run(a, b) -> bool:
    return all(
        np.array_equal(x, y, equal_nan=x.dtype.names is None and x.dtype.kind == "f")
        if x.dtype.names is None else all(
            np.array_equal(x[n], y[n], equal_nan=x[n].dtype.kind == "f") for n in x.dtype.names)
        for x, y in ((getattr(a, n), getattr(b, n)) for n in (
            "records", "windows", "window_busy_ms", "window_target", "window_reallocations"))
    ) and (a.t_end_ms, a.loads, a.qos_missed) == (b.t_end_ms, b.loads, b.qos_missed)


def small(**options) -> tuple[Scenario, Trace]:
    kept = SMALL["sched/Blis-v0"]
    base = {k: v for k, v in kept["scenario"].items() if k not in ("horizon_ms", "episode")}
    return Scenario.from_config({**base, **options}), kept["trace"]


@pytest.mark.parametrize("replicas, threads", [(1, 1), (7, 1), (7, 2), (64, 2)])
@pytest.mark.parametrize("routing, allocation", [
    ("random", {"policy": "random", "period": 2}), ("canary", {"policy": "infaas", "period": 1}),
    ("infaas", {"policy": "static"})])
def test_a_run_depends_on_its_seed_alone(replicas, threads, routing, allocation):
    scenario, trace = small(routing={"policy": routing, "on_demand": routing == "infaas"},
                            allocation=allocation)
    together = simulate_batch(scenario, trace, range(replicas), threads=threads)
    for seed in {0, replicas // 2, replicas - 1}:
        assert same_run(together[seed], simulate(scenario, trace, seed=seed))
    if routing == "random" and replicas > 1:
        assert not same_run(together[0], together[1])


@pytest.mark.parametrize("replicas, threads", [(7, 1), (64, 2)])
def test_oracles_hold_in_a_batch(replicas, threads):
    data = oracle("instances/special_reallocation")
    trace = Trace.from_rows(data["trace"])
    for case in data["cases"]:
        scenario = Scenario.from_config({**data["config"], **case["options"]})
        for run in simulate_batch(scenario, trace, [0] * replicas, threads=threads)[::replicas - 1]:
            finish = np.array(case["expect"]["finish"], float)
            assert run.records["finish_ms"] == pytest.approx(finish, rel=1e-9, nan_ok=True)


def test_the_ring_grows_with_what_is_outstanding():
    """A batch that waits for ever keeps every request; none is lost."""
    n = 5000
    trace = Trace.from_rows([[i / 8, "a", 60.0] for i in range(n)])
    scenario, _ = small(batching={"policy": "aimd", "start": 4, "capped": False},
                        allocation={"policy": "static"}, window_ms=5000,
                        dropping={"policy": "never"}, min_cap=1)
    run = simulate(scenario, trace)
    assert len(run.records) == n
    stuck = scenario.replace(routing={"policy": "eft", "loading": "always"}, load_scale=1,
                             allocation={"policy": "schedule", "plans": [
                                 {"window": 0, "assign": ["a/s"] + [None] * 5}]})
    run = simulate(stuck, trace)
    status = np.bincount(run.records["status"], minlength=9)
    assert status.sum() == n == run.windows["arrivals"].sum() and status[0] < n


def test_exhausted_draws_are_an_error():
    scenario, trace = small(routing={"policy": "random", "draws": [0.5, 0.25]})
    with pytest.raises(ScenarioError, match=r"routing\.draws"):
        simulate(scenario, trace)


def test_a_compiled_policy_routes_as_its_score_says():
    @policy
    def earliest(now, deadline, need, finish, base, queued, running, cap, full, one, accuracy,
                 peak, weight):
        return finish

    options = dict(allocation={"policy": "load_proportional"}, batching={"policy": "greedy"})
    mine, trace = small(routing={"policy": "user"}, **options)
    theirs, _ = small(routing={"policy": "eft"}, **options)
    assert same_run(simulate(mine, trace, user=earliest.address), simulate(theirs, trace))


def test_routing_by_no_function_is_one_error():
    with pytest.raises(ScenarioError, match="no compiled function"):
        simulate(*small(routing={"policy": "user"}))


def test_a_policy_that_does_not_compile_is_one_error():
    with pytest.raises(PolicyError, match="does not compile"):
        @policy
        def bad(now, deadline, need, finish, base, queued, running, cap, full, one, accuracy,
                peak, weight):
            return {"no": "number"}


def test_interpreted_runs_agree_with_the_oracles(tmp_path):
    for name in INTERPRETED:
        source = ROOT / "tests" / "oracles" / "blis" / "instances" / f"{name}.json.gz"
        (tmp_path / source.name).write_bytes(source.read_bytes())
    done = subprocess.run(
        [sys.executable, "scripts/check_oracles.py", "env=blis", f"path={tmp_path}"], cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    agree, total = done.stdout.splitlines()[-1].split()[0:3:2]
    assert agree == total and int(total) >= len(INTERPRETED)


class Restless(Planner):
    """Gives one device another variant at every window end."""

    def due(self, window: int) -> bool:
        return True

    def plan(self, view: View) -> Plan:
        target = view.target.copy()
        target[0] = (target[0] + 1) % 2
        return Plan(target)


def test_a_run_that_loads_for_ever_is_an_error():
    """Loads that outlast the window never come to rest, so such a run needs a horizon."""
    scenario, trace = small(window_ms=5)

    def run(scenario):
        system = bind_trace(scenario, trace)
        return simulate(scenario, trace, planner=Restless(system, trace, 0, np.ones(3)))

    with pytest.raises(ScenarioError, match="horizon_ms"):
        run(scenario)
    assert run(scenario.replace(horizon_ms=5000)).t_end_ms == 5000
