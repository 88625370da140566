"""The speed of `net2net`: kernel, environments, planner, live trainings, REINFORCE."""
from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from measuring import best, cold_and_warm, cpu, inside, learning_shares, steps_per_second

import envs  # noqa: F401
from envs.core.files import REPOSITORY
from envs.core.workloads import Window
from envs.net2net.scenario import Scenario, load_scenario
from envs.net2net.simulate import simulate
from envs.net2net.workloads import open_workload

BACKENDS = ("tabular", "parametric")
KERNEL = 4096           # replicas of a kernel measurement
ROUNDS = 40             # episodes of each of them
SIZES = (1, 64, 1024)
THREADS = (1, 2)
PUBLISHED = 37          # episodes per CPU second of the published learner
AGENT = REPOSITORY / "conf" / "env_agent" / "net2net_reinforce.yaml"


@cache
def scenario(backend: str) -> Scenario:
    """The five cells of `depth` on a back-end; the parametric one without noise or variation."""
    return load_scenario("depth", {"backend": backend, "evaluated": backend, "noise": None,
                                   "vary": 0.0})


def make(backend: str, size: int, threads: int = 1, **settings: Any) -> Any:
    """A batch of the training part."""
    import gymnasium as gym

    return gym.make_vec("sched/Net2Net-v0", num_envs=size, scenario=scenario(backend),
                        part="train", threads=threads, **settings)


def kernel() -> dict[str, float]:
    """Environment steps per CPU second of one core inside the kernel, without observations."""
    return {name: best(lambda b=name: _inside(b, looking=False)) for name in BACKENDS}


def views() -> dict[str, float]:
    """The same with observations and masks."""
    return {name: best(lambda b=name: _inside(b, looking=True)) for name in BACKENDS}


def _inside(backend: str, looking: bool) -> float:
    """Whole episodes of random legal actions, with their first segments; drivers alone."""
    from envs.net2net.rules import batches

    engine, cells, rows, actions = _prepared(backend)
    active = np.ones(KERNEL, bool)
    with inside(batches, "begin_batch") as begun, inside(batches, "play_batch") as played, \
            inside(batches, "look_batch") as looked:
        for _ in range(ROUNDS):
            engine.begin(active, cells, rows, np.arange(KERNEL))
            for j in range(actions.shape[1]):
                if looking:
                    engine.look(active)
                engine.play(active, actions[:, j])
    return ROUNDS * actions.size / (begun[0] + played[0] + looked[0])


@cache
def _prepared(backend: str) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """An engine of all cells, and a cell, recorded seed and actions for every replica."""
    from envs.net2net.engine import Engine

    env = make(backend, 1)
    system = env.unwrapped.system
    env.close()
    rng, first = np.random.default_rng(0), system.first
    seeds = system.work.node.shape[1]
    return (Engine(system, KERNEL), rng.integers(len(system.jobs), size=KERNEL),
            rng.integers(seeds, size=KERNEL),
            rng.integers(first.actions, size=(KERNEL, first.depth_of_tree)))


