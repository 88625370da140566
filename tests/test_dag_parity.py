"""Kernels and reference on random small instances: whole runs, batches, threads, interpreted."""
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.dag.options import PLAIN, PUSHING
from envs.dag.oracles.runs import scenario_of, trace_of
from envs.dag.planning import PLANNERS, plan
from envs.dag.simulate import simulate_batch
from tests.dag_kernel import disagreements, repeatable, run_of
from tests.dag_oracles import instance as opened
from tests.dag_oracles import oracle
from tests.reference.dag.instances import instance, instances

ROOT = Path(__file__).parents[1]
POLICIES = (*PLAIN, *PUSHING)


@pytest.mark.parametrize("policy", POLICIES)
@repeatable(40)
@given(instances())
def test_whole_runs(policy, one):
    assert disagreements(one, run_of(one, policy)) == []


@repeatable(150)
@given(instances(comm="tiles", network="fair"), st.sampled_from(POLICIES))
def test_shared_links(one, policy):
    assert disagreements(one, run_of(one, policy)) == []


@repeatable(100)
@given(instances(comm="tiles", jobs=2, oversize="exclude"), st.sampled_from(POLICIES))
def test_little_memory(one, policy):
    assert disagreements(one, run_of(one, policy)) == []


@pytest.mark.parametrize("policy", POLICIES)
def test_larger_graphs(policy):
    for seed in range(10):
        one = instance(random.Random(f"{policy} {seed}"), comm="tiles", most=40)
        assert disagreements(one, run_of(one, policy)) == [], seed


@repeatable(100)
@given(instances(jobs=1), st.sampled_from(sorted(PLANNERS)))
def test_plans(one, planner):
    scenario, graph = scenario_of(one), trace_of(one).jobs[0].graph
    made = plan(planner, graph, scenario.machine, scenario.options)
    rows = [(i, int(made.worker[i]), int(made.start[i]), int(made.finish[i]))
            for i in graph.order.tolist()]
    run = run_of(one, f"static:{planner}")
    assert disagreements(one, run, rows) == []


@repeatable(30)
@given(instances(noise="lognormal", sigma=0.5), st.integers(1, 2), st.sampled_from(POLICIES))
def test_a_run_depends_on_its_seed_alone(one, threads, policy):
    seeds = [0, 2**40 + 7, 3]
    batch = simulate_batch(scenario_of(one), trace_of(one), seeds, policy=policy,
                           threads=threads)
    for seed, run in zip(seeds, batch, strict=True):
        assert run.seed == seed
        assert disagreements(one, run) == []


PLAIN_PYTHON = """
import json, sys
from numba import config
from tests.dag_kernel import disagreements, run_of
assert config.DISABLE_JIT
for one, policy in json.load(sys.stdin):
    print(policy, disagreements(one, run_of(one, policy)))
"""


def test_interpreted_rules_give_the_same():
    """The rules as plain Python, on a few of the shared instances."""
    few = [(opened(case), POLICIES[case["id"] % len(POLICIES)])
           for case in oracle("memory")["cases"] if case["id"] % 4 == 1]
    few.append((opened(oracle("network")["timed"][2]), "mct_wait"))
    done = subprocess.run([sys.executable, "-c", PLAIN_PYTHON], cwd=ROOT, input=json.dumps(few),
                          text=True, capture_output=True,
                          env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
    assert done.stdout.splitlines() == [f"{policy} []" for _, policy in few], done.stderr
