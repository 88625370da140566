"""Goodput: against the recorded figures, by hand, and wrong parameters."""
from __future__ import annotations

import numpy as np
import pytest

from envs.cluster.planning.goodput import Goodput, choose, efficiency, rates, throughput
from envs.core.errors import ScenarioError
from tests.cluster_oracles import oracle

CASES = oracle("goodput")
FIRST = {k: v for k, v in CASES[0].items() if k != "expected"}


def model_of(case, **more):
    return Goodput.from_config({**{k: v for k, v in case.items() if k != "expected"}, **more},
                               "class 0.goodput")


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_recorded_figures(case):
    model = model_of(case)
    for row in case["expected"]:
        nodes, replicas = row["nodes"], row["replicas"]
        batch = choose(model, nodes, replicas)
        assert (batch.atomic, batch.accumulation) == (row["atomic_batch"], row["accumulation"])
        assert batch.goodput == pytest.approx(row["goodput"], rel=1e-9)
        assert throughput(model, nodes, replicas, 32, 1) == pytest.approx(
            row["throughput_at_m32_k1"], rel=1e-9)
        assert efficiency(model, 4 * model.batch0) == pytest.approx(
            row["efficiency_at_4B0"], rel=1e-9)


def test_throughput_by_hand():
    step = {"alpha_c": 1, "beta_c": 0.5, "alpha_r": 3, "beta_r": 1, "alpha_n": 5, "beta_n": 2,
            "gamma": 1}
    model = model_of(FIRST, params=step)
    assert throughput(model, 1, 1, 4, 0) == 4 / 3
    assert throughput(model, 1, 4, 4, 0) == 16 / (3 + 3 + 2)
    assert throughput(model, 2, 4, 4, 1) == 32 / (3 + 3 + 5 + 4)


def test_efficiency_falls_from_one():
    model = model_of(FIRST)
    at = efficiency(model, model.batch0 * np.array([1.0, 2, 4, 8]))
    assert at[0] == pytest.approx(1) and (np.diff(at) < 0).all()


def test_rates_are_relative_to_one_replica():
    table = rates(model_of(FIRST), 4)
    row = {(e["nodes"], e["replicas"]): e["goodput"] for e in CASES[0]["expected"]}
    assert table.shape == (5, 2) and table[0].tolist() == [0, 0] and table[1, 0] == 1
    assert table[4, 0] == pytest.approx(row[1, 4] / row[1, 1])


def test_replicas_that_the_largest_batch_cannot_feed_have_no_goodput():
    model = model_of(FIRST, batch_max=128, atomic_min=64, atomic_max=128)
    assert choose(model, 1, 2).goodput > 0
    assert choose(model, 1, 3).goodput == 0


@pytest.mark.parametrize("change, message", [
    ({"params": {}}, 'params: "alpha_c" is missing'),
    ({"params": {**FIRST["params"], "gamma": 11}}, "gamma"),
    ({"params": {**FIRST["params"], "alpha_c": 0, "beta_c": 0}}, "takes no time"),
    ({"batch0": 0}, "batch0"), ({"batch_max": 64}, "batch0 <= batch_max"),
    ({"atomic_max": 4}, "atomic_min <= atomic_max"), ({"grad_sqr": 0, "grad_var": 0}, "gradient"),
    ({"atomic_min": 5000, "atomic_max": 6000}, "fits one replica"), ({"batch": 1}, "batch"),
])
def test_wrong_parameters(change, message):
    with pytest.raises(ScenarioError, match=message):
        model_of(FIRST, **change)


def test_a_missing_key_is_named():
    with pytest.raises(ScenarioError, match='"grad_var" is missing'):
        Goodput.from_config({k: v for k, v in FIRST.items() if k != "grad_var"}, "class 0")
