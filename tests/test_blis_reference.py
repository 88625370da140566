"""The plain-Python reference against the shared oracles."""
import numpy as np
import pytest

from envs.core.oracles import differences, read_oracle
from tests.blis_oracles import FOLDER, oracle
from tests.reference.blis.compare import expected
from tests.reference.blis.environments import AccuracyEnvironment, BlisEnvironment
from tests.reference.blis.rng import uniform
from tests.reference.blis.run import simulate

INSTANCES = sorted(p for p in (FOLDER / "instances").glob("*.gz") if "env_" not in p.name)
EPISODES = sorted((FOLDER / "instances").glob("env_*.gz"))
ENVIRONMENTS = {"blis": BlisEnvironment, "accuracy": AccuracyEnvironment}


def stem(path):
    return path.name.split(".")[0]


@pytest.mark.parametrize("path", INSTANCES, ids=stem)
def test_every_case_of_an_instance(path):
    content = read_oracle(path)
    for case in content["cases"]:
        want = case["expect"]
        got = expected(simulate({**content["config"], **case["options"]}, content["trace"]))
        if "per_family" not in want["metrics"]:
            del got["metrics"]["per_family"]
        assert differences(want, got) == [], case["name"]


@pytest.mark.parametrize("path", EPISODES, ids=stem)
def test_every_step_of_an_episode(path):
    content = read_oracle(path)
    env = ENVIRONMENTS[content["env"]](content["config"], content["trace"])
    steps = [env.reset(seed=0), *map(env.step, content["actions"])]
    for step, want in zip(steps, content["steps"], strict=True):
        got = {**vars(step), "mask": "".join(map(str, step.mask))}
        assert differences(want, {k: got[k] for k in want}) == []


def test_random_numbers():
    for row in oracle("instances/special_rng")["uniform"]:
        assert uniform(row["seed"], row["stream"], row["n"]) == row["value"]


def test_a_queueing_formula():
    check = next(c for c in oracle("analytic")["checks"] if c["name"] == "M/D/1/1 load 0.5")
    gaps = np.random.default_rng(1).exponential(1000 / check["rate_rps"], check["requests"])
    rows = [[t, "a", check["slo_ms"], 0, 100] for t in np.cumsum(gaps).tolist()]
    found = simulate(check["config"], rows).metrics
    top, _, bottom = check["metric"].partition("/")
    value = found[top] / found[bottom] if bottom else found[top]
    assert value == pytest.approx(check["value"], rel=check["rel_tol"])
