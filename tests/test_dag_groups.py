"""Looking at groups of ready tasks instead of each must not change an answer."""
import numpy as np
import pytest

from envs.dag import groups
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario
from envs.dag.simulate import simulate
from envs.dag.system import bind

LINK = {"latency": 10.3, "bandwidth": 10500}
GPU = {"type": "gpu", "count": 2, "memory": 12 * 3686400, "in": LINK, "out": LINK}
MACHINES = {
    "none": {"unit": "us", "comm": "none", "workers": [{"type": "gpu", "count": 2},
                                                      {"type": "cpu", "count": 3}]},
    "tiles": {"unit": "us", "workers": [GPU, {"type": "cpu", "count": 2}]},
    "prefetch": {"unit": "us", "prefetch": 1, "workers": [GPU, {"type": "cpu", "count": 2}]},
    "peer": {"unit": "us", "peer": {"latency": 1, "bandwidth": 20000},
             "workers": [GPU, {"type": "cpu"}]},
    "fair": {"unit": "us", "network": "fair", "workers": [GPU, {"type": "cpu"}]},
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("policy", ["mct_wait", "mct_wait_loc"])
def test_groups_change_nothing(machine, policy, monkeypatch):
    scenario = Scenario.from_config({"machine": MACHINES[machine], "noise": "lognormal",
                                     "sigma": 0.3})
    trace = Trace.from_rows([[0, "cholesky(n=6,table=k40_960)"], [9000, "lu(n=4,table=k40_960)"]])
    plain = [simulate(scenario, trace, policy=policy, seed=seed) for seed in range(3)]
    monkeypatch.setattr(groups, "FEWEST_TASKS", 1)
    assert bind(scenario, trace.graphs).groups > 1
    for run in plain:
        again = simulate(scenario, trace, policy=policy, seed=run.seed)
        assert np.array_equal(again.choices, run.choices)
        assert np.array_equal(again.tasks, run.tasks)


def test_graphs_of_many_durations_have_no_groups(monkeypatch):
    monkeypatch.setattr(groups, "FEWEST_TASKS", 1)
    scenario = Scenario.from_config({"machine": {"unit": "1", "comm": "none",
                                                 "workers": [{"type": "cpu"}, {"type": "gpu"}]}})
    trace = Trace.from_rows([[0, "layered(n=200)"]])
    assert bind(scenario, trace.graphs).groups == 0
