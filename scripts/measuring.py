"""What benchmarks share: CPU seconds, the best of several, time inside a method, environments,
learners, fresh processes."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from envs.core.files import REPOSITORY

REPEATS = 5


def best(measure: Callable[[], float], repeats: int = REPEATS) -> float:
    """The largest of several measurements."""
    return max(measure() for _ in range(repeats))


def cpu(action: Callable[[], Any]) -> float:
    """CPU seconds of this process that an action takes."""
    start = time.process_time()
    action()
    return time.process_time() - start


@contextmanager
def inside(module: Any, name: str) -> Iterator[list[float]]:
    """A list of one number: CPU seconds spent in a module's function so far."""
    spent, original = [0.0], getattr(module, name)

    def timed(*arguments: Any) -> Any:
        start = time.process_time()
        try:
            return original(*arguments)
        finally:
            spent[0] += time.process_time() - start

    setattr(module, name, timed)
    try:
        yield spent
    finally:
        setattr(module, name, original)


def watch(owner: Any, method: str, spent: dict[str, float], label: str) -> None:
    """Add up the wall seconds inside a method."""
    original = getattr(owner, method)

    def timed(*arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return original(*arguments)
        finally:
            spent[label] += time.perf_counter() - start

    setattr(owner, method, timed)


def steps_per_second(env: Any, rounds: int) -> float:
    """Environment steps per wall second of a batch that takes the first legal action."""
    _, info = env.reset(seed=0)
    *_, info = env.step(info["action_mask"].argmax(1))
    start = time.perf_counter()
    for _ in range(rounds):
        *_, info = env.step(info["action_mask"].argmax(1))
    return rounds * env.num_envs / (time.perf_counter() - start)


def learning_shares(env: Any, name: str, agent: Any) -> dict[str, float]:
    """Shares of a learner's update that environment and adapter take, and its steps/s."""
    import torch

    from agents.learner import make_learner
    from agents.networks import for_environment, registry_name

    torch.set_num_threads(1)
    network = for_environment(registry_name("auto", name, env.single_action_space), env, {})
    learner = make_learner(agent, env, network, seed=0, steps=10**6)
    spent = {"environment": 0.0, "adapter": 0.0}
    watch(env, "step", spent, "environment")
    watch(learner.vec, "step_wait", spent, "adapter")
    learner.update()
    spent.update(environment=0.0, adapter=0.0)
    start = time.perf_counter()
    learner.update()
    whole = time.perf_counter() - start
    return {"environment": spent["environment"] / whole,
            "adapter": (spent["adapter"] - spent["environment"]) / whole,
            "steps/s": env.num_envs * agent.n_steps / whole}


def cold_and_warm(probe: str) -> dict[str, float]:
    """Seconds that a fresh process needs for a program, without and with compiled kernels."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = [_fresh(probe, {"NUMBA_CACHE_DIR": folder}) for _ in range(2)]
    return {"cold: s": seconds[0], "warm: s": seconds[1]}


def _fresh(probe: str, extra: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", probe], cwd=REPOSITORY, check=True,
                   env={**os.environ, **extra})
    return time.perf_counter() - start


def in_fresh_process(program: str) -> dict[str, float]:
    """The JSON object that a program prints last, run where nothing else has used memory."""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True,
                          stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])
