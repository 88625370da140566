"""Runs on `cluster`: the defaults fit the environment, what is saved acts, what is cut goes on."""
from __future__ import annotations

from pathlib import Path

import hydra
import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf

import train as entry
from agents import store
from agents.checkpoints import load_checkpoint
from agents.domains import domain
from agents.task import CHECKPOINT
from agents.training import Run, train
from tests.small import SMALL

ROOT = Path(__file__).parent.parent
FEW = {"reinforce": ["agent.group=2"],
       "maskable_ppo": ["agent.n_steps=8", "agent.batch_size=16", "agent.n_epochs=1"]}


def composed(*words):
    """What `python train.py env=cluster WORDS` is told."""
    assert entry.STORE is not None
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return OmegaConf.to_object(hydra.compose("train", ["env=cluster", *words]))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The small cluster and its jobs, as files."""
    folder = tmp_path_factory.mktemp("task")
    small = {k: v for k, v in SMALL["sched/Cluster-v0"]["scenario"].items() if k != "env"}
    (folder / "small.yaml").write_text(yaml.safe_dump({**small, "trace": str(folder / "t.csv")}))
    trace = SMALL["sched/Cluster-v0"]["trace"]
    rows = zip(trace.arrival_s, trace.gpus, trace.duration_s, trace.class_names(), strict=True)
    lines = ["arrival_s,gpus,duration_s,class", *(f"{a},{g},{d},{c}" for a, g, d, c in rows)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return folder


def short(place, agent, *words):
    """A run of a few updates."""
    return composed(f"agent={agent}", f"scenario={place / 'small.yaml'}", "agent.num_envs=4",
                    "env.episode_length=8", "env.slots=4", "steps=120", "windows=1",
                    "validations=2", "table=false", "pictures=false", "device=cpu",
                    "env_threads=1", *FEW[agent], *words)


def test_costs_are_not_discounted_by_the_number_of_launches():
    assert composed().agent.gamma == 1.0
    assert composed("agent=maskable_ppo").agent.gamma == 0.999
    assert composed("agent.gamma=0.9").agent.gamma == 0.9
    assert composed("env=blis").agent.gamma < 1


def test_nothing_that_a_scheduler_cannot_know_is_used():
    env = composed().env
    d = domain("cluster")
    scenario = d.load_scenario(d.scenario_name).merge(env["options"])
    assert env["blind"] and scenario.options.order not in ("sjf", "srtf", "srtf-gpu", "hrrn", "llf")


@pytest.mark.parametrize("agent", FEW)
def test_interrupted_and_resumed_equals_uninterrupted(place, tmp_path, agent):
    whole = train(short(place, agent), tmp_path / "whole")
    (tmp_path / "parts").mkdir()
    part = Run(short(place, agent), tmp_path / "parts")
    part.learner.update()
    part.updates = 1
    part.checkpoint()
    torch.manual_seed(55)
    np.random.seed(55)
    train(short(place, agent, "resume=true"), tmp_path / "parts")
    one, two = (load_checkpoint(tmp_path / k / CHECKPOINT)[0] for k in ("whole", "parts"))
    assert one.keys() == two.keys()
    learned = [k for k in one if k.startswith("learner/network")]
    assert learned and all(torch.equal(one[k], two[k]) for k in learned)
    policy = store.load(whole)
    assert policy.network_name == "cluster_set" and policy.options["env"]["control"] == "pick"


@pytest.mark.parametrize("control", ["policy", "resize"])
def test_other_controls_train(place, tmp_path, control):
    config = short(place, "reinforce", f"env.control={control}", "env.interval_s=300")
    policy = store.load(train(config, tmp_path / "run"))
    assert policy.options["env"]["control"] == control
    assert bool(policy.network.config.candidates) == (control == "policy")
