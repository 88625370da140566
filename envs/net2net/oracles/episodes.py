"""Episodes of the environment: what is seen, what may be done, every kind of reward."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from envs.core.oracles import Outcome, differences, outcome
from envs.net2net.env import Net2NetEnv
from envs.net2net.oracles.model import NOISE, cell_of, seed_of
from envs.net2net.scenario import Scenario
from envs.net2net.theta import FittedSet, Theta, write_thetas

SINGLE = 1e-6               # float32
BATCH, SHOWN = 3, 1         # replicas, and the one that is looked at
SAME = ("jump_grow", "jump_undo", "profile", "gpu_timeline")


def check_env(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every episode: once to see, and once for each reward."""
    for number, case in enumerate(content["episodes"]):
        want = dict(case["expect"])
        rewards = want.pop("rewards")
        yield outcome(f"{name}, {number}, observations", lambda c=case, w=want: differences(
            w, _asked(episode(c), w), "", SINGLE))
        for reward, rows in rewards.items():
            yield outcome(f"{name}, {number}, {reward}", lambda c=case, k=reward, r=rows:
                          differences(r, episode(c, k)["rewards"], "rewards", SINGLE))


def _asked(found: Mapping[str, Any], want: Mapping[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in want}


def episode(case: Mapping[str, Any], reward: str = "final") -> dict[str, Any]:
    """What one replica of a batch sees and gets while the sequence of a case is played."""
    with TemporaryDirectory() as folder:
        scenario = scenario_of(case, Path(folder) / "theta.json", reward)
        env = Net2NetEnv(BATCH, scenario=scenario, record=True,
                         autoreset_mode=AutoresetMode.DISABLED)
    observation, info = env.reset(seed=0, options={"cell": 0, "seed": seed_of(case)})
    seen, masks, rewards = [], [], []
    for action in case["sequence"]:
        seen.append(observation[SHOWN].tolist())
        masks.append(info["action_mask"][SHOWN].tolist())
        observation, reward_now, *_, info = env.step(np.full(BATCH, action))
        rewards.append(float(reward_now[SHOWN]))
    run = env.run_of(SHOWN)
    env.close()
    return {"observations": seen, "masks": masks, "rewards": rewards,
            "accuracy": run.states["val_accuracy"].tolist(), "gpu_seconds": run.gpu_seconds,
            "metrics": {key: float(values[SHOWN]) for key, values in info["metrics"].items()}}


def scenario_of(case: Mapping[str, Any], path: Path, reward: str = "final") -> Scenario:
    """The scenario of a case; its parameters are written to `path`, which is read at once."""
    cell = cell_of(case)
    write_thetas(path, {cell.task: FittedSet(
        cell.task, cell.network, cell.action_set, tuple(case["fractions"]),
        Theta.from_config(case["theta"], cell.stages))})
    noise = case.get("noise")
    row = {"cell": f"{cell.task}@{cell.budget_ms}/{cell.action_set}", "theta": cell.task,
           "fractions": list(case["fractions"]), "network": dict(case["cell"])}
    return Scenario.from_config({
        "backend": "parametric", "cells": [row], "theta": str(path),
        **{key: case[key] for key in SAME}, "vary": case.get("vary", 0.0),
        "noise": {key: noise[key] for key in NOISE} if noise else None,
        "max_parameters": case.get("max_parameters"), "env": {"reward": reward}})
