"""The standard suites of `dag`: what each of them varies on a scenario."""
from __future__ import annotations

import re
from typing import Any

from agents.domains import Point, Sweep
from envs.core.errors import ScenarioError
from envs.core.workloads import Window
from envs.dag.generate import is_call
from envs.dag.scenario import Scenario
from envs.dag.workloads import ListedWorkload, Workload, open_workload

SUITES = {
    "noise": "coefficient of variation of durations: 0, .1, .2, .3, .5",
    "size": "n of every generator in the workload: 4, 6, 8, 10, 12, 16",
    "memory": "memory of each GPU: 4, 12, 32 of the largest tiles, unbounded",
    "unfolding": "what is visible: everything, two edges ahead, ready tasks alone",
    "stream": "Poisson arrivals at load .5, .7, .9, judged by mean completion time",
}
SIGMAS = (0.0, 0.1, 0.2, 0.3, 0.5)
SIZES = (4, 6, 8, 10, 12, 16)
TILES = (4, 12, 32, None)
VISIBLE = (("full", 1), ("window", 2), ("frontier", 1))
LOADS = (0.5, 0.7, 0.9)
SEEDS = 40              # windows of a point of the noise suite
STREAM = {"poisson": {"load": LOADS[0], "jobs": 20}}
SIZE = re.compile(r"\bn\s*=\s*\d+")


def suite(name: str, scenario: Scenario, workload: Workload) -> Sweep:
    """The points of a suite; `ScenarioError` where the scenario leaves nothing to vary."""
    return {"noise": _noise, "size": _size, "memory": _memory, "unfolding": _unfolding,
            "stream": _stream}[name](scenario, workload)


def at_load(scenario: Scenario, workload: Workload, load: float) -> Workload:
    """The workload as a stream with this load: least durations times arrival rate over workers."""
    if isinstance(workload, ListedWorkload):
        if workload.sources.poisson is None:
            raise ScenarioError("the workload is no stream, so it has no load", scenario.name,
                                "say suite=stream, or add poisson: {load: 0.7, jobs: 20}")
        config = {"workload": {"poisson": {"load": load, "rate": None}}}
        return open_workload(None, scenario.merge(config))
    whole = workload.part("test", 1)[0]
    return workload.at_load(load / _load(whole, scenario))


def _load(window: Window, scenario: Scenario) -> float:
    """The load of recorded jobs."""
    from envs.dag.fitting import least_work

    trace, machine = window.trace, scenario.machine
    work = sum(least_work(job.graph, machine) for job in trace.jobs)
    if not trace.end:
        raise ScenarioError("jobs that arrive all at once have no load", window.name,
                            "leave `loads` out, or give a longer trace")
    return work / trace.end / len(machine)


def _noise(scenario: Scenario, workload: Workload) -> Sweep:
    made = {}
    for sigma in SIGMAS:
        noise = {"noise": "lognormal" if sigma else "none", "sigma": sigma}
        made[f"sigma {sigma:g}"] = Point({"scenario": scenario.merge(noise)}, sigma)
    return Sweep(made, "coefficient of variation of durations", SEEDS)


def _size(scenario: Scenario, workload: Workload) -> Sweep:
    calls = dict.fromkeys(SIZE.sub("n=N", text) for text in _texts(workload)
                          if is_call(text) and SIZE.search(text))
    if not calls:
        raise ScenarioError("no graph of the workload has a parameter n", scenario.name,
                            "suite=size needs generators such as cholesky(n=8)")
    names = [call.partition("(")[0] for call in calls]
    made = {}
    for call, name in zip(calls, names, strict=True):
        group = name if names.count(name) == 1 else call
        for n in SIZES:
            text = call.replace("n=N", f"n={n}")
            label = f"{name} n={n}" if group == name else text
            made[label] = Point({"trace": text}, n, group if len(calls) > 1 else "")
    return Sweep(made, "n")


def _texts(workload: Workload) -> list[str]:
    if not isinstance(workload, ListedWorkload):
        return []
    return [text for part in ("train", "test") for text in workload.sources.of(part)]


def _memory(scenario: Scenario, workload: Workload) -> Sweep:
    machine = scenario.machine
    if machine.comm != "tiles" or not (machine.node_of > 0).any():
        raise ScenarioError("no memory is simulated", scenario.name,
                            "suite=memory needs comm: tiles and workers with memory")
    largest = max(int(graph.tile_bytes.max(initial=0)) for graph in workload.graphs())
    made = {}
    for x, tiles in enumerate(TILES):
        config = machine.to_config()
        for entry in config["workers"]:
            if "memory" in entry:
                entry["memory"] = tiles and tiles * largest
        label = f"{tiles} tiles" if tiles else "unbounded"
        made[label] = Point({"scenario": scenario.replace(machine=config)}, x, tick=label)
    return Sweep(made, "memory of each GPU")


def _unfolding(scenario: Scenario, workload: Workload) -> Sweep:
    made = {}
    for x, (visible, window) in enumerate(VISIBLE):
        label = f"{visible} {window}" if visible == "window" else visible
        own = scenario.merge({"visible": visible, "window": window})
        made[label] = Point({"scenario": own}, x, tick=label)
    return Sweep(made, "what is visible")


def _stream(scenario: Scenario, workload: Workload) -> Sweep:
    own: Any = scenario
    if isinstance(workload, ListedWorkload) and workload.sources != scenario.workload:
        raise ScenarioError("one graph is no stream", f"trace={workload.name}",
                            "leave trace= out: suite=stream makes streams of the scenario's graphs")
    if scenario.workload.poisson is None:
        own = scenario.merge({"workload": {**_listed(scenario), **STREAM}})
    own = own.merge({"objective": "jct"})
    return Sweep({f"load {x:g}": Point({"scenario": own, "load": x}, x) for x in LOADS},
                 "load (least durations times arrival rate over workers)")


def _listed(scenario: Scenario) -> dict[str, list[str]]:
    """The texts of every part, as the key `workload` takes them."""
    return {part: list(scenario.workload.of(part)) for part in ("train", "validation", "test")}
