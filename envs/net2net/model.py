"""Jobs under the parametric model: play sequences, or the whole tree of them."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from envs.net2net.cells import PROFILES, Cell, Profile
from envs.net2net.engine import Engine
from envs.net2net.rules import batches
from envs.net2net.system import ALWAYS_ONE, Job, Rules, System, Timeline, bind
from envs.net2net.theta import Noise, Theta


@dataclass(frozen=True)
class Setup:
    """One job under the model."""

    cell: Cell
    theta: Theta
    timeline: Timeline = ALWAYS_ONE
    profile: Profile = PROFILES["cpu"]
    jump_grow: float = 0.0
    jump_undo: float = 0.02
    noise: Noise = Noise()
    vary: float = 0.0
    max_parameters: int | None = None

    def system(self) -> System:
        """The job bound for the kernels."""
        rules = Rules("parametric", self.timeline, self.profile, self.jump_grow, self.jump_undo,
                      self.vary, self.max_parameters)
        return bind(rules, [Job(self.cell, self.theta, self.noise)])


class Played(NamedTuple):
    """What sequences lead to; the arrays over time are (n, D + 1): at decisions, then the end."""

    taken: np.ndarray           # (n, D) actions that counted
    clock: np.ndarray           # ms
    latent: np.ndarray          # error before what is observed of it
    observed: np.ndarray        # without noise
    noisy: np.ndarray           # with it; the observed one where the setup has none
    steps: np.ndarray
    gpu_seconds: np.ndarray     # so far
    architecture: np.ndarray    # (n, S, 3) at the end


class Tree(NamedTuple):
    """Validation accuracies of all sequences."""

    leaf: np.ndarray            # (L,), nan where an action is masked
    node: np.ndarray            # (N,) at the decisions, nan where masked


def play(setup: Setup, sequences: np.ndarray, seeds: np.ndarray | int = 0) -> Played:
    """Play sequences (n, D), each under its seed x."""
    engine, moment = _replayed(setup, sequences, seeds)
    return Played(engine.taken, moment["clock"], moment["latent"], moment["observed"],
                  1.0 - moment["val_accuracy"], moment["steps"], moment["gpu_ms"] / 1e3,
                  engine.architecture)


def accuracy(setup: Setup, sequence: Sequence[int], seed: int = 0) -> float:
    """Final validation accuracy of one sequence; with the noise of `setup` under seed x."""
    return float(_replayed(setup, sequence, seed)[1]["val_accuracy"][0, -1])


def tree(setup: Setup, seed: int = 0) -> Tree:
    """Accuracies of every sequence and node; with the noise of `setup` under seed x."""
    return search(Engine(setup.system(), setup.cell.depth_of_tree + 1), 0, seed)


def search(engine: Engine, number: int, seed: int) -> Tree:
    """The tree of cell `number` under seed x; `engine` has a replica more than decisions."""
    cell = engine.system.jobs[number].cell
    leaf, node = np.full(cell.leaves, np.nan), np.full(cell.nodes, np.nan)
    rows = engine.envs
    engine.begin(np.arange(rows) == 0, np.full(rows, number), np.zeros(rows, np.int32),
                 np.full(rows, seed, np.uint64))
    batches.search_tree(engine.state, engine.work, np.zeros(rows, np.int32), leaf, node)
    return Tree(leaf, node)


def leaf_accuracies(setup: Setup, seed: int = 0) -> np.ndarray:
    """Final accuracy of every sequence (L,) without noise, nan where an action is masked."""
    return tree(replace(setup, noise=Noise()), seed).leaf


def _replayed(setup: Setup, sequences: np.ndarray | Sequence[int], seeds: np.ndarray | int
              ) -> tuple[Engine, np.ndarray]:
    """The engine at the end of all sequences, and their moments (n, D + 1)."""
    sequences = np.atleast_2d(np.asarray(sequences, np.int32))
    count = len(sequences)
    engine = Engine(setup.system(), count)
    zero = np.zeros(count, np.int32)
    engine.begin(np.ones(count, bool), zero, zero, np.broadcast_to(
        np.asarray(seeds, np.uint64), count))
    return engine, engine.replay(sequences)
