"""E replicas of one environment, stepped together: seeding, autoreset, masks, statistics.

A domain subclasses `BatchEnv` and fills in five hooks: `_begin`, `_look`, `_play`, `_save`,
`_load`; what a user of Gymnasium sees is here, once for all domains.
"""
from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.core.errors import ActionError
from envs.core.rng import episode_seed, replica_seed

Observation = np.ndarray | dict[str, np.ndarray]        # the first axis is the replica


class BatchEnv(VectorEnv):
    """Base of all environments; replica i of `reset(seed=s)` is a single one with seed s + i.

    A step after the end of an episode follows `autoreset_mode`: SAME_STEP begins the next episode
    at once (`info["final_obs"]`, `info["final_info"]`), NEXT_STEP spends the next step on it, in
    DISABLED it is an `ActionError` until `reset`, which takes `options={"reset_mask": ...}`.
    """

    metadata = {"render_modes": ["rgb_array", "ansi", "human"], "render_fps": 1,
                "autoreset_mode": AutoresetMode.SAME_STEP}
    feature_names: Sequence[str] = ()

    def __init__(self, num_envs: int, observation: spaces.Space, action: spaces.Space, *,
                 autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
                 max_episode_steps: int | None = None, strict: bool = False,
                 render_mode: str | None = None):
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ActionError(f'unknown render_mode "{render_mode}"', type(self).__name__,
                              "valid: " + ", ".join(self.metadata["render_modes"]))
        self.autoreset = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset}
        self.num_envs, self.strict, self.render_mode = num_envs, strict, render_mode
        self.max_episode_steps = max_episode_steps
        self.single_observation_space, self.single_action_space = observation, action
        self.observation_space = batch_space(observation, num_envs)
        self.action_space = batch_space(action, num_envs)
        self._seeds = np.array([secrets.randbits(64) for _ in range(num_envs)], np.uint64)
        self._episodes = np.full(num_envs, -1, np.int64)
        self._done = np.ones(num_envs, bool)        # no episode is under way
        self._returns, self._lengths = np.zeros(num_envs), np.zeros(num_envs, np.int64)

    def _begin(self, chosen: np.ndarray, seeds: np.ndarray, options: Mapping[str, Any]) -> None:
        """Begin an episode of the chosen replicas; `seeds` (E,) u8 are behind their draws."""
        raise NotImplementedError

    def _look(self) -> tuple[Observation, np.ndarray]:
        """Fresh arrays: observation (E, ...), or a dict of such, and flat int8 mask (E, M)."""
        raise NotImplementedError

    def _play(self, actions: np.ndarray) -> tuple:
        """One step: observation, reward, terminated, truncated, mask, info of arrays (E, ...)."""
        raise NotImplementedError

    def _save(self) -> Any:
        """Everything that the domain remembers, as arrays."""
        raise NotImplementedError

    def _load(self, saved: Any) -> None:
        """Go on from `_save`."""
        raise NotImplementedError

    def _about(self) -> dict[str, np.ndarray]:
        """What info says of an episode from its beginning on, arrays (E,)."""
        return {}

    def _check(self, actions: np.ndarray) -> None:
        """Strict mode: raise `ActionError` for an illegal action."""

    def reset(self, *, seed: int | Sequence[int | None] | None = None,
              options: Mapping[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin episodes; without a seed each replica goes on to its next one."""
        options = dict(options or {})
        chosen = np.asarray(options.pop("reset_mask", np.ones(self.num_envs, bool)), bool)
        if chosen.shape != (self.num_envs,):
            raise ActionError(f"reset_mask has shape {chosen.shape}", "options",
                              f"give {self.num_envs} truth values")
        for i, s in enumerate(self._spread(seed)):
            if s is not None and chosen[i]:
                if s < 0:
                    raise ActionError(f"{s} is no seed", "reset", "give integers from 0 on")
                self._seeds[i], self._episodes[i] = self._seed_of(int(s)), -1
        self._restart(chosen, options)
        observation, self._mask = self._look()
        return observation, {**self._about(), "action_mask": self._mask.copy()}

    def _spread(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if np.asarray(seed).dtype.kind not in "iuO":
            raise ActionError(f"{seed!r} is no seed", "reset",
                              "give an integer, or one per replica")
        if np.ndim(seed) == 0:
            return [int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ActionError(f"{len(seed)} seeds for {self.num_envs} replicas", "reset",
                              "give one number or one per replica")
        return seed

    def _seed_of(self, seed: int) -> int:
        """The 64-bit number behind the draws of a replica that was reset with `seed`."""
        return replica_seed(seed)

    def _episode_seed(self, seed: int, episode: int) -> int:
        """The number behind the draws of episode 0, 1, ... after a seeded reset."""
        return episode_seed(seed, episode)

    def _episode_seeds(self, seeds: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        """The same for all replicas, (E,) u8."""
        return np.array([self._episode_seed(int(s), int(e))
                         for s, e in zip(seeds, episodes, strict=True)], np.uint64)

    def _restart(self, chosen: np.ndarray, options: Mapping[str, Any]) -> None:
        self._episodes[chosen] += 1
        self._begin(chosen, self._episode_seeds(self._seeds, np.maximum(0, self._episodes)),
                    options)
        self._done[chosen] = False
        self._returns[chosen], self._lengths[chosen] = 0.0, 0

    def step(self, actions: np.ndarray) -> tuple:
        """One step of every replica; info always has `action_mask`."""
        actions = self._checked(actions)
        begun = self._done.copy() if self.autoreset is AutoresetMode.NEXT_STEP else None
        if begun is not None and begun.any():
            return self._step_after_end(actions, begun)
        observation, reward, terminated, truncated, self._mask, info = self._play(actions)
        return self._finish(observation, reward, terminated, truncated, info)

    def _finish(self, observation, reward, terminated, truncated, info) -> tuple:
        """Statistics of ended episodes, and the next ones where they begin at once."""
        self._returns += reward
        self._lengths += 1
        if self.max_episode_steps is not None:
            truncated = truncated | (~terminated & (self._lengths >= self.max_episode_steps))
        self._done = terminated | truncated
        if self._done.any():
            info["episode"] = {"r": self._returns.copy(), "l": self._lengths.copy()}
            info["_episode"] = self._done.copy()
            if self.autoreset is AutoresetMode.SAME_STEP:
                observation, info = self._begin_at_once(observation, info)
        info["action_mask"] = self._mask.copy()
        return observation, reward, terminated, truncated, info

    def _begin_at_once(self, observation: Observation, info: dict[str, Any]) -> tuple:
        done = self._done.copy()
        final = {key: value for key, value in info.items() if not key.startswith("_")}
        final["action_mask"] = self._mask.copy()
        info |= {"final_obs": observation, "_final_obs": done, "final_info": final,
                 "_final_info": done}
        self._restart(done, {})
        fresh, self._mask = self._look()
        return fresh, {**info, **self._about()}

    def _step_after_end(self, actions: np.ndarray, begun: np.ndarray) -> tuple:
        """NEXT_STEP: ended replicas begin anew and ignore the action, the others play."""
        saved = None if begun.all() else self._step_of_others(actions, begun)
        self._restart(begun, {})
        fresh, mask = self._look()
        zeros, never = np.zeros(self.num_envs), np.zeros(self.num_envs, bool)
        if saved is None:
            self._mask = mask
            return fresh, zeros, never, never.copy(), {**self._about(),
                                                       "action_mask": mask.copy()}
        observation, reward, terminated, truncated, self._mask, info = saved
        overwrite(observation, fresh, begun)
        self._mask[begun] = mask[begun]
        reward[begun], terminated[begun], truncated[begun] = 0.0, False, False
        _clear(info, begun)
        info |= self._about()
        self._lengths[begun] = -1
        return self._finish(observation, reward, terminated, truncated, info)

    def _step_of_others(self, actions: np.ndarray, begun: np.ndarray) -> tuple:
        """Play all replicas; what that does to the ended ones is forgotten when they restart."""
        self._restart(begun, {})
        self._episodes[begun] -= 1
        legal = np.where(begun.reshape(-1, *[1] * (actions.ndim - 1)), self._idle(), actions)
        return self._play(legal.astype(actions.dtype))

    def _idle(self) -> np.ndarray | int:
        """An action that is always legal."""
        return 0

    def _checked(self, actions: Any) -> np.ndarray:
        """The actions as an array of the space; every kind of misuse is one `ActionError`."""
        name = type(self).__name__
        if (self._episodes < 0).any():
            raise ActionError("step before reset", name, "call reset first")
        if self._done.any() and self.autoreset is AutoresetMode.DISABLED:
            raise ActionError("step after the end of the episode", name, "call reset")
        actions = np.asarray(actions)
        shape = (self.num_envs, *(self.single_action_space.shape or ()))
        if actions.shape != shape or actions.dtype.kind not in "iu":
            raise ActionError(f"action of shape {actions.shape} and type {actions.dtype}", name,
                              f"give integers of shape {shape}")
        low, high = _bounds(self.single_action_space)
        if (actions < low).any() or (actions > high).any():
            raise ActionError("action outside its space", name, str(self.single_action_space))
        if self.strict:
            self._check(actions)
        return np.ascontiguousarray(actions, np.int32)

    def action_masks(self) -> np.ndarray:
        """Legal choices now, int8 (E, M), the parts of a MultiDiscrete one after the other."""
        return self._mask.copy()

    def snapshot(self) -> dict[str, Any]:
        """All replicas exactly, as arrays."""
        return {"domain": self._save(), "seeds": self._seeds.copy(), "done": self._done.copy(),
                "episodes": self._episodes.copy(), "returns": self._returns.copy(),
                "lengths": self._lengths.copy(), "mask": self._mask.copy()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a snapshot."""
        if len(saved["seeds"]) != self.num_envs:
            raise ActionError(f"a snapshot of {len(saved['seeds'])} replicas", "restore",
                              f"this batch has {self.num_envs}")
        self._load(saved["domain"])
        self._seeds, self._done = saved["seeds"].copy(), saved["done"].copy()
        self._episodes, self._returns = saved["episodes"].copy(), saved["returns"].copy()
        self._lengths, self._mask = saved["lengths"].copy(), saved["mask"].copy()

    def draw(self, e: int, mode: str) -> np.ndarray | str:
        """The picture (`rgb_array`) or the screen (`ansi`) of replica `e`."""
        raise NotImplementedError

    def render(self) -> tuple[np.ndarray | str, ...] | None:
        """One picture or screen per replica; "human" shows the first in a window."""
        if self.render_mode is None:
            return None
        if self.render_mode != "human":
            return tuple(self.draw(e, self.render_mode) for e in range(self.num_envs))
        from envs.core.drawing import show

        show(self.draw(0, "rgb_array"))
        return None


def check_counts(**counts: int) -> None:
    """`num_envs` and `threads` are integers from 1 on; an `ActionError` names what is not."""
    for name, count in counts.items():
        if not isinstance(count, int | np.integer) or count < 1:
            raise ActionError(f"{count!r} is no number of {name}", name,
                              "give an integer from 1 on")


def overwrite(observation: Observation, fresh: Observation, rows: np.ndarray) -> None:
    """Put rows of fresh observations in place, in an array or in each array of a dict."""
    if isinstance(observation, Mapping):
        for key, values in observation.items():
            values[rows] = fresh[key][rows]
    else:
        observation[rows] = fresh[rows]


def _clear(info: Mapping[str, Any], rows: np.ndarray) -> None:
    """Zero rows of every array of an info."""
    for value in info.values():
        if isinstance(value, Mapping):
            _clear(value, rows)
        else:
            value[rows] = 0


def _bounds(space: spaces.Space) -> tuple[Any, Any]:
    if isinstance(space, spaces.Discrete):
        return space.start, space.start + space.n - 1
    return space.start, space.start + space.nvec - 1


def split_mask(space: spaces.MultiDiscrete, mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """A flat mask in the form that `MultiDiscrete.sample(mask)` takes."""
    return tuple(np.ascontiguousarray(part, np.int8)
                 for part in np.split(mask, np.cumsum(space.nvec)[:-1]))
