"""Mistakes that a new user made, each with the one line that it earns now."""
from __future__ import annotations

import pytest

from agents import task, user_code
from agents.contenders import SavedContender
from agents.schema import ReinforceConfig, TrainConfig
from envs.blis.env import BlisEnv
from envs.core.errors import PolicyError, ScenarioError
from envs.core.files import REPOSITORY
from tests import scripting
from tests.small import SMALL


@pytest.mark.parametrize("factor", ["-1", "0", "nan", "1e300"])
def test_an_import_with_a_bad_time_scale_writes_nothing(tmp_path, factor):
    source, out = tmp_path / "mine.csv", tmp_path / "out.csv"
    source.write_text("arrival_ms,family,slo_ms\n0,resnet,300\n5,resnet,300\n")
    with pytest.raises(ScenarioError, match="time_scale"):
        script = scripting.load("import_trace")
        script.main(script.Keys(source=source, out=out, time_scale=float(factor)))
    assert not out.exists()


def test_a_user_file_that_exits_is_blamed(tmp_path):
    path = tmp_path / "leaves.py"
    path.write_text("import sys\n\ndef plan(view):\n    sys.exit(0)\n")
    plan, place = user_code.load(f"{path}:plan")
    with pytest.raises(PolicyError, match=r"leaves\.py, line 4.*SystemExit"), \
            user_code.blame(place):
        plan(None)


def test_a_policy_of_another_environment_is_refused():
    folder = REPOSITORY / "saved_models" / "blis" / "reinforce_counts"
    with pytest.raises(PolicyError, match="say env=blis"):
        _ = SavedContender("mine", "blis_accuracy", folder=folder).policy


def test_runs_that_start_together_do_not_share_a_folder(tmp_path):
    folders = [task.run_folder(tmp_path, "blis", "ppo", 7, False) for _ in range(3)]
    assert len(set(folders)) == 3 and all(f.is_dir() for f in folders)


@pytest.mark.parametrize("key, value", [("seed", -1), ("windows", 0), ("validations", 0)])
def test_training_refuses_at_once(key, value):
    with pytest.raises(PolicyError, match=key):
        task.check(TrainConfig(env={"name": "blis"}, agent=ReinforceConfig(), **{key: value}))


@pytest.mark.parametrize("start", [float("nan"), -1.0, "a"])
def test_a_start_outside_time_is_refused(start):
    env = BlisEnv(2, **SMALL["sched/Blis-v0"])
    with pytest.raises(ScenarioError, match="start"):
        env.reset(options={"start": start})
