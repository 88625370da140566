"""The speed of `blis`: kernel, environments, learning, compilation, against plain Python."""
from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from measuring import best, cold_and_warm, cpu, inside, learning_shares

import envs  # noqa: F401
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario, load_scenario
from envs.blis.workloads import open_workload

SCENARIO, SECONDS = "zipf_exponential_x5", 150
MODERATE = "zipf_exponential@2"     # about 500 requests a second, one window a second
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "jseq, greedy, early_drop": dict(
        routing={"policy": "jseq"}, batching={"policy": "greedy"},
        dropping={"policy": "early_drop"}),
    "canary, early_start, early_drop": dict(
        routing={"policy": "canary"}, batching={"policy": "early_start"},
        dropping={"policy": "early_drop"}),
    "eft, single, feasible": dict(
        routing={"policy": "eft"}, batching={"policy": "single"}, dropping={"policy": "never"},
        admission="feasible"),
    "infaas, greedy, early_drop": dict(
        routing={"policy": "infaas", "on_demand": True}, batching={"policy": "greedy"},
        dropping={"policy": "early_drop"}),
}


@cache
def workload(seconds: float = SECONDS) -> tuple[Scenario, Trace]:
    """The scenario without a horizon, and the first test seed of its trace."""
    scenario = load_scenario(SCENARIO, {"horizon_ms": None, "episode": {"random_start": False}})
    window = open_workload(scenario.options.trace, scenario).part("test", 1, 1000 * seconds)[0]
    return scenario, window.trace


def kernel() -> dict[str, float]:
    """Requests per CPU second of one core, replaying a whole trace inside the kernel."""
    scenario, trace = workload()
    return {name: best(lambda c=configuration: _kernel_rate(scenario.replace(**c), trace))
            for name, configuration in CONFIGURATIONS.items()}


def _kernel_rate(scenario: Scenario, trace: Trace) -> float:
    from envs.blis.rules import runs
    from envs.blis.simulate import simulate

    with inside(runs, "run_batch") as spent:
        simulate(scenario, trace)
    return len(trace) / spent[0]


CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "routing round_robin (no look at queues)": {"routing": {"policy": "round_robin"}},
    "routing eft": {"routing": {"policy": "eft"}},
    "routing canary (weights, a random number)": {"routing": {"policy": "canary"}},
    "batching single": {"batching": {"policy": "single"}},
    "batching early_start (timers)": {"batching": {"policy": "early_start"}},
    "dropping never (longer queues)": {"dropping": {"policy": "never"}},
    "admission feasible": {"admission": "feasible"},
}


