"""The speed of `dag`: kernel, environments, planners, very large graphs, against plain Python."""
from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

from measuring import (
    best,
    cold_and_warm,
    cpu,
    in_fresh_process,
    inside,
    learning_shares,
    steps_per_second,
)

import envs  # noqa: F401
from envs.dag.generate import open_graph
from envs.dag.graph import Graph
from envs.dag.metrics import metrics
from envs.dag.planning import plan
from envs.dag.replay import Trace
from envs.dag.rules import runs, steps
from envs.dag.scenario import Scenario, load_scenario
from envs.dag.simulate import simulate_batch

POLICIES = ("fifo", "prio", "mct_wait", "dmdas")
SEEDS = 200             # runs of a kernel measurement
MACHINES = {"no communication": ("chol_readys", "cholesky(n=8)"),
            "tiles, 12 a GPU": ("memory", "cholesky(n=8,table=k40_960)")}
SIZES = (1, 256)
THREADS = (1, 2)
LARGE = 181             # tiles in a row: 1,004,731 tasks


@cache
def case(name: str, text: str) -> tuple[Scenario, Trace]:
    """A scenario and one graph."""
    return load_scenario(name), Trace.of_graph(open_graph(text, name))


def kernel() -> dict[str, float]:
    """Decisions per CPU second of one core, whole runs inside the kernel, Cholesky n = 8."""
    return {f"{label}, {policy}": best(lambda c=place, p=policy: _decisions(*case(*c), p))
            for label, place in MACHINES.items() for policy in POLICIES}


def _decisions(scenario: Scenario, trace: Trace, policy: str) -> float:
    with inside(runs, "run_batch") as spent:
        made = simulate_batch(scenario, trace, range(SEEDS), policy=policy, recorded=False)
    return sum(run.decisions for run in made) / spent[0]


def views() -> dict[str, float]:
    """Decisions per CPU second of one core inside the kernel with observations, E = 256."""
    found = {}
    for view in ("slots", "graph"):
        env = make("tiled", "cholesky(n=8,table=k40_960)", 256, 1, view)
        found[view] = best(lambda e=env: _seen(e), repeats=3)
        env.close()
    return found


def _seen(env: Any) -> float:
    """The first legal action, time inside the drivers alone."""
    _, info = env.reset(seed=0)
    rounds = 100
    with inside(runs, "run_batch") as played, inside(steps, "see_batch") as seen:
        for _ in range(rounds):
            *_, info = env.step(info["action_mask"].argmax(1))
    return rounds * env.num_envs / (played[0] + seen[0])


def make(scenario: str, trace: str, size: int, threads: int, view: str = "slots") -> Any:
    """A batch that plays one graph again and again."""
    import gymnasium as gym

    told = load_scenario(scenario, {"env": {"view": view}})
    return gym.make_vec("sched/Dag-v0", num_envs=size, scenario=told, trace=trace,
                        threads=threads)


