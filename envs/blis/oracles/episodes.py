"""Episodes of the environments, step by step, with the actions of a file."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from envs.blis.env import BlisAccuracyEnv, BlisEnv
from envs.blis.episodes import ServingEnv
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario
from envs.core.oracles import OracleError, Outcome, differences, outcome

CLASSES: Mapping[str, type[ServingEnv]] = {"blis": BlisEnv, "accuracy": BlisAccuracyEnv}


def check_steps(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """One episode: observation, reward, flags and mask of every step."""
    if content["env"] not in CLASSES:
        raise OracleError(f'unknown environment "{content["env"]}"', name,
                          "valid: " + ", ".join(CLASSES))
    if len(content["steps"]) != len(content["actions"]) + 1:
        raise OracleError("the steps do not fit the actions", name,
                          "give the reset and one step per action")
    yield outcome(name, lambda: _compare(name, content))


def _compare(name: str, content: Mapping[str, Any]) -> list[str]:
    steps, expected = play(name, content), content["steps"]
    got = [{k: v for k, v in step.items() if k in want}
           for step, want in zip(steps, expected, strict=True)]
    return differences(expected, got, "steps")


def play(name: str, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the environment answers to the actions of a file, in the form of an oracle."""
    scenario = Scenario.from_config(content["config"])
    env = CLASSES[content["env"]](1, scenario=scenario,
                                  trace=Trace.from_rows(content["trace"], name=name),
                                  autoreset_mode=AutoresetMode.DISABLED, strict=True)
    env.reset(seed=0)
    steps = [_seen(env)]
    for action in content["actions"]:
        _, reward, terminated, truncated, _ = env.step(np.array([action]))
        steps.append({**_seen(env), "reward": float(reward[0]),
                      "terminated": bool(terminated[0]), "truncated": bool(truncated[0])})
    return steps


def _seen(env: ServingEnv) -> dict[str, Any]:
    """The observation before scaling and before the cast to float32, and the mask."""
    mask = "".join(map(str, env.action_masks()[0].tolist()))
    return {"observation": env.raw_observation[0].tolist(), "mask": mask}
