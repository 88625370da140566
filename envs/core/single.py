"""One row of a batch as a plain Gymnasium environment, so alone equals row 0 by construction."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from envs.core.batch import BatchEnv


class SingleEnv(gym.Env):
    """A batch of one, unbatched; episodes end instead of restarting."""

    vector: ClassVar[type[BatchEnv]]
    metadata = {"render_modes": ["rgb_array", "ansi", "human"], "render_fps": 1}

    def __init__(self, **kwargs: Any):
        self.batch = self.vector(num_envs=1, autoreset_mode=AutoresetMode.DISABLED, **kwargs)
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space
        self.render_mode = self.batch.render_mode

    @property
    def feature_names(self) -> Any:
        """Names of the columns of the observation."""
        return self.batch.feature_names

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None):
        """Begin an episode."""
        observation, info = self.batch.reset(seed=seed, options=options)
        super().reset(seed=seed)
        return _row(observation), _first(info)

    def step(self, action: Any):
        """One step."""
        observation, reward, terminated, truncated, info = self.batch.step(np.asarray(action)[None])
        return (_row(observation), float(reward[0]), bool(terminated[0]), bool(truncated[0]),
                _first(info))

    def action_masks(self) -> np.ndarray:
        """Legal choices now, flat int8."""
        return self.batch.action_masks()[0]

    def snapshot(self) -> dict[str, Any]:
        """The replica, exactly."""
        return self.batch.snapshot()

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a snapshot."""
        self.batch.restore(saved)

    def render(self) -> np.ndarray | str | None:
        """The picture, the screen, or None after showing a window."""
        drawn = self.batch.render()
        return None if drawn is None else drawn[0]

    def close(self) -> None:
        """Let go of the batch."""
        self.batch.close()


def _row(observation: Any) -> Any:
    """Row 0 of an observation."""
    if isinstance(observation, Mapping):
        return {key: values[0] for key, values in observation.items()}
    return observation[0]


def _first(info: Mapping[str, Any]) -> dict[str, Any]:
    """Row 0 of every array of an info; the marks of which rows count are left out."""
    return {key: _first(value) if isinstance(value, Mapping) else value[0]
            for key, value in info.items() if not key.startswith("_")}
