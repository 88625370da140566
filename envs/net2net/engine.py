"""The memory of a batch of replicas, and the calls of the kernels on it."""
from __future__ import annotations

import numpy as np

from envs.core.jit import announce_compilation, records
from envs.core.replicas import Replicas
from envs.net2net.rules import batches
from envs.net2net.state import MOMENT, make_block, views
from envs.net2net.system import System


class Engine(Replicas):
    """E replicas of one system; threads take slices of the batch."""

    def __init__(self, system: System, envs: int = 1, *, threads: int = 1):
        announce_compilation()
        cell = system.first
        block = make_block(envs + 1, cell.stages, cell.depth_of_tree)
        super().__init__(envs, block, np.zeros((0, 0)), threads)
        self.system, self.work = system, system.work
        self.state = views(self.padded_block)

    def begin(self, chosen: np.ndarray, cell: np.ndarray, row: np.ndarray,
              seed: np.ndarray) -> None:
        """Begin episodes: number of the cell, position of the recorded seed, seed x; each (E,)."""
        self.over_slices(batches.begin_batch, self.work, chosen, np.asarray(cell, np.int32),
                         np.asarray(row, np.int32), np.asarray(seed, np.uint64))

    def play(self, active: np.ndarray, action: np.ndarray) -> np.ndarray:
        """One action of every active replica; rewards (E,)."""
        reward = np.zeros(self.envs)
        self.over_slices(batches.play_batch, self.work, active, np.asarray(action, np.int32),
                         reward)
        return reward

    def pay(self, active: np.ndarray) -> np.ndarray:
        """Rewards (E,) of the last step, where a host has trained what came after the action."""
        reward = np.zeros(self.envs)
        self.over_slices(batches.pay_batch, self.work, active, reward)
        return reward

    def look(self, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Observations f8 (E, F) and masks int8 (E, A) of the active replicas, 0 elsewhere."""
        observation = np.zeros((self.envs, self.system.features))
        mask = np.zeros((self.envs, self.system.first.actions), np.int8)
        self.over_slices(batches.look_batch, self.work, active, observation, mask)
        return observation, mask

    def note(self) -> np.ndarray:
        """How every replica stands, (E,) moments."""
        moment = np.zeros(self.envs + 1, MOMENT)
        self.over_slices(batches.note_batch, self.work, np.ones(self.envs, bool),
                         records(moment)[:self.envs])
        return moment[:self.envs]

    def replay(self, sequence: np.ndarray) -> np.ndarray:
        """Play sequences (E, D) from the start of every replica; moments (E, D + 1)."""
        moment = np.zeros((self.envs + 1, sequence.shape[1] + 1), MOMENT)
        self.over_slices(batches.replay_batch, self.work, np.asarray(sequence, np.int32),
                         records(moment)[:self.envs])
        return moment[:self.envs]

    def past(self, e: int) -> list[np.ndarray]:
        """Moments of replica `e` before the one at which its episode began: none."""
        return []

    @property
    def taken(self) -> np.ndarray:
        """Actions that counted, (E, D)."""
        return self.block["taken"]["action"].copy()

    @property
    def architecture(self) -> np.ndarray:
        """(depth, width, kernel) of each stage, (E, S, 3)."""
        stage = self.block["stage"]
        return np.stack([stage["layers"], stage["width"], stage["kernel"]], axis=-1)
