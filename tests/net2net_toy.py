"""Growing networks without training: the observation's layout, and rewards from a small table."""
from __future__ import annotations

import math
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.net2net.cells import Cell, cell_of, edited, edits_of

CELLS = ("digits@600/depth", "pair_max@1500/depth")
BEST = ((3, 0, 0), (0, 2, 1))       # of the cells, and what each hit is worth
WORTH = (0.5, 0.3, 0.1)


def layer_rows(cell: Cell, architecture) -> np.ndarray:
    """(9S, 8) the layer slots of an observation."""
    network, rows = cell.network, []
    inputs = network.cin
    for stage, (depth, width, kernel) in enumerate(architecture):
        share = network.pixels[stage] / (network.hw[0] * network.hw[1])
        for layer in range(depth):
            rows.append([1, 0, 0, math.log2(inputs) / 8, math.log2(width) / 8, kernel / 7, share,
                         float(layer >= network.depth[stage])])
            inputs = width
        if network.pools[stage]:
            rows.append([0, 1, 0, math.log2(width) / 8, math.log2(width) / 8, 2 / 7, share, 0])
    if network.head_pixels:
        features = math.log2(network.features(architecture)) / 8
        rows.append([0, 0, 1, features, math.log2(network.classes) / 8, 0, 0, 0])
    return np.pad(np.array(rows, np.float32), ((0, 9 * cell.stages - len(rows)), (0, 0)))


class Growing(VectorEnv):
    """Replica i plays cell `seed % cells`; the reward of a sequence comes at its end."""

    def __init__(self, num_envs: int = 8, cells: tuple[str, ...] = CELLS, best=BEST,
                 show_task: bool = False):
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}
        self.render_mode, self.num_envs, self.best = None, num_envs, best
        self.scenario = SimpleNamespace(cells=tuple(cell_of(name) for name in cells))
        cell = self.scenario.cells[0]
        self.system = SimpleNamespace(first=cell)
        self.actions, self.depth = cell.actions, cell.depth_of_tree
        tables = [self._tables(k, c) for k, c in enumerate(self.scenario.cells)]
        self.rows = np.stack([rows for rows, _ in tables])
        if show_task:
            hot = np.broadcast_to(np.eye(len(cells), dtype=np.float32)[:, None],
                                  (*self.rows.shape[:2], len(cells)))
            self.rows = np.concatenate([self.rows, hot], -1)
        self.values = np.stack([values for _, values in tables])
        box = gym.spaces.Box(-1, 4, self.rows.shape[-1:], np.float32)
        self.single_observation_space = box
        self.single_action_space = gym.spaces.Discrete(self.actions)
        self.observation_space = batch_space(box, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.cell, self.node, self.step_of = (np.zeros(num_envs, np.int64) for _ in range(3))

    def _tables(self, k: int, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
        """Observations of all nodes and values of all leaves of a cell."""
        rows, values = [], []
        for depth in range(cell.depth_of_tree + 1):
            for leaf in range(cell.actions**depth):
                prefix = tuple(leaf // cell.actions**p % cell.actions
                               for p in range(depth - 1, -1, -1))
                rows.append(self._row(cell, prefix))
                if depth == cell.depth_of_tree:
                    values.append(sum(w for a, b, w in zip(
                        prefix, self.best[k], WORTH, strict=True) if a == b))
        return np.array(rows, np.float32), np.array(values)

    def _row(self, cell: Cell, prefix: tuple[int, ...]) -> np.ndarray:
        architecture = cell.network.base
        for action in prefix:
            for edit, stage in edits_of(cell.action_set, action, cell.stages):
                architecture = edited(architecture, edit, stage)
        j, seen = len(prefix), np.zeros(20, np.float32)
        seen[0] = (*cell.fractions, 1.0)[j]
        seen[2], seen[3] = math.log10(cell.budget_ms) / 5, j / cell.depth_of_tree
        seen[9] = math.log2(cell.network.parameters(architecture)
                            / cell.network.parameters(cell.network.base)) / 8
        stages = np.array([[d / 8, math.log2(w) / 7, k / 7, 0] for d, w, k in architecture])
        after = np.zeros(2 * cell.actions)
        return np.concatenate([seen, stages.ravel(), after, layer_rows(cell, architecture).ravel()])

    def reset(self, *, seed=None, options=None):
        """Replica i gets `seed + i`, or its entry of a list; the seed says the cell."""
        if seed is not None:
            seeds = seed if np.ndim(seed) else [seed + i for i in range(self.num_envs)]
            self.cell[:] = np.asarray(seeds) % len(self.scenario.cells)
        self.node[:], self.step_of[:] = 0, 0
        return self._look()

    def _look(self):
        return self.rows[self.cell, self.node], {"action_mask": self.action_masks(),
                                                 "cell": self.cell.copy()}

    def action_masks(self):
        """All actions are legal."""
        return np.ones((self.num_envs, self.actions), np.int8)

    def step(self, actions):
        """To the child of the action."""
        self.node = self.actions * self.node + 1 + np.asarray(actions)
        self.step_of += 1
        done = self.step_of == self.depth
        reward = np.zeros(self.num_envs)
        info = {}
        if done.any():
            first = self.rows.shape[1] - self.values.shape[1]
            reward = np.where(done, self.values[self.cell, self.node - first], 0.0)
            info = {"final_obs": self.rows[self.cell, self.node], "_final_obs": done}
            self.node[done], self.step_of[done] = 0, 0
        observation, more = self._look()
        return observation, reward, done, np.zeros(self.num_envs, bool), {**info, **more}

    def snapshot(self):
        """All that changes."""
        return self.cell.copy(), self.node.copy(), self.step_of.copy()

    def restore(self, saved):
        """Put a snapshot back."""
        self.cell, self.node, self.step_of = (x.copy() for x in saved)
