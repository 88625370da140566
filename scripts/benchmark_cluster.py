"""The speed of `cluster`: rounds, whole traces, environments, learning, against plain Python."""
from __future__ import annotations

import os
import resource
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from measuring import best, cold_and_warm, cpu, inside, learning_shares, steps_per_second

import envs  # noqa: F401
from envs.cluster.generate import generate
from envs.cluster.metrics import metrics
from envs.cluster.replay import Trace
from envs.cluster.rules import runs
from envs.cluster.scenario import Scenario, load_scenario
from envs.cluster.simulate import Run, simulate
from envs.cluster.workloads import open_workload

LAS = {"order": "las", "misfit": "skip", "preempt": "strict"}
SRTF = {"order": "srtf", "misfit": "skip", "preempt": "strict"}
FIFO = {"order": "fifo", "misfit": "stop", "preempt": "off"}
ROUNDS = 5000                   # of 300 s: seventeen days
PHILLY_JOBS = 100_000


CROWDS = {                      # jobs at the start, so that about as many as asked are present
    "LAS, preemption, about 100 jobs": (LAS, 85), "LAS, preemption, about 1,000 jobs": (LAS, 1750),
    "FIFO, about 100 jobs": (FIFO, 10), "FIFO, about 1,000 jobs": (FIFO, 1000)}


@cache
def crowd(start: int) -> tuple[Scenario, Trace]:
    """128 GPUs in rounds; so many jobs at the start, then about as much work as is done."""
    scenario = load_scenario("philly-128", {"until_s": 300 * ROUNDS})
    present = generate({"jobs": start, "gpus": 128}, seed=1)
    steady = generate({"jobs": 20_000, "gpus": 128, "rho": 0.95}, seed=2)
    steady = steady.window(0, int(np.searchsorted(steady.arrival_s, 300 * ROUNDS)))
    columns = [{"arrival_s": 0.0 if t is present else a, "gpus": int(g), "duration_s": d}
               for t in (present, steady)
               for a, g, d in zip(t.arrival_s, t.gpus, t.duration_s, strict=True)]
    return scenario, Trace.from_rows(columns)


def rounds() -> dict[str, float]:
    """Rounds per CPU second of one core at 128 GPUs inside the kernel, and the jobs it looks at."""
    found = {}
    for label, (policy, start) in CROWDS.items():
        scenario, trace = crowd(start)
        timed = [_timed(scenario.replace(**policy), trace) for _ in range(3)]
        found |= {label: max(run.rounds / seconds for run, seconds in timed),
                  f"{label}: mean present": _active(timed[0][0])}
    return found


def _timed(scenario: Scenario, trace: Trace) -> tuple[Run, float]:
    """A run and the CPU seconds inside the kernel."""
    with inside(runs, "run_batch") as spent:
        run = simulate(scenario, trace)
    return run, spent[0]


def _active(run: Run) -> float:
    """Mean number of jobs present."""
    finish = np.where(run.jobs["finish_us"] < 0, run.end_us, run.jobs["finish_us"])
    return float(np.maximum(0, finish - run.system.arrival_us).sum() / run.end_us)


@cache
def philly(mode: str) -> tuple[Scenario, Trace]:
    """The Philly-like trace of 100,000 jobs on 128 GPUs."""
    scenario = load_scenario("philly-128", {"mode": mode})
    preset = open_workload(None, scenario).config
    config = {"law": "philly", "jobs": PHILLY_JOBS, "gpus": 128, "rho": 0.9,
              "duration_max_s": preset.duration_max_s, "classes": list(preset.classes)}
    return scenario, generate(config, seed=3)


def whole() -> dict[str, float]:
    """CPU seconds end to end (tables, run, records, metrics) of 100,000 Philly-like jobs."""
    found = {}
    for mode in ("round", "event"):
        scenario, trace = philly(mode)
        for name, policy in (("FIFO", FIFO), ("LAS", LAS), ("SRTF", SRTF)):
            own = scenario.replace(**policy)
            seconds = cpu(lambda s=own, t=trace: metrics(simulate(s, t)))
            found |= {f"{name}, {mode}: s": seconds,
                      f"{name}, {mode}: jobs/s": len(trace) / seconds}
    return found


