"""Kernels and reference on random small instances: whole runs, batches, threads, interpreted."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.cluster.simulate import simulate_batch
from tests.cluster_kernel import built, disagreements, repeatable, run_of
from tests.cluster_oracles import instances as oracles
from tests.reference.cluster.instances import ORDERS, PLACEMENTS, instances

ROOT = Path(__file__).parents[1]
INTERPRETED = ("01-", "04-", "13-", "35-", "46-", "53-", "56-")     # by name, a few of each kind


@repeatable(200)
@given(instances("plain"))
def test_whole_runs(instance):
    assert disagreements(instance, run_of(instance)) == []


@pytest.mark.parametrize("order", ORDERS)
@repeatable(10)
@given(instances("plain"))
def test_every_order(order, instance):
    instance["options"]["order"] = order
    assert disagreements(instance, run_of(instance)) == []


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("mode", ["round", "event"])
@repeatable(8)
@given(instances("plain", preempt="strict"))
def test_every_placement(placement, mode, instance):
    instance["options"] |= {"placement": placement, "mode": mode}
    assert disagreements(instance, run_of(instance)) == []


@repeatable(40)
@given(instances("plain", order="tiresias", promote=0.5))
def test_queues_and_promotions(instance):
    assert disagreements(instance, run_of(instance)) == []


@repeatable(80)
@given(instances("optimus"))
def test_elastic_jobs(instance):
    assert disagreements(instance, run_of(instance)) == []


@repeatable(25)
@given(instances("share", until_s=4000.0))
def test_shares(instance):
    assert disagreements(instance, run_of(instance)) == []


@repeatable(25)
@given(instances("lookahead", until_s=4000.0))
def test_look_ahead(instance):
    assert disagreements(instance, run_of(instance)) == []


@repeatable(15)
@given(instances(until_s=4000.0), st.integers(1, 2), st.sampled_from((2, 5)))
def test_a_run_depends_on_its_seed_alone(instance, threads, replicas):
    scenario, trace = built(instance)
    seeds = [3 * i for i in range(replicas)]
    batch = simulate_batch(scenario, trace, seeds, threads=threads)
    for seed, run in zip(seeds, batch, strict=True):
        assert disagreements(instance, run, seed=seed) == []


PLAIN = """
import json, sys
from numba import config
from envs.cluster.oracles.instances import check_instance
assert config.DISABLE_JIT
for instance in json.load(sys.stdin):
    for outcome in check_instance(instance["name"], instance):
        print(outcome.instance, *outcome.differences)
"""


def test_interpreted_rules_give_the_same():
    """The rules as plain Python, on a few of the shared instances."""
    few = [i for i in oracles() if i["name"].startswith(INTERPRETED)]
    done = subprocess.run([sys.executable, "-c", PLAIN], cwd=ROOT, input=json.dumps(few), text=True,
                          capture_output=True, env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
    assert done.stdout.splitlines() == [i["name"] for i in few], done.stderr
