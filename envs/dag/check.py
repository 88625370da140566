"""What will not work, and why, before the first run: graphs, device types, memory, load, options.

    report = check(load_scenario("my.yaml"), "my_graph.json")
    print(report.verdict)
"""
from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from envs.core.errors import SuiteError
from envs.core.findings import Checked, Finding, Section
from envs.dag import findings
from envs.dag.fitting import check_fit, least_work
from envs.dag.graph import Graph
from envs.dag.machine import Link, Machine
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario
from envs.dag.workloads import RecordedWorkload, Workload, open_workload


@dataclass(frozen=True)
class Report(Checked):
    """A machine, the graphs if there are any, and the findings."""

    scenario: Scenario
    trace: str
    graphs: tuple[Graph, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """One line."""
        machine = self.scenario.machine
        workers = ", ".join(f"{sum(w.type == device for w in machine.workers)} {device}"
                            for device in machine.types)
        if not self.graphs:
            return f"{self.counted}: {workers}"
        sizes = sorted(len(graph) for graph in self.graphs)
        of = f"{sizes[0]} tasks" if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]} tasks"
        return (f"{self.counted}: {len(sizes)} graph{'s' * (len(sizes) > 1)} of {of} "
                f"on {workers}")

    def sections(self) -> list[Section]:
        """Workers and graphs for a person."""
        return [_workers(self.scenario.machine), _graphs(self.graphs, self.scenario.machine)]


def check(scenario: Scenario, trace: str | Path | Trace | Graph | None = None) -> Report:
    """Look at a machine and a workload, by default the scenario's own, without running it."""
    found = findings.of_options(scenario)
    if trace is None and not scenario.workload.train:
        return Report(scenario, "", (), tuple(found))
    workload = open_workload(trace, scenario)
    graphs = tuple(workload.graphs())
    for graph in graphs:
        found += _fit(graph, scenario)
    found += [*findings.of_machine(scenario.machine, graphs),
              *findings.of_memory(scenario, graphs), *_parts(workload)]
    return Report(scenario, workload.name, graphs, tuple(found))


def _fit(graph: Graph, scenario: Scenario) -> list[Finding]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # ignored types are findings of their own
            check_fit(graph, scenario.machine, scenario.options)
    except SuiteError as error:
        return [Finding(True, error.where or graph.name, error.what,
                        error.remedy or "see docs/dag.md")]
    return []


def _parts(workload: Workload) -> list[Finding]:
    empty = workload.empty_parts() if isinstance(workload, RecordedWorkload) else []
    if not empty:
        return []
    return [Finding(False, "arrival", f"no job falls into the part for {', '.join(empty)}: nothing "
                    "can be trained or compared there",
                    "give jobs over a longer time, or run all of them with simulate()")]


def _workers(machine: Machine) -> Section:
    header = ("type", "workers", "memory MB", f"in, latency {machine.unit}", "in, MB/s",
              f"out, latency {machine.unit}", "out, MB/s")
    rows = []
    for worker in dict.fromkeys(machine.workers):
        count = str(sum(other == worker for other in machine.workers))
        if not worker.own:
            rows.append((worker.type, count, "host", *[""] * 4))
            continue
        memory = "unbounded" if worker.memory is None else f"{worker.memory / 1e6:.6g}"
        rows.append((worker.type, count, memory, *_link(worker.into, machine),
                     *_link(worker.out, machine)))
    return Section(header, rows)


def _link(link: Link, machine: Machine) -> tuple[str, str]:
    if link.bandwidth is None:
        return f"{link.latency:g}", "unbounded"
    per_second = 1 if machine.unit == "1" else 1e9 / machine.ticks_per_unit
    return f"{link.latency:g}", f"{link.bandwidth * per_second / 1e6:.6g}"


def _graphs(graphs: tuple[Graph, ...], machine: Machine) -> Section:
    header = ("graph", "tasks", "kinds", "edges", "tiles", "MB", f"least work {machine.unit}")
    rows = []
    for graph in graphs:
        work = least_work(graph, machine) / machine.ticks_per_unit
        rows.append((graph.name, str(len(graph)), str(len(graph.kinds)), str(len(graph.src)),
                     str(len(graph.tiles)), f"{graph.tile_bytes.sum() / 1e6:.6g}", f"{work:.6g}"))
    return Section(header, rows)