def environment() -> dict[str, float]:
    """Environment steps per wall second with the first legal action."""
    found = {}
    for backend in BACKENDS:
        for size in SIZES:
            for threads in THREADS if size > 1 else (1,):
                env = make(backend, size, threads)
                rounds = max(60, 30_000 // size)
                found[f"{backend}, E = {size}, threads {threads}: steps/s"] = best(
                    lambda e=env, n=rounds: steps_per_second(e, n), repeats=3)
                env.close()
    return found


def live() -> dict[str, float]:
    """Really training pair_max@1500 on one thread, virtual clock: always both, then never."""
    import torch

    torch.set_num_threads(1)
    told = load_scenario("depth", {"backend": "live", "evaluated": "live",
                                   "cells": ["pair_max@1500/depth"]})
    case = _first(told).trace
    found = {}
    for label, sequence in (("both always", (3, 3, 3)), ("never", (0, 0, 0))):
        simulate(told, case, sequence=sequence)
        wall, start = time.perf_counter(), time.process_time()
        run = simulate(told, case, sequence=sequence)
        spent, seconds = time.process_time() - start, time.perf_counter() - wall
        found |= {f"{label}: environment steps/s": len(sequence) / seconds,
                  f"{label}: training steps per CPU second": run.steps / spent,
                  f"{label}: CPU ms over budget ms": 1e3 * spent / case.cell.budget_ms}
    return found


def _first(told: Scenario) -> Window:
    return open_workload(None, told).part("test", 1)[0]


def planner() -> dict[str, float]:
    """Milliseconds of CPU to plan: all 64 sequences, and the same fitted again on the way."""
    told = scenario("parametric")
    case = _first(told).trace
    found = {}
    for name in ("planner", "planner_online"):
        own = told.replace(policy=name)
        simulate(own, case)
        found[f"{name}: ms per episode"] = 1e3 * min(
            cpu(lambda s=own: simulate(s, case)) for _ in range(3))
    return found


def reinforce() -> dict[str, float]:
    """Episodes per CPU second of REINFORCE on parametric cells, and times the published 37."""
    found = {}
    for network in ("mlp", "layers"):
        rate = _episodes_per_second(network)
        found |= {f"{network}: episodes per CPU second": rate,
                  f"{network}: times the published learner": rate / PUBLISHED}
    return found


def _episodes_per_second(network: str, updates: int = 10) -> float:
    import torch
    from omegaconf import OmegaConf

    from agents.learner import make_learner
    from agents.networks import for_environment, registry_name
    from agents.schema import ReinforceConfig

    torch.set_num_threads(1)
    config = ReinforceConfig(**OmegaConf.load(AGENT), network=network)
    env = make("parametric", config.num_envs)
    bound = for_environment(registry_name(network, "net2net", env.single_action_space), env, {})
    learner = make_learner(config, env, bound, seed=0, steps=10**6)
    learner.update()
    before, start = learner.steps, time.process_time()
    for _ in range(updates):
        learner.update()
    spent, made = time.process_time() - start, learner.steps - before
    decisions = env.unwrapped.system.first.depth_of_tree
    env.close()
    return made / decisions / spent


def learning() -> dict[str, float]:
    """Share of a PPO iteration that is spent in environment and adapter (64 replicas)."""
    from agents.schema import MaskablePpoConfig

    return learning_shares(make("parametric", 64, 2), "net2net", MaskablePpoConfig(n_steps=32))


def reference() -> dict[str, float]:
    """Episodes per CPU second of the plain-Python reference, and how often the kernel beats it."""
    from envs.net2net.binding import setup_of
    from envs.net2net.model import play
    from tests.reference.net2net.job import play as plain

    told = scenario("parametric")
    setup, episodes = setup_of(told, _first(told).trace), 256
    cell = setup.cell
    case = {"cell": cell.network.to_config(), "theta": setup.theta.to_config(),
            "budget_ms": cell.budget_ms, "fractions": cell.fractions,
            "action_set": cell.action_set, "sequence": (3, 0, 1)}
    slow = episodes / cpu(lambda: [plain(case) for _ in range(episodes)])
    sequences = np.tile(np.array(case["sequence"]), (KERNEL, 1))
    fast = best(lambda: KERNEL / cpu(lambda: play(setup, sequences)))
    return {"episodes per CPU second": slow, "kernel / reference": fast / slow}


PROBE = """
import gymnasium as gym, envs
env = gym.make_vec("sched/Net2Net-v0", num_envs=2)
_, info = env.reset(seed=0)
env.step(info["action_mask"].argmax(1))
"""


def compilation() -> dict[str, float]:
    """Seconds from a fresh process to the first step of the environment, cold and warm."""
    return cold_and_warm(PROBE)


PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "kernel": kernel, "views": views, "environment": environment, "live": live,
    "planner": planner, "reinforce": reinforce, "reference": reference, "learning": learning,
    "compilation": compilation,
}
