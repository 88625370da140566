"""Queueing theory: the simulator on Poisson arrivals against formulas with their derivation."""
import math

import numpy as np
import pytest

from envs.cluster.metrics import metrics
from envs.cluster.oracles.queueing import mean_jct, stream
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario
from envs.cluster.simulate import simulate
from tests.cluster_oracles import oracle

MEAN_S = 100.0
STRICT = {"mode": "event", "misfit": "skip", "preempt": "strict"}


def queue(law="exponential", rho=0.7, servers=1, jobs=40_000, seed=1, **options):
    return {"servers": servers, "rho": rho, "service_mean_s": MEAN_S, "law": law, "jobs": jobs,
            "seed": seed, "options": {"mode": "event", **options}}


def erlang_c(servers, rho):
    """Probability that an arrival waits."""
    load = servers * rho
    term = load**servers / math.factorial(servers) / (1 - rho)
    return term / (sum(load**k / math.factorial(k) for k in range(servers)) + term)


def test_one_server_first_come_first_served():
    # Pollaczek and Khinchine: wait = rho/(1 - rho) * mean * (1 + cv^2)/2; cv^2 = 1 and 0.
    assert mean_jct(queue(misfit="stop")) == pytest.approx(MEAN_S / 0.3, rel=0.06)
    wait = 0.8 / 0.2 * MEAN_S / 2
    assert mean_jct(queue("constant", 0.8, misfit="stop")) == pytest.approx(MEAN_S + wait, rel=0.06)


def test_many_servers():
    # Erlang: wait = C(c, rho) * mean / (c (1 - rho)).
    wait = erlang_c(4, 0.8) * MEAN_S / (4 * 0.2)
    found = mean_jct(queue(rho=0.8, servers=4, misfit="stop"))
    assert found == pytest.approx(MEAN_S + wait, rel=0.05)


@pytest.mark.parametrize("order", ["random", "las", "tiresias"])
def test_blind_orders_have_the_same_mean_when_service_has_no_memory(order):
    # Conservation: exponential service, order independent of what is left, preemption for free.
    found = mean_jct(queue(**STRICT, order=order, queue_limits_gpu_s=[50, 150]))
    assert found == pytest.approx(MEAN_S / 0.3, rel=0.06)


def test_variable_service_rewards_order():
    means = {order: mean_jct(queue("hyperexponential", **STRICT, order=order))
             for order in ("srtf", "las", "fifo")}
    assert means["srtf"] < 0.8 * means["las"] < 0.64 * means["fifo"]


def test_priority_classes():
    # Cobham, preemptive resume, two classes of equal share: rho_1 = 0.4, rho = 0.8.
    # T_1 = mean/(1 - 0.4); T_2 = mean/(1 - 0.4) + (rho mean)/((1 - 0.4)(1 - 0.8)).
    table = stream(queue(rho=0.8))
    table["priority"] = np.random.default_rng(9).integers(0, 2, len(table["gpus"]))
    scenario = Scenario.from_config({"cluster": {"types": ["s"], "nodes": [{"gpus": 1}]},
                                     "classes": [{"restart_s": 0}], "order": "priority", **STRICT})
    run = simulate(scenario, Trace.from_columns(table, "queue"))
    jct = (run.jobs["finish_us"] - run.system.arrival_us) / 1e6
    urgent = run.system.trace.priority == 1
    assert jct[urgent].mean() == pytest.approx(MEAN_S / 0.6, rel=0.06)
    assert jct[~urgent].mean() == pytest.approx(
        MEAN_S / 0.6 + 0.8 * MEAN_S / (0.6 * 0.2), rel=0.12)


def test_utilisation_is_the_load_and_littles_law_holds():
    scenario = Scenario.from_config({"cluster": {"types": ["s"], "nodes": [{"gpus": 4}]},
                                     "classes": [{"restart_s": 0}], "mode": "event"})
    table = stream(queue(rho=0.6, servers=4))
    run = simulate(scenario, Trace.from_columns(table, "queue"))
    found = metrics(run)
    assert found["utilisation"] == pytest.approx(0.6, rel=0.03)
    events = np.concatenate([run.system.arrival_us, run.jobs["finish_us"]])
    step = np.repeat([1, -1], len(run.jobs))[np.argsort(events, kind="stable")]
    present = np.cumsum(step)[:-1] @ np.diff(np.sort(events))
    arrivals = len(run.jobs) / (events.max() - events.min())
    mean_present = present / (events.max() - events.min())
    assert mean_present == pytest.approx(arrivals * found["jct_mean"] * 1e6, rel=1e-9)


def test_streams_are_those_of_the_oracles():
    for content in oracle("queueing"):
        table = stream(content)
        offered = table["duration_s"].sum() / table["arrival_s"][-1] / content["servers"]
        assert offered == pytest.approx(content["rho"], rel=0.06), content["name"]
