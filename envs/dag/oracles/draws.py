"""Random numbers: blocks, uniforms, normal variates, durations, seeds of episodes, arrivals."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envs.core.oracles import Outcome, differences, outcome
from envs.core.philox import block_host, normals, number_host, seconds, uniforms
from envs.dag.graph import Graph
from envs.dag.oracles.runs import scenario_of
from envs.dag.replay import Trace, poisson_trace
from envs.dag.simulate import simulate

EPISODES = 7        # stream of the random numbers
TYPES = ("gpu", "cpu")
NANOSECONDS = {1: "ns", 1000: "us", 1_000_000: "ms", 1_000_000_000: "s"}


def check_random(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every part of a file."""
    parts = {"philox4x32_10": _block, "draw": _draw, "normal": _normal, "durations": _duration,
             "episode_seeds": _episode_seed, "poisson": _poisson}
    for part, found in parts.items():
        for number, row in enumerate(content.get(part, ())):
            yield outcome(f"{name}, {part} {number}",
                          lambda part=part, found=found, row=row: found(row, part))


def _block(row: list, field: str) -> list[str]:
    (a, b, k, stream), (low, high), words = row
    found = block_host(low | high << 32, stream, a, b, k)
    return differences(words, [int(x) for x in found], field)


def _draw(row: list, field: str) -> list[str]:
    seed, stream, a, b, k, *want = row
    found = [float(u(seed, stream, a, b, k)) for u in (uniforms, seconds)]
    return differences(want, found, field)


def _normal(row: list, field: str) -> list[str]:
    *arguments, want = row
    return differences(want, float(normals(*arguments)), field)


def _episode_seed(row: list, field: str) -> list[str]:
    seed, episode, want = row
    return differences(want, number_host(seed, EPISODES, episode), field)


def _duration(row: list, field: str) -> list[str]:
    """The task runs alone, on the type that is asked for, behind tasks and jobs without work."""
    seed, noise, sigma, task, job, device, expected, want = row
    n = task + 1
    graph = Graph.from_columns("one", unit="1", ids=[str(i) for i in range(n)], types=TYPES,
                               duration=[[0, 0]] * task + [[expected if y == device else -1
                                                            for y in TYPES]])
    machine = {"unit": "1", "comm": "none", "workers": [{"type": y} for y in TYPES]}
    scenario = scenario_of({"machine": machine}, noise=noise, sigma=sigma)
    run = simulate(scenario, Trace.from_rows([[0, graph]] * (job + 1)), seed=seed, policy="fifo")
    last = run.tasks[-1]
    return differences(want, int(last["finish"] - last["start"]), field)


def _poisson(row: Mapping[str, Any], field: str) -> list[str]:
    graphs = [Graph.from_columns(str(g), unit=NANOSECONDS[row["ticks_per_unit"]], ids=["0"],
                                 types=TYPES, duration=[[1, 1]]) for g in range(row["graphs"])]
    trace = poisson_trace(graphs, row["rate"], len(row["arrivals"]), row["seed"])
    found = {"arrivals": trace.arrival.tolist(),
             "choice": [int(job.graph.name) for job in trace.jobs]}
    return differences({key: row[key] for key in found}, found, field)
