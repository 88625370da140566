"""What looks wrong in a machine, its graphs and the options, or has no effect."""
from __future__ import annotations

from collections.abc import Sequence

from envs.core.findings import Finding
from envs.dag.fitting import duration_on
from envs.dag.graph import Graph, with_payload_tiles
from envs.dag.machine import Machine
from envs.dag.options import PUSHING
from envs.dag.scenario import Scenario
from envs.dag.units import NEVER, quoted

TIGHT = 2       # times the largest working set: below, a worker holds hardly more than one task


def of_options(scenario: Scenario) -> list[Finding]:
    """Options that have no effect, or need what the scenario hides."""
    options, found = scenario.options, []
    if options.noise == "none" and options.sigma:
        found.append(Finding(False, "sigma", "no effect with noise none",
                             "set noise: lognormal, or remove it"))
    if options.noise != "none" and not options.greatest_sigma:
        found.append(Finding(False, "noise", f"{options.noise} with sigma 0 changes nothing",
                             "give sigma"))
    if options.visible != "window" and options.window != 1:
        found.append(Finding(False, "window", f"no effect with visible {options.visible}",
                             "set visible: window"))
    if options.visible != "full" and (options.policy.startswith("static:")
                                      or options.policy == "sjf"):
        found.append(Finding(False, "policy", f"{options.policy} reads tasks that are not visible "
                             "yet", "its results are those of a clairvoyant policy"))
    if scenario.machine.prefetch and options.policy in PUSHING and options.wait == "never":
        found.append(Finding(False, "wait", f"never makes {options.policy} take tasks from queues "
                             "of other workers", "set wait: allowed"))
    return found


def of_machine(machine: Machine, graphs: Sequence[Graph]) -> list[Finding]:
    """Workers that nothing runs on, and durations that nothing reads."""
    found = []
    able = [duration_on(graph, machine).max(axis=0) >= 0 for graph in graphs]
    for y, device in enumerate(machine.types):
        if not any(row[y] for row in able):
            found.append(Finding(False, f"worker type {device}", "no task can run on it: these "
                                 "workers stay idle", "give tasks a duration there"))
    ignored = {device for graph in graphs for device in graph.types} - set(machine.types)
    if ignored:
        found.append(Finding(False, "durations", f"those on {quoted(ignored)} are ignored: no "
                             "worker is of that type", "add such workers if you have them"))
    return found


def of_memory(scenario: Scenario, graphs: Sequence[Graph]) -> list[Finding]:
    """Memories in which nothing is ever evicted, or hardly one task fits."""
    machine = scenario.machine
    capacity = int(machine.capacity.min())
    if machine.comm != "tiles" or capacity == NEVER:
        return []
    tiled = [with_payload_tiles(graph) for graph in graphs]
    largest = max(int(graph.operand_bytes.max()) for graph in tiled)
    total = max(int(graph.tile_bytes.sum()) for graph in tiled)
    if largest and capacity < TIGHT * largest:
        return [Finding(False, "memory", f"a task needs up to {largest} bytes, the smallest memory "
                        f"has {capacity}: hardly two tasks share it",
                        "expect many transfers, or use smaller tiles")]
    if total <= capacity and scenario.workload.poisson is None:
        return [Finding(False, "memory", f"all tiles of a graph ({total} bytes) fit the smallest "
                        f"memory ({capacity}): nothing is evicted",
                        "give less memory to study eviction")]
    return []
