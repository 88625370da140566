"""A native batch as Stable-Baselines3 sees the world: one VecEnv, no wrapper per replica."""
from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

from agents.observations import flat, flat_space
from envs.core.errors import PolicyError


class BatchVecEnv(VecEnv):
    """Same-step autoreset, terminal observations, time-limit flags, seeds, masks, episode sums.

    Rewards are divided by a running deviation of the discounted return (`reward_gamma`), since
    the libraries' critics expect returns of about 1; None leaves them as they are. Episode
    statistics are always of the plain reward.
    """

    def __init__(self, env: VectorEnv, reward_gamma: float | None = None):
        if env.metadata["autoreset_mode"] is not AutoresetMode.SAME_STEP:
            raise PolicyError("Stable-Baselines3 needs autoreset in the same step",
                              "autoreset_mode", "make the batch with AutoresetMode.SAME_STEP")
        self.env = env
        super().__init__(env.num_envs, flat_space(env.single_observation_space),
                         env.single_action_space)
        self.render_mode = env.render_mode
        self.scale = RewardScale(env.num_envs, reward_gamma) if reward_gamma is not None else None
        self.info: dict[str, Any] = {}      # of the last step, as the batch gives it
        self._actions: np.ndarray | None = None
        self._returns, self._lengths = np.zeros(env.num_envs), np.zeros(env.num_envs, np.int64)
        self._began = time.time()

    def reset(self) -> np.ndarray:
        """Start all replicas, each with the seed that `seed()` gave it."""
        seeded = any(s is not None for s in self._seeds)
        options = self._options[0] or None
        obs, self.info = self.env.reset(seed=list(self._seeds) if seeded else None, options=options)
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0
        self._lengths[:] = 0
        if self.scale:
            self.scale.forget(np.ones(self.num_envs, bool))
        return flat(obs)

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions until `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """One step of the whole batch."""
        obs, reward, terminated, truncated, self.info = self.env.step(self._actions)
        done = terminated | truncated
        self._returns += reward
        self._lengths += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if done.any():
            self._end_episodes(done, truncated & ~terminated, infos)
        reward = self.scale(reward, done) if self.scale else reward.astype(np.float32)
        return flat(obs), reward, done, infos

    def _end_episodes(self, done: np.ndarray, cut: np.ndarray, infos: list[dict[str, Any]]) -> None:
        final, now = flat(self.info["final_obs"]), round(time.time() - self._began, 6)
        for i in done.nonzero()[0]:
            infos[i] = {
                "terminal_observation": final[i],
                "TimeLimit.truncated": bool(cut[i]),
                "episode": {"r": float(self._returns[i]), "l": int(self._lengths[i]), "t": now},
            }
        self._returns[done] = 0
        self._lengths[done] = 0

    def action_masks(self) -> np.ndarray:
        """(E, choices) bool, as sb3-contrib wants it."""
        masks = self.info.get("action_mask")
        masks = self.env.action_masks() if masks is None else masks
        return np.asarray(masks).reshape(self.num_envs, -1).astype(bool)

    def close(self) -> None:
        """Close the batch."""
        self.env.close()

    def render(self, mode: str | None = None) -> np.ndarray | None:
        """The batch's own picture."""
        return self.env.render()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The batch's attribute, once per replica."""
        owner = self if attr_name == "action_masks" else self.env
        return [getattr(owner, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set it on the batch."""
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None,
                   **method_kwargs: Any) -> Sequence[Any]:
        """Rows of the mask per replica; any other method is called once on the batch."""
        if method_name == "action_masks":
            return self.action_masks()[list(self._get_indices(indices))]
        result = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [result] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Never, but as a Monitor it is: episode statistics come from here."""
        from stable_baselines3.common.monitor import Monitor

        return [wrapper_class is Monitor] * len(list(self._get_indices(indices)))

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint needs beside the environment's snapshot."""
        kept = {"returns": self._returns, "lengths": self._lengths}
        return {**kept, **self.scale.state()} if self.scale else kept

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put `state` back; the masks are those of the environment from now on."""
        self.info = {}
        self._returns[:], self._lengths[:] = state["returns"], state["lengths"]
        if self.scale:
            self.scale.restore(state)


class RewardScale:
    """Running deviation of the discounted return over all replicas."""

    LIMIT = 10.0

    def __init__(self, envs: int, gamma: float):
        self.gamma, self.running = gamma, np.zeros(envs)
        self.moments = np.array([1e-4, 0.0, 1.0])       # count, mean, variance

    def __call__(self, reward: np.ndarray, done: np.ndarray) -> np.ndarray:
        """Update with a step's rewards and scale them."""
        self.running = self.running * self.gamma + reward
        self._merge(self.running)
        self.forget(done)
        scaled = reward / np.sqrt(self.moments[2] + 1e-8)
        return np.clip(scaled, -self.LIMIT, self.LIMIT).astype(np.float32)

    def _merge(self, x: np.ndarray) -> None:
        count, mean, variance = self.moments
        total, delta = count + len(x), x.mean() - mean
        spread = variance * count + x.var() * len(x) + delta**2 * count * len(x) / total
        self.moments[:] = total, mean + delta * len(x) / total, spread / total

    def forget(self, done: np.ndarray) -> None:
        """Episodes that ended begin a new return."""
        self.running[done] = 0

    def state(self) -> dict[str, np.ndarray]:
        """Arrays of a checkpoint."""
        return {"running": self.running, "moments": self.moments}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put `state` back."""
        self.running, self.moments = state["running"].copy(), state["moments"].copy()
