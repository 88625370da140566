"""The kernel beside the plain-Python reference, on cases in the form of the shared ones."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings

from envs.core.oracles import differences
from envs.net2net.engine import Engine
from envs.net2net.oracles.model import episode, seed_of, setup_of
from envs.net2net.system import Job, Rules, bind
from tests.reference.net2net.job import play
from tests.reference.net2net.observation import episode as sighted

REWARDS = ("final", "delta", "tan", "cost")
BATCH, SHOWN = 3, 1                 # replicas, and the one that is looked at


def repeatable(examples: int) -> settings:
    """The same examples in every run, without a clock."""
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                    suppress_health_check=list(HealthCheck))


def disagreements(case: Mapping[str, Any]) -> list[str]:
    """Where clocks, errors, actions or the network of a sequence differ from the reference's."""
    return differences(play(case, seed_of(case)), episode(case))


def observed(case: Mapping[str, Any]) -> list[str]:
    """Where observations, masks, rewards or accuracies differ."""
    want = sighted(case, seed_of(case))
    rewards = want.pop("rewards")
    want["observations"] = clipped(want["observations"])
    found = differences(rewards, {name: seen(case, name)[1] for name in rewards}, "rewards")
    return found + differences(want, seen(case)[0])


def clipped(rows: list[list[float]]) -> list[list[float]]:
    """Observations as they are shown."""
    return [[min(4.0, max(-1.0, float(x))) for x in row] for row in rows]


def seen(case: Mapping[str, Any], reward: str = "final") -> tuple[dict[str, Any], list[float]]:
    """What one replica of a batch sees, and its rewards."""
    engine = engine_of(case, reward)
    on, sights, rewards = np.ones(BATCH, bool), [], []
    for action in case["sequence"]:
        observation, mask = engine.look(on)
        sights.append((observation[SHOWN].tolist(), mask[SHOWN].tolist(), _accuracy(engine)))
        rewards.append(float(engine.play(on, np.full(BATCH, action))[SHOWN]))
    observations, masks, accuracies = (list(column) for column in zip(*sights, strict=True))
    gpu_seconds = float(engine.block["run"]["gpu_total"][SHOWN]) / 1000
    return {"observations": observations, "masks": masks, "gpu_seconds": gpu_seconds,
            "accuracy": [*accuracies, _accuracy(engine)]}, rewards


def engine_of(case: Mapping[str, Any], reward: str = "final") -> Engine:
    """A batch of replicas of a case, begun under its seed."""
    setup = setup_of(case)
    rules = Rules("parametric", setup.timeline, setup.profile, setup.jump_grow, setup.jump_undo,
                  setup.vary, setup.max_parameters, reward)
    engine = Engine(bind(rules, [Job(setup.cell, setup.theta, setup.noise)]), BATCH)
    first = np.zeros(BATCH, np.int32)
    engine.begin(np.ones(BATCH, bool), first, first, np.full(BATCH, seed_of(case), np.uint64))
    return engine


def _accuracy(engine: Engine) -> float:
    return float(engine.block["run"]["accuracy"][SHOWN])