def cost() -> dict[str, float]:
    """Nanoseconds per request of `jseq, greedy, early_drop`, one thing changed at a time."""
    scenario, trace = workload()
    scenario = scenario.replace(**CONFIGURATIONS["jseq, greedy, early_drop"])
    out = {name: _kernel_ns(scenario.replace(**change), trace) for name, change in CHANGES.items()}
    for devices in (8, 20, 80):
        clusters = [{"name": a.name, "count": devices // 4, "profile": a.profile}
                    for a in scenario.accelerators]
        out[f"{devices} devices instead of 40"] = _kernel_ns(
            scenario.replace(accelerators=clusters), trace)
    return out


def _kernel_ns(scenario: Scenario, trace: Trace) -> float:
    return 1e9 / best(lambda: _kernel_rate(scenario, trace))


def whole() -> dict[str, float]:
    """Requests per CPU second of `simulate`, tables, plans and records included."""
    from envs.blis.simulate import simulate

    scenario, trace = workload()
    rates = {}
    for name, configuration in CONFIGURATIONS.items():
        own = scenario.replace(**configuration)
        rates[name] = best(lambda s=own: len(trace) / cpu(lambda: simulate(s, trace)))
    return rates


def reference() -> dict[str, float]:
    """Requests per CPU second of the plain-Python reference, and how often the kernel beats it."""
    from tests.reference.blis.run import simulate as plain

    scenario, trace = workload(20.0)
    rows = [[float(t), trace.families[k], float(s), int(q), float(a)] for t, k, s, q, a in zip(
        trace.arrival_ms, trace.family, trace.slo_ms, trace.qos, trace.accuracy, strict=True)]
    out = {}
    for name, configuration in CONFIGURATIONS.items():
        config = _inline(scenario.replace(**configuration))
        rate = len(rows) / cpu(lambda c=config: plain(c, rows))
        fast = best(lambda c=configuration: _kernel_rate(scenario.replace(**c), trace))
        out[name], out[f"{name}: kernel / reference"] = rate, fast / rate
    return out


def _inline(scenario: Scenario) -> dict[str, Any]:
    """The configuration with cluster and profile written out, as the reference reads it."""
    config = {k: v for k, v in scenario.config.items() if k not in ("cluster", "name", "trace")}
    config["accelerators"] = [{"name": a.name, "count": a.count, "profile": a.profile,
                               "load_mb_per_s": a.load_mb_per_s, "load_fixed_ms": a.load_fixed_ms}
                              for a in scenario.accelerators]
    config["profile"] = [
        {"family": v.family, "variant": v.name, "accuracy": v.accuracy, "size_mb": v.size_mb,
         "load_ms": v.load_ms,
         "latency_ms": {c: {str(b): ms for b, ms in t.items()} for c, t in v.latency_ms.items()}}
        for v in scenario.profile]
    return config


def environment() -> dict[str, float]:
    """Environment steps per wall second (all cores) at about 500 requests a step, and memory."""
    out = {}
    for name in ("sched/Blis-v0", "sched/BlisAccuracy-v0"):
        for size in (1, 64, 1024):
            out |= _environment(name, size)
    return out


def _environment(name: str, size: int) -> dict[str, float]:
    import gymnasium as gym

    scenario = load_scenario(SCENARIO, {"env": {"actions_per_window": 1}})
    env = gym.make_vec(name, num_envs=size, scenario=scenario, trace=MODERATE,
                       threads=os.cpu_count())
    _, info = env.reset(seed=0)
    actions = _keep(env)
    requests, rounds = 0, max(10, 400 // size)
    env.step(actions)
    start = time.perf_counter()
    for _ in range(rounds):
        *_, info = env.step(actions)
        requests += int(info["arrivals"].sum())
    rate = rounds * size / (time.perf_counter() - start)
    memory = env.engine.padded_block.nbytes + env.engine.ring.nbytes
    label = f"{name.split('/')[1]}, E = {size}"
    return {f"{label}: steps/s": rate, f"{label}: requests/step": requests / rounds / size,
            f"{label}: MiB of replicas": memory / 2**20}


def _keep(env: Any) -> np.ndarray:
    """An action that leaves every device as it is."""
    target = env.engine.block["device"]["target"]
    if env.single_action_space.nvec[0] == len(env.system.variants) + 1:
        return np.where(target < 0, len(env.system.variants), target)
    family = np.where(target >= 0, env.system.variant_family[target], -1)
    kinds = env.system.device_type
    counts = [((family == 0) & (kinds == t)).sum(1) for t in range(len(env.system.types))]
    return np.stack([np.zeros(len(target), int), *counts], 1)


def learning() -> dict[str, float]:
    """Share of a PPO iteration that is spent in environment and adapter (64 replicas)."""
    out = {}
    for name in ("blis", "blis_accuracy"):
        out |= _learning(name)
    return out


def _learning(name: str) -> dict[str, float]:
    import gymnasium as gym

    from agents.domains import domain
    from agents.schema import PpoConfig

    env = gym.make_vec(domain(name).env_id, num_envs=64, scenario=SCENARIO, trace=MODERATE,
                       threads=os.cpu_count())
    shares = learning_shares(env, name, PpoConfig(n_steps=32))
    return {f"{name}: {label}": value for label, value in shares.items()}


PROBE = """
import gymnasium as gym, envs, numpy as np
for name in ("sched/Blis-v0", "sched/BlisAccuracy-v0"):
    env = gym.make_vec(name, num_envs=2)
    env.reset(seed=0)
    env.step(np.zeros(env.action_space.shape, int))
"""


def compilation() -> dict[str, float]:
    """Seconds from a fresh process to the first step of both environments, cold and warm."""
    return cold_and_warm(PROBE)


PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "kernel": kernel, "cost": cost, "whole": whole, "reference": reference,
    "environment": environment, "learning": learning, "compilation": compilation,
}
