"""Runs from the configuration to the saved policy: resumed, killed, refused, on the real domain."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import hydra
import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf

from agents import store
from agents.checkpoints import load_checkpoint
from agents.schema import AGENTS, TrainConfig
from agents.task import CHECKPOINT, check_same, open_task, run_folder
from agents.training import Run, train
from envs.core.errors import PolicyError, ScenarioError, SuiteError

ROOT = Path(__file__).parent.parent
SMALL = {
    "reinforce": {"group": 2}, "ppo": {"n_steps": 8, "batch_size": 16, "n_epochs": 1},
    "maskable_ppo": {"n_steps": 8, "batch_size": 16, "n_epochs": 1}, "a2c": {"n_steps": 8},
    "dqn": {"learning_starts": 64, "batch_size": 16, "buffer_size": 500},
}
ENVS = {"blis": {"actions_per_window": 2, "episode_length": 4000},
        "blis_accuracy": {"action": "per_device", "episode_length": 6000}}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A scenario of five devices and a trace of 40 seconds, as files."""
    folder = tmp_path_factory.mktemp("task")
    (folder / "small.yaml").write_text(yaml.safe_dump({
        "cluster": {"accelerators": [{"name": "cpu", "count": 2},
                                     {"name": "gpu_ampere", "count": 3}]},
        "batch_sizes": [1, 2, 4], "trace": str(folder / "small.csv")}))
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 40_000, 1200)).round(3)
    rows = [f"{t},{rng.choice(['bert', 'resnet'])},300" for t in times]
    (folder / "small.csv").write_text("\n".join(["arrival_ms,family,slo_ms", *rows]) + "\n")
    return folder


def configured(place, agent="reinforce", env="blis_accuracy", **changes):
    """A run of a few updates."""
    own = {"name": env, "scenario": str(place / "small.yaml"), **ENVS[env],
           **changes.pop("block", {})}
    small = AGENTS[agent](num_envs=4, **{**SMALL[agent], **changes.pop("agent_changes", {})})
    plain = {"steps": 100, "windows": 1, "validations": 2, "table": False, "pictures": False,
             "device": "cpu", "env_threads": 1}
    return TrainConfig(env=own, agent=small, **{**plain, **changes})


def final(folder):
    """Tensors of a checkpoint, and its numbers but the clock."""
    tensors, numbers = load_checkpoint(folder / CHECKPOINT)
    return tensors, {k: v for k, v in numbers.items() if k not in ("elapsed", "config")}


def differing(one, two):
    """Names of what differs between two checkpoints, bit for bit."""
    names = one[0].keys() ^ two[0].keys()
    names |= {k for k in one[0].keys() & two[0].keys() if not torch.equal(
        torch.nan_to_num(one[0][k].double(), 77), torch.nan_to_num(two[0][k].double(), 77))}
    return names | {k for k in one[1] if one[1][k] != two[1][k]}


def interrupted(config, folder, after):
    """A run that gets Ctrl-C in the middle of an update."""
    run, updates = Run(config, folder), []
    whole = run.learner.update

    def update():
        updates.append(1)
        if len(updates) == after:
            os.kill(os.getpid(), signal.SIGINT)
        return whole()

    run.learner.update = update
    with pytest.raises(KeyboardInterrupt):
        run.learn()


@pytest.mark.parametrize("agent,env", [
    ("reinforce", "blis_accuracy"), ("reinforce", "blis"), ("ppo", "blis_accuracy"),
    ("maskable_ppo", "blis_accuracy"), ("a2c", "blis")])
def test_interrupted_and_resumed_equals_uninterrupted(place, tmp_path, agent, env):
    train(configured(place, agent, env), tmp_path / "whole")
    interrupted(configured(place, agent, env), tmp_path / "parts", after=2)
    torch.manual_seed(55)
    np.random.seed(55)
    train(configured(place, agent, env, resume=True), tmp_path / "parts")
    assert not differing(final(tmp_path / "whole"), final(tmp_path / "parts"))
    kept = [store.load(tmp_path / name / "policy") for name in ("whole", "parts")]
    for a, b in zip(*(p.network.parameters() for p in kept), strict=True):
        assert torch.equal(a, b)


def test_dqn_learns_on_swaps_and_resumes_without_its_memory(place, tmp_path):
    config = configured(place, "dqn", block={"action": "swap"}, steps=600)
    interrupted(config, tmp_path / "r", after=1)
    config.resume = True
    policy = store.load(train(config, tmp_path / "r"))
    assert policy.options["env"]["action"] == "swap"


def test_killed_run_resumes_to_the_same_result(place, tmp_path):
    import train as entry  # registers schemas and resolvers

    keys = ["env=blis_accuracy", "agent=reinforce", f"scenario={place / 'small.yaml'}",
            "env.episode_length=6000", "agent.num_envs=4", "agent.group=2", "steps=800",
            "windows=1", "validations=2", "table=false", "pictures=false",
            "checkpoint_s=0", "device=cpu"]
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        whole, again = (OmegaConf.to_object(hydra.compose("train", [*keys, f"resume={r}"]))
                        for r in ("false", "true"))
    killed = subprocess.Popen(
        [sys.executable, entry.__file__, *keys, f"hydra.run.dir={tmp_path / 'killed'}"],
        cwd=ROOT, stdout=subprocess.DEVNULL)
    while not (tmp_path / "killed" / CHECKPOINT).exists() and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    train(again, tmp_path / "killed")
    train(whole, tmp_path / "whole")
    assert not differing(final(tmp_path / "whole"), final(tmp_path / "killed"))


