"""The plain-Python reference against the shared oracles and what the rules say in passing."""
import pytest

from envs.core.oracles import differences
from tests.net2net_oracles import oracle, seed_of
from tests.reference.net2net import draws
from tests.reference.net2net.job import play
from tests.reference.net2net.networks import Network
from tests.reference.net2net.observation import episode
from tests.reference.net2net.planner import leaves, plan

PARAMETRIC, RECORDER = oracle("parametric"), oracle("recorder")
EXACT, CLOCK, SEEN = 1e-12, 1e-9, 1e-6
EXAMPLE = {
    "cell": {"hw": [8, 8], "head": "gap", "classes": 10, "widths": [8, 16]},
    "theta": {"e0": .9, "einf": .2, "tau0": 50, "beta": 1, "c": .05,
              "kappa": [.1, .3, 0, 0, 0, 0], "lambda": [.1, .1, 0, 0, 0, 0]},
    "budget_ms": 600.0, "fractions": [.1, .4, .7], "action_set": "depth", "sequence": [3, 0, 0]}


def test_draws():
    for row in PARAMETRIC["noise_draws"]:
        assert draws.u(row["seed"], *row["ids"]) == row["uniform"]
        assert draws.normal(row["seed"], *row["ids"]) == pytest.approx(row["normal"], abs=EXACT)


def test_first_batches():
    for task, facts in RECORDER["tasks"].items():
        order = draws.perm(facts["splits"]["train"]["n"], 0, 2, 0)
        assert order[:5] == facts["seed0"]["first_batch_indices"], task


@pytest.mark.parametrize("number", range(len(PARAMETRIC["cases"])))
def test_episodes_of_the_model(number):
    case = PARAMETRIC["cases"][number]
    found, want = play(case, seed_of(case)), dict(case["expect"])
    assert differences(want.pop("clock_ms"), found["clock_ms"], "clock_ms", CLOCK) == []
    assert differences(want, {key: found[key] for key in want}, "", EXACT) == []


@pytest.mark.parametrize("number", range(len(PARAMETRIC["planner_cases"])))
def test_plans(number):
    case = PARAMETRIC["planner_cases"][number]
    found, want = plan(case), case["expect"]
    assert differences({key: want[key] for key in found}, found, "", EXACT) == []


@pytest.mark.parametrize("number", range(len(oracle("env")["episodes"])))
def test_observations_and_rewards(number):
    case = oracle("env")["episodes"][number]
    assert differences(case["expect"], episode(case, seed_of(case)), "", SEEN) == []


def test_the_example_of_the_rules():
    found = play(EXAMPLE)
    assert found["clock_ms"] == pytest.approx([57.888, 238.56216, 414.786, 596.69448], abs=1e-9)
    assert found["steps"][:2] == [18, 48]
    assert found["latent_error"] == pytest.approx([.720671, .589999, .531485, .510625], abs=1e-6)
    assert found["final_accuracy"] == pytest.approx(.486613, abs=1e-6)
    best = plan(EXAMPLE)
    assert best["sequence"] == [0, 0, 0]
    assert best["accuracy"] == pytest.approx(.561494, abs=1e-6)
    assert best["sequences_evaluated"] == len(leaves(EXAMPLE)) == 64


def test_sizes_of_the_shipped_tasks():
    for task, facts in RECORDER["tasks"].items():
        shape = facts["input_shape"]
        network = Network({"hw": shape[1:], "head": facts["head"], "classes": facts["classes"],
                           "widths": [8, 16]})
        found = {"parameters": network.parameters(network.base), "macs": network.macs(network.base)}
        assert found == {key: facts["base"][key] for key in found}, task


@pytest.mark.parametrize("table", RECORDER["tables"],
                         ids=lambda t: f"{t['task']}@{t['budget_ms']:g}_{t['action_set']}")
def test_clocks_and_steps_of_recordings(table):
    """They do not depend on what is learnt, so the model's clock gives them."""
    facts = RECORDER["tasks"][table["task"]]
    case = {**EXAMPLE, **table, "cell": {"hw": facts["input_shape"][1:], "head": facts["head"],
                                         "classes": facts["classes"], "widths": [8, 16]}}
    actions = len(table["leaf_steps"])**(1 / len(table["fractions"]))
    for leaf in range(0, len(table["leaf_steps"]), 7):
        sequence = [leaf // round(actions)**p % round(actions)
                    for p in reversed(range(len(table["fractions"])))]
        found = play({**case, "sequence": sequence})
        assert found["clock_ms"][-1] == pytest.approx(table["leaf_clock_ms"][leaf], abs=SEEN)
        assert found["steps"][-1] == table["leaf_steps"][leaf]
        assert found["clock_ms"][0] == pytest.approx(table["decision_clock_ms"][0], abs=SEEN)
