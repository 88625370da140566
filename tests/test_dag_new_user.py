"""What a newcomer may try in the first hour gets one clear error, never a crash or a hang."""
from __future__ import annotations

import pytest

from envs.core.errors import ScenarioError, TraceError
from envs.dag.formats import read_graph
from envs.dag.machine import Machine
from envs.dag.replay import Trace
from envs.dag.scenario import load_scenario
from envs.dag.simulate import simulate


@pytest.mark.parametrize("policy, message", [
    ("user", "give user=function.address"), ("env", "use gymnasium.make"),
    ("mct_wiat", "mct_wait"), ("", "unknown policy"), ("user:x", "unknown policy"),
])
def test_policies_that_cannot_run(policy, message):
    trace = Trace.from_rows([[0, "cholesky(n=2)"]])
    with pytest.raises(ScenarioError, match=message):
        simulate(load_scenario("chol_readys"), trace, policy=policy)


def test_eager_is_fifo():
    trace = Trace.from_rows([[0, "cholesky(n=3)"]])
    eager, fifo = (simulate(load_scenario("chol_readys"), trace, policy=p)
                   for p in ("eager", "fifo"))
    assert eager.makespan == fifo.makespan and eager.policy == "fifo"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": ' + "9" * 5000 + "}"])
def test_json_that_python_cannot_read(text, tmp_path):
    path = tmp_path / "deep.json"
    path.write_text(text)
    with pytest.raises(TraceError, match="not readable as JSON"):
        read_graph(path)


@pytest.mark.parametrize("change, message", [
    ({"prefetch": 2**31}, "prefetch: must be at most 1000"),
    ({"workers": [{"type": "gpu", "memory": 2**70}]}, "memory: must be at most"),
])
def test_machines_beyond_measure(change, message):
    with pytest.raises(ScenarioError, match=message):
        Machine.from_config({"unit": "1", "workers": [{"type": "cpu"}], **change})


def test_a_window_beyond_memory():
    trace = Trace.from_rows([[0, "cholesky(n=6)"]])
    scenario = load_scenario("chol_readys", {"visible": "window", "window": 10**9})
    with pytest.raises(ScenarioError, match="use visible: full"):
        simulate(scenario, trace)