def environment() -> dict[str, float]:
    """Environment steps per wall second with the first legal action, Cholesky n = 8."""
    found = {}
    for label, (scenario, text) in MACHINES.items():
        for size in SIZES:
            for threads in THREADS if size > 1 else (1,):
                env = make(scenario, text, size, threads)
                found[f"{label}, E = {size}, threads {threads}: steps/s"] = best(
                    lambda e=env, n=size: steps_per_second(e, max(100, 3000 // n)), repeats=3)
                env.close()
    return found


def planners() -> dict[str, float]:
    """Seconds that planners take on 10,000 tasks (Cholesky n = 38, 9,880; random, 10,000)."""
    found = {}
    for text, name in (("cholesky(n=38)", "chol_readys"),
                       ("layered(n=10000,width=100,density=0.05)", "random")):
        scenario = load_scenario(name)
        graph = open_graph(text, name)
        for planner in ("heft", "peft", "cpop", "mcp"):
            plan(planner, graph, scenario.machine)
            seconds = min(cpu(lambda g=graph, s=scenario, p=planner: plan(p, g, s.machine))
                          for _ in range(3))
            found[f"{text}, {planner}: s"] = seconds
    return found


PROGRAM = """
import json, resource, time
import numpy as np
from envs.dag.generate import open_graph
from envs.dag.replay import Trace
from envs.dag.scenario import load_scenario
from envs.dag.simulate import simulate
scenario = load_scenario({scenario!r})
small = Trace.of_graph(open_graph({text!r}.format(n=2), "warm"))
simulate(scenario, small, policy={policy!r}, recorded=False)
start = time.process_time()
trace = Trace.of_graph(open_graph({text!r}.format(n={n}), "large"))
built = time.process_time()
run = simulate(scenario, trace, policy={policy!r}, recorded=False)
done = time.process_time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps(dict(tasks=len(run.tasks), built=built - start, simulated=done - built,
                      decisions=run.decisions, peak=peak)))
"""


def large() -> dict[str, float]:
    """A graph of 1,004,731 tasks (Cholesky n = 181): CPU seconds, and GiB of the process."""
    found = {}
    for label, scenario, text in (
            ("no communication", "chol_readys", "cholesky(n={n})"),
            ("tiles", "chol8_k40", "cholesky(n={n},table=k40_960)")):
        for policy in ("fifo", "mct_wait"):
            told = in_fresh_process(PROGRAM.format(scenario=scenario, text=text, policy=policy,
                                                   n=LARGE))
            found |= {f"{label}, {policy}: s to make the graph": told["built"],
                      f"{label}, {policy}: s to simulate": told["simulated"],
                      f"{label}, {policy}: decisions/s": told["decisions"] / told["simulated"],
                      f"{label}, {policy}: GiB at most": told["peak"]}
    return found


def whole() -> dict[str, float]:
    """Milliseconds end to end (tables, run, records, metrics) of one run on Cholesky n = 16."""
    found = {}
    for label, (name, text) in MACHINES.items():
        scenario, trace = case(name, text.replace("n=8", "n=16"))
        for policy in ("mct_wait", "static:heft"):
            found[f"{label}, {policy}: ms"] = 1000 * min(
                cpu(lambda s=scenario, t=trace, p=policy: metrics(
                    simulate_batch(s, t, [0], policy=p)[0])) for _ in range(5))
    return found


def reference() -> dict[str, float]:
    """Decisions per CPU second of the plain-Python reference, and how often the kernel beats it."""
    from tests.reference.dag.run import simulate as plain

    found = {}
    for label, (name, text) in MACHINES.items():
        scenario, trace = case(name, text)
        instance = {"machine": scenario.machine.to_config(), "jobs": [[0, _object(trace)]]}
        start = time.process_time()
        made = plain(instance, "mct_wait").state.decisions
        slow = made / (time.process_time() - start)
        fast = best(lambda s=scenario, t=trace: _decisions(s, t, "mct_wait"))
        found |= {label: slow, f"{label}: kernel / reference": fast / slow}
    return found


def _object(trace: Trace) -> dict[str, Any]:
    from envs.dag.formats import to_dag1

    graph: Graph = trace.jobs[0].graph
    return to_dag1(graph)


def learning() -> dict[str, float]:
    """Share of a PPO iteration that is spent in environment and adapter (64 replicas)."""
    from agents.schema import MaskablePpoConfig

    env = make("tiled", "cholesky(n=8,table=k40_960)", 64, 2)
    return learning_shares(env, "dag", MaskablePpoConfig(n_steps=32))


PROBE = """
import gymnasium as gym, envs
env = gym.make_vec("sched/Dag-v0", num_envs=2)
_, info = env.reset(seed=0)
env.step(info["action_mask"].argmax(1))
"""


def compilation() -> dict[str, float]:
    """Seconds from a fresh process to the first step of the environment, cold and warm."""
    return cold_and_warm(PROBE)


PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "kernel": kernel, "views": views, "environment": environment, "planners": planners,
    "large": large, "whole": whole, "reference": reference, "learning": learning,
    "compilation": compilation,
}
