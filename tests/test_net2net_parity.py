"""Kernel and reference on random jobs: alone, in batches, on threads, interpreted."""
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import assume, given

from envs.core.oracles import differences
from envs.net2net.env import Net2NetEnv
from envs.net2net.model import play, tree
from envs.net2net.oracles.episodes import SINGLE, episode
from envs.net2net.oracles.model import seed_of, setup_of
from envs.net2net.planning.planner import plan, quiet
from tests.net2net_kernel import clipped, disagreements, observed, repeatable
from tests.net2net_oracles import oracle
from tests.reference.net2net import draws
from tests.reference.net2net import planner as reference
from tests.reference.net2net.instances import SETS, instance, instances
from tests.reference.net2net.job import Job
from tests.reference.net2net.networks import action_count
from tests.reference.net2net.observation import episode as sighted

ROOT = Path(__file__).parents[1]
MANY = 12


@pytest.mark.parametrize("action_set", SETS)
@repeatable(300)
@given(instances())
def test_random_jobs(action_set, case):
    actions = action_count(action_set, len(case["cell"]["widths"]))
    case = {**case, "action_set": action_set, "sequence": [a % actions for a in case["sequence"]]}
    assert disagreements(case) == []


@repeatable(150)
@given(instances())
def test_what_an_agent_sees(case):
    assert observed(case) == []


@repeatable(40)
@given(instances())
def test_episodes_of_the_environment(case):
    """The same through the environment, and where its accuracy lies among all sequences."""
    case = {**case, "fractions": case["fractions"][:2], "sequence": case["sequence"][:2]}
    assume(case["budget_ms"] > 2 * Job(case).step_ms(Job(case).network.base, 1))
    want, found = sighted(case, seed_of(case)), episode(case, "gain")
    want["observations"] = clipped(want["observations"])
    del want["rewards"]
    lines = differences(want, {key: found[key] for key in want}, "", SINGLE)
    scores = reference.scores(case, want["accuracy"][-1], seed_of(case))
    assert found["rewards"][:-1] == [0.0] * (len(case["sequence"]) - 1)
    lines += differences(scores.pop("gain"), found["rewards"][-1], "gain", SINGLE)
    if scores["normalised"] is None:
        scores["normalised"] = float("nan")
    for key, value in scores.items():
        np.testing.assert_allclose(found["metrics"][key], value, rtol=SINGLE, atol=SINGLE)
    assert lines == []


def test_the_seed_of_an_episode_draws_cell_and_recorded_seed():
    """s is the first word of a replica's seed sequence, x = h(s, 50, episode)."""
    env = Net2NetEnv(3, scenario="published", autoreset_mode=AutoresetMode.DISABLED)
    _, info = env.reset(seed=11)
    for number in range(4):
        words = [int(np.random.SeedSequence(11 + e).generate_state(1, np.uint64)[0])
                 for e in range(3)]
        x = [draws.h(s, 50, number) for s in words]
        assert info["cell"].tolist() == [int(len(env.cells) * draws.u(one, 51)) for one in x]
        _, info = env.reset()
    env.close()


def test_many_decisions():
    """Heap numbers of nodes beyond 2^32."""
    for seed in range(20):
        r = random.Random(seed)
        case = instance(r, action_set="malleable", fractions=[k / MANY for k in range(MANY)],
                        noise={"run": .01, "curve": .02, "seed": seed},
                        sequence=[r.randrange(5) for _ in range(MANY)])
        assert disagreements(case) == [], seed


@repeatable(60)
@given(instances(vary=0.0))
def test_trees_and_plans(case):
    """Every sequence of small trees: the accuracies, what is masked, the best one."""
    case = {**case, "fractions": case["fractions"][:2]}
    setup = quiet(setup_of(case))
    leaves, want, cell = tree(setup).leaf, reference.plan(case), setup.cell
    known = {cell.sequence_of(leaf): float(leaves[leaf]) for leaf in range(cell.leaves)
             if np.isfinite(leaves[leaf])}
    assert differences(sorted(map(list, reference.leaves(case))),
                       sorted([s, a] for s, a in known.items()), "", 1e-9) == []
    made = plan(setup)
    found = {"accuracy": made.accuracy, "never_accuracy": made.never,
             "sequences_evaluated": made.evaluated}
    assert differences({key: want[key] for key in found}, found, "", 1e-9) == []
    assert known[made.sequence] == pytest.approx(want["accuracy"], abs=2e-12)


@repeatable(30)
@given(instances())
def test_a_job_depends_on_its_seed_alone(case):
    setup, seeds = setup_of(case), np.array([5, seed_of(case), 2**64 - 1, 5], np.uint64)
    together = play(setup, [case["sequence"]] * len(seeds), seeds)
    for row, seed in enumerate(seeds):
        alone = play(setup, [case["sequence"]], seed)
        for field, values in alone._asdict().items():
            np.testing.assert_array_equal(values[0], getattr(together, field)[row], field)


PLAIN_PYTHON = """
import json, sys
from numba import config
from tests.net2net_kernel import disagreements, observed
assert config.DISABLE_JIT
for case in json.load(sys.stdin):
    print(disagreements(case) + observed(case))
"""


def test_interpreted_rules_give_the_same():
    """The rules as plain Python, on a few of the shared cases and random ones."""
    few = [*oracle("parametric")["cases"][::9], *oracle("env")["episodes"][::3],
           *(instance(random.Random(seed)) for seed in range(5))]
    done = subprocess.run([sys.executable, "-c", PLAIN_PYTHON], cwd=ROOT, input=json.dumps(few),
                          text=True, capture_output=True,
                          env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
    assert done.stdout.splitlines() == ["[]"] * len(few), done.stderr
