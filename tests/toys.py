"""A batch that any learner masters in seconds: say which symbols the observation shows."""
from __future__ import annotations

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space


class Identity(VectorEnv):
    """`parts` symbols out of `symbols` are shown; each named one earns 1.

    One other symbol per part is illegal at each step. `luck` is a reward that the replica's seed
    alone decides: what a window is to a trace. Episodes of `length` are truncated, those whose
    seed is a multiple of `ends` terminate one step earlier.
    """

    def __init__(self, num_envs: int = 8, parts: int = 1, symbols: int = 3, length: int = 8,
                 luck: float = 0.0, ends: int = 0):
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}
        self.render_mode = None
        self.num_envs, self.parts, self.symbols, self.length = num_envs, parts, symbols, length
        self.luck, self.ends, self.illegal = luck, ends, 0
        box = gym.spaces.Box(0, 1, (parts * symbols,), np.float32)
        self.single_observation_space = box
        self.single_action_space = (gym.spaces.Discrete(symbols) if parts == 1
                                    else gym.spaces.MultiDiscrete([symbols] * parts))
        self.observation_space = batch_space(box, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.seeds = np.zeros(num_envs, np.uint64)
        self.steps = np.zeros(num_envs, np.int64)
        self.shown = np.zeros((num_envs, parts), np.int64)

    def reset(self, *, seed=None, options=None):
        """Replica i gets `seed + i`, or its entry of a list."""
        if seed is not None:
            seeds = seed if np.ndim(seed) else [seed + i for i in range(self.num_envs)]
            self.seeds[:] = seeds
        self.steps[:] = 0
        self._show()
        return self._observe(), self._info()

    def _show(self):
        for e in range(self.num_envs):
            draw = np.random.default_rng([int(self.seeds[e]), int(self.steps[e])])
            self.shown[e] = draw.integers(0, self.symbols, self.parts)

    def _observe(self):
        return np.eye(self.symbols, dtype=np.float32)[self.shown].reshape(self.num_envs, -1)

    def action_masks(self):
        """The symbol after the shown one is illegal."""
        legal = np.ones((self.num_envs, self.parts, self.symbols), np.int8)
        np.put_along_axis(legal, (self.shown[..., None] + 1) % self.symbols, 0, -1)
        return legal.reshape(self.num_envs, -1)

    def _info(self):
        return {"action_mask": self.action_masks()}

    def step(self, actions):
        """Count hits; restart what ended."""
        actions = np.asarray(actions).reshape(self.num_envs, self.parts)
        self.illegal += int((actions == (self.shown + 1) % self.symbols).sum())
        hits = (actions == self.shown).sum(1)
        reward = hits + self.luck * (self.seeds % np.uint64(7)).astype(float)
        self.steps += 1
        early = (self.seeds % np.uint64(self.ends) == 0) if self.ends else np.zeros(len(hits), bool)
        terminated = early & (self.steps >= self.length - 1)
        truncated = ~terminated & (self.steps >= self.length)
        done = terminated | truncated
        self._show()
        info = {"final_obs": self._observe(), "_final_obs": done} if done.any() else {}
        self.seeds[done] += np.uint64(1000)
        self.steps[done] = 0
        self._show()
        info |= {**self._info(), "hits": hits, "asked": np.full(len(hits), self.parts)}
        return self._observe(), reward.astype(float), terminated, truncated, info

    def snapshot(self):
        """All that changes."""
        return self.seeds.copy(), self.steps.copy(), self.shown.copy()

    def restore(self, saved):
        """Put a snapshot back."""
        for mine, its in zip((self.seeds, self.steps, self.shown), saved, strict=True):
            mine[:] = its


class Named(Identity):
    """The same, shown as a dict: a table of the symbols, and how far the episode is."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.single_observation_space = gym.spaces.Dict({
            "shown": gym.spaces.Box(0, 1, (self.parts, self.symbols), np.float32),
            "elapsed": gym.spaces.Box(0, 1, (1,), np.float32)})
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def _observe(self):
        shown = np.eye(self.symbols, dtype=np.float32)[self.shown]
        return {"shown": shown, "elapsed": (self.steps / self.length).astype(np.float32)[:, None]}


def accuracy(policy, parts: int = 1, symbols: int = 3, kind: type[Identity] = Identity) -> float:
    """Share of symbols that a policy names on a fresh batch."""
    env = kind(256, parts, symbols)
    observation, info = env.reset(seed=90_000)
    action = policy.act(observation, info["action_mask"])
    return float((np.asarray(action).reshape(256, parts) == env.shown).mean())
