"""Whether graphs, a machine and options go together; the first thing that does not is an error."""
from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

import numpy as np

from envs.core.errors import ScenarioError, TraceError, nearest
from envs.dag.graph import Graph, with_payload_tiles
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.replay import Trace
from envs.dag.units import LONGEST, quoted


def check_fit(graph: Graph, machine: Machine, options: Options, where: str = "") -> None:
    """Refuse a graph that the machine cannot run; warn once of types that it does not have."""
    where = where or graph.source
    _check_units(graph, machine, where)
    if machine.comm == "tiles":
        graph = with_payload_tiles(graph)
    ables = able(graph, machine, options)
    typed = duration_on(graph, machine)[:, machine.type_of] >= 0
    _check_tasks(graph, machine, options, typed, ables, where)
    check_total(most_ticks(graph, machine), where)
    _warn_of_types(graph, machine)


def check_kinds(kinds: Collection[str], options: Options, where: str) -> None:
    """Refuse a sigma for a kind that no graph of the workload has."""
    for kind in options.sigma if isinstance(options.sigma, Mapping) else ():
        if kind not in kinds:
            raise ScenarioError(f"sigma.{kind}: no task is of this kind", where,
                                nearest(kind, kinds))


def check_clock(trace: Trace, machine: Machine) -> None:
    """Refuse a trace whose jobs together could outlast the clock."""
    most = {id(graph): most_ticks(graph, machine) for graph in trace.graphs}
    check_total(trace.end + sum(most[id(job.graph)] for job in trace.jobs),
                trace.source or trace.name)


def check_total(most: float, where: str) -> None:
    """Refuse what could take more ticks than the clock can count."""
    if most > LONGEST:
        raise ScenarioError(f"durations, transfers and arrivals add up to {most:.3g} ticks, more "
                            "than 2**60", where, "choose a coarser unit")


def duration_on(graph: Graph, machine: Machine) -> np.ndarray:
    """Expected ticks by the machine's types, i8 (n, types); -1 where a type cannot run a task."""
    out = np.full((len(graph), len(machine.types)), -1, np.int64)
    for y, device in enumerate(machine.types):
        if device in graph.types:
            out[:, y] = graph.duration[:, graph.types.index(device)]
    return out


def able(graph: Graph, machine: Machine, options: Options) -> np.ndarray:
    """Which worker can run which task, bool (n, P): a duration and, under `tiles`, room."""
    typed = duration_on(graph, machine)[:, machine.type_of] >= 0
    if machine.comm != "tiles":
        return typed
    needed = with_payload_tiles(graph).operand_bytes
    return typed & (needed[:, None] <= machine.capacity[machine.node_of])


def least_work(graph: Graph, machine: Machine) -> int:
    """Ticks of all tasks, each on its fastest type."""
    times = duration_on(graph, machine)
    least = np.where(times < 0, np.iinfo(np.int64).max, times).min(axis=1)
    return int(least[~graph.virtual & (times >= 0).any(axis=1)].sum())


def most_ticks(graph: Graph, machine: Machine) -> float:
    """A bound on what one run of the graph can take: longest durations and slowest transfers."""
    longest = duration_on(graph, machine).max(axis=1).clip(0).astype(float).sum()
    if machine.comm == "none":
        return float(longest)
    return float(longest) + _slowest(graph, machine)


def _check_units(graph: Graph, machine: Machine, where: str) -> None:
    remedy = "give both real units or both '1' with one resolution"
    if (graph.unit == "1") != (machine.unit == "1"):
        raise ScenarioError(f"graph {graph.name} has unit {graph.unit!r}, machine has unit "
                            f"{machine.unit!r}", where, remedy)
    if graph.unit == "1" and graph.resolution != machine.resolution:
        raise ScenarioError(f"graph {graph.name} has resolution {graph.resolution}, machine has "
                            f"resolution {machine.resolution}", where, remedy)


def _check_tasks(graph: Graph, machine: Machine, options: Options, typed: np.ndarray,
                 ables: np.ndarray, where: str) -> None:
    stuck = ~ables.any(axis=1) if options.oversize == "exclude" else (typed & ~ables).any(axis=1)
    stuck = (stuck | ~typed.any(axis=1)) & ~graph.virtual
    if not stuck.any():
        return
    i = int(np.argmax(stuck))
    place, needed = f"task {graph.ids[i]!r}", int(graph.operand_bytes[i])
    if not typed[i].any():
        has = [graph.types[y] for y in np.flatnonzero(graph.duration[i] >= 0)]
        raise TraceError(f"{place}: no worker can run it; it has durations for {quoted(has)}, the "
                         f"machine has {quoted(machine.types)}", where)
    if options.oversize == "exclude":
        raise TraceError(f"{place}: its tiles need {needed} bytes, more than any worker that can "
                         "run it has", where)
    w = int(np.argmax(typed[i] & ~ables[i]))
    room = machine.capacity[machine.node_of[w]]
    raise TraceError(f"{place}: its tiles need {needed} bytes, but worker {w} "
                     f"({machine.workers[w].type!r}) has {room}", where,
                     "use smaller tiles or oversize: exclude")


def _warn_of_types(graph: Graph, machine: Machine) -> None:
    for device in graph.types:
        if device not in machine.types:
            warnings.warn(f"durations on {device!r} are ignored; the machine has "
                          f"{quoted(machine.types)}", stacklevel=3)


def _slowest(graph: Graph, machine: Machine) -> float:
    """Ticks of all transfers if each took the slowest way."""
    if machine.matrix is not None:
        latency, bandwidth = machine.matrix.tables(len(machine))
        delay, rate = float(latency.max()), float(bandwidth.min())
    else:
        links = [link for w in machine.node_workers for link in (w.into, w.out)]
        delay = 2 * max((link.latency for link in links), default=0)
        rate = min((link.bandwidth for link in links if link.bandwidth), default=np.inf) / 2
    sizes = graph.carried if machine.comm == "matrix" \
        else with_payload_tiles(graph).tile_bytes[with_payload_tiles(graph).operand_tile]
    return (len(sizes) * delay + float(sizes.sum(dtype=float)) / rate) * machine.ticks_per_unit