def test_run_leaves_what_its_folder_promises(place, tmp_path):
    config = configured(place, "reinforce", pictures=True)
    policy = store.load(train(config, tmp_path / "run"))
    assert policy.env == "blis_accuracy" and policy.options["env"] == {"action": "per_device"}
    card = (tmp_path / "run" / "policy" / "card.md").read_text()
    assert "small" in card and "validation windows" in card
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    shown = set(events.Tags()["scalars"])
    assert shown >= {"train/loss", "train/return", "rollout/slo_attainment",
                     "rollout/effective_accuracy", "time/steps_per_second",
                     "validation/accuracy_per_request", "validation/best_baseline"}
    assert events.Tags()["images"] == ["timeline"]


def test_saved_under_a_name_but_never_over_another(place, tmp_path, monkeypatch):
    monkeypatch.setattr("agents.task.REPOSITORY", tmp_path)
    config = configured(place, save="mine", steps=20)
    train(config, tmp_path / "run")
    assert store.load(tmp_path / "saved_models" / "blis_accuracy" / "mine").name == "mine"
    with pytest.raises(PolicyError, match="replace=true"):
        Run(config, tmp_path / "run")
    Run(configured(place, save="mine", replace=True), tmp_path / "run")
    with pytest.raises(PolicyError, match="is no name"):
        Run(configured(place, save="../mine"), tmp_path / "run")


def test_held_out_table_ends_the_run(place, tmp_path, capsys, monkeypatch):
    from agents.baselines.blis import BASELINES

    few = {name: BASELINES[name] for name in ("load_proportional_wc", "infaas")}
    monkeypatch.setattr("agents.evaluation.blis.BASELINES", few)
    folder = train(configured(place, table=True, steps=20), tmp_path / "run")
    shown = capsys.readouterr().out
    assert "reinforce (this run)" in shown and "infaas" in shown
    assert (folder / "results.csv").read_text().startswith("contender,")


@pytest.mark.parametrize("changes,what", [
    ({"steps": 0}, "steps: 0 is not above 0"),
    ({"minutes": -1.0}, "minutes"),
    ({"resume": True}, "no run of this env"),
    ({"device": "cuda:9"}, "device=cpu"),
    ({"block": {"acton": "swap"}}, 'did you mean "action"'),
    ({"block": {"episode_length": -5}}, "env.episode_length"),
    ({"block": {"episode_length": 1500}}, "round it to whole windows"),
    ({"agent": "dqn"}, "env.action=swap"),
    ({"agent_changes": {"network": "sett"}}, "known: "),
    ({"trace": "nowhere.csv"}, "nowhere.csv"),
    ({"options": {"routing": {"policy": "jsqe"}}}, "jsqe"),
])
def test_what_cannot_work_is_said_at_once(place, tmp_path, changes, what):
    if changes.get("device") and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(SuiteError) as found:
        Run(configured(place, **changes), tmp_path)
    assert what in str(found.value)


def test_resuming_as_something_else_is_refused():
    with pytest.raises(PolicyError, match=r"agent\.learning_rate: was 0\.1"):
        check_same({"agent.learning_rate": 0.1, "seed": 0}, {"agent.learning_rate": 0.2, "seed": 0})


def test_resume_finds_the_newest_run_of_its_kind(tmp_path):
    names = ("2026-01-01_00-00-00_seed0", "2026-01-02_00-00-00_seed0", "2026-01-03_00-00-00_seed1")
    for name in names:
        (tmp_path / "blis" / "ppo" / name).mkdir(parents=True)
        (tmp_path / "blis" / "ppo" / name / CHECKPOINT).touch()
    assert run_folder(tmp_path, "blis", "ppo", 0, resume=True).name == names[1]
    assert run_folder(tmp_path, "blis", "ppo", 0, resume=False).name not in names
    assert run_folder(tmp_path, "blis", "a2c", 0, resume=True).parent.name == "a2c"


def test_training_uses_the_training_part_alone(place):
    task = open_task(configured(place))
    env = task.make_env(4, 1)
    assert env.trace.arrival_ms[-1] < 0.7 * 40_000
    assert env.scenario.options.horizon_ms == 6000
    with pytest.raises(ScenarioError):
        open_task(configured(place, block={"episode_length": None}, scenario="nowhere"))


def test_mask_of_the_environment_is_what_the_network_knows(place):
    from agents.networks import for_environment

    for action in ("per_device", "swap"):
        env = open_task(configured(place, block={"action": action})).make_env(4, 1)
        network = for_environment("blis_accuracy_set", env, {})
        observation, info = env.reset(seed=1)
        for _ in range(5):
            known = network(torch.as_tensor(observation))[0]
            told = network(torch.as_tensor(observation), torch.as_tensor(info["action_mask"]))[0]
            assert torch.equal(known.logp, told.logp)
            observation, *_, info = env.step(known.sample().numpy())