def memory() -> dict[str, float]:
    """MiB of a replica of 800 jobs and of 100,000 jobs, and of this whole process after its run."""
    from envs.cluster.engine import Engine
    from envs.cluster.system import bind
    from envs.cluster.work import make_work

    found = {}
    small = load_scenario("philly-32")
    for label, scenario, trace in (
            ("800 jobs", small, open_workload(None, small).whole()),
            ("100,000 jobs", *philly("round"))):
        system = bind(scenario, trace)
        engine = Engine(system, make_work(system), 1)
        found[f"replica of {label}"] = engine.block.nbytes / 2**20
    simulate(*philly("round"))
    found["process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return found


COMPARED = {"philly-32, LAS": ("philly-32", LAS), "philly-32, FIFO": ("philly-32", FIFO),
            "synthetic-64, LAS": ("synthetic-64", LAS),
            "synthetic-64, SRTF": ("synthetic-64", SRTF)}


def reference() -> dict[str, float]:
    """Jobs per CPU second of the plain-Python reference, and how often the kernel beats it."""
    from tests.reference.cluster.run import simulate as plain

    found = {}
    for label, (name, policy) in COMPARED.items():
        scenario = load_scenario(name, policy)
        trace = open_workload(None, scenario).whole()
        instance = _instance(scenario, trace)
        slow = len(trace) / cpu(lambda i=instance: plain(i))
        fast = best(lambda s=scenario, t=trace: len(t) / _timed(s, t)[1])
        found |= {label: slow, f"{label}: kernel / reference": fast / slow}
    return found


def _instance(scenario: Scenario, trace: Trace) -> dict[str, Any]:
    """Cluster, jobs and options as the reference reads them."""
    cluster = scenario.cluster
    classes = [{"speed": list(c.speed), "locality": list(c.locality), "launch_s": c.launch_s,
                "restart_s": c.restart_s, "checkpoint_s": c.checkpoint_s}
               for c in cluster.classes]
    names = [c.name for c in cluster.classes]
    index = [names.index(n) if n in names else int(n) for n in trace.classes]
    jobs = [{"arrival_s": float(a), "gpus": int(g), "duration_s": float(d), "class": index[c]}
            for a, g, d, c in zip(trace.arrival_s, trace.gpus, trace.duration_s, trace.cls,
                                  strict=True)]
    options = {k: v for k, v in scenario.config.items() if k not in ("cluster", "name", "trace")}
    nodes = [{"type": n.type, "gpus": n.gpus, "rack": n.rack} for n in cluster.nodes]
    return {"cluster": {"types": list(cluster.types), "nodes": nodes}, "classes": classes,
            "jobs": jobs, "options": options}


def environment() -> dict[str, float]:
    """Environment steps per wall second (all cores) with the first legal action, and memory."""
    found = {}
    for control in ("pick", "policy"):
        for size in (1, 64, 1024):
            found |= _environment(control, size)
    return found


def _environment(control: str, size: int) -> dict[str, float]:
    import gymnasium as gym

    scenario = load_scenario("philly-32", {"env": {"control": control, "window": 128}})
    env = gym.make_vec("sched/Cluster-v0", num_envs=size, scenario=scenario,
                       threads=os.cpu_count())
    rate = steps_per_second(env, max(20, 4000 // size))
    label = f"{control}, E = {size}"
    return {f"{label}: steps/s": rate,
            f"{label}: MiB of replicas": env.engine.padded_block.nbytes / 2**20}


def learning() -> dict[str, float]:
    """Share of a PPO iteration that is spent in environment and adapter (64 replicas)."""
    from agents.domains import domain
    from agents.schema import MaskablePpoConfig

    d, scenario = domain("cluster"), load_scenario("philly-32")
    env = d.training_env(scenario, open_workload(None, scenario), 128, 64, os.cpu_count())
    return learning_shares(env, d.name, MaskablePpoConfig(n_steps=32))


PROBE = """
import gymnasium as gym, envs
env = gym.make_vec("sched/Cluster-v0", num_envs=2)
_, info = env.reset(seed=0)
env.step(info["action_mask"].argmax(1))
"""


def compilation() -> dict[str, float]:
    """Seconds from a fresh process to the first step of the environment, cold and warm."""
    return cold_and_warm(PROBE)


PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "rounds": rounds, "whole": whole, "memory": memory, "reference": reference,
    "environment": environment, "learning": learning, "compilation": compilation,
}
