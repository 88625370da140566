"""Workers, memories, links and the communication model; read from YAML or JSON, checked once.

    machine = read_machine("my_machine.yaml")
    print(machine.types, machine.capacity)

Times and rates stand in the machine's unit of time: bandwidth is bytes per unit.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.configs import read_yaml
from envs.core.errors import ScenarioError, nearest
from envs.dag.presets import peer_entry, worker_entry
from envs.dag.units import NEVER, UNITS, factor, is_real, is_whole, ticks

COMMS = ("tiles", "none", "matrix")
NETWORKS = ("fifo", "fair")
KEYS = ("unit", "resolution", "comm", "network", "prefetch", "workers", "peer", "bus", "matrix")
WORKER_KEYS = ("type", "count", "memory", "in", "out")
MOST_WORKERS = 4096


@dataclass(frozen=True)
class Link:
    """A one-way connection; bandwidth None is infinite."""

    latency: float = 0
    bandwidth: float | None = None

    def ticks(self, size: int, per_unit: int) -> int:
        """Time of `size` bytes alone on the link."""
        if size == 0:
            return 0
        flow = 0 if self.bandwidth is None else math.ceil(size * per_unit / self.bandwidth - 1e-6)
        return ticks(self.latency, per_unit) + max(0, flow)


@dataclass(frozen=True)
class Worker:
    """One that runs a task at a time, in host memory or in a memory of its own."""

    type: str
    own: bool = False
    memory: int | None = None       # bytes, None is unbounded
    into: Link = Link()             # host -> own memory
    out: Link = Link()              # own memory -> host


@dataclass(frozen=True)
class Matrix:
    """Links between workers by index, a number or a table for each figure."""

    latency: float | tuple[tuple[float, ...], ...] = 0
    bandwidth: float | None | tuple[tuple[float | None, ...], ...] = None

    def tables(self, workers: int) -> tuple[np.ndarray, np.ndarray]:
        """Latency and bandwidth (inf where infinite), f8 (workers, workers), in units."""
        shape = (workers, workers)
        latency = np.broadcast_to(np.array(self.latency, np.float64), shape)
        bandwidth = np.array(self.bandwidth, np.float64)        # None becomes nan
        return latency, np.broadcast_to(np.where(np.isnan(bandwidth), np.inf, bandwidth), shape)


@dataclass(frozen=True)
class Machine:
    """Everything about the hardware; workers are asked in this order."""

    unit: str
    resolution: int
    comm: str
    network: str
    prefetch: int
    workers: tuple[Worker, ...]
    peer: Link | None = None
    bus: tuple[float | None, float | None] | None = None    # up, down of the host
    matrix: Matrix | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "") -> Machine:
        """Build and check; `where` names the file in errors."""
        if not isinstance(config, Mapping):
            raise ScenarioError("machine: must be a mapping", where, "write workers: [...]")
        _known(config, KEYS, where)
        unit, resolution = read_unit(config, where, ScenarioError)
        comm = _choice(config, "comm", COMMS, "none, matrix or tiles", where)
        network = _choice(config, "network", NETWORKS, "fifo or fair", where)
        if network == "fair" and comm != "tiles":
            raise ScenarioError(f"network: fair needs comm tiles, found comm {comm}", where)
        for key, useful in (("matrix", comm == "matrix"), ("bus", network == "fair")):
            if config.get(key) is not None and not useful:
                has = f"comm {comm}" if key == "matrix" else f"network {network}"
                raise ScenarioError(f"{key}: no effect with {has}", where, "remove it")
        prefetch = _whole(config.get("prefetch", 0), 0, "prefetch", where)
        workers = _workers(config, unit, where)
        peer = peer_entry(config.get("peer"), unit, where)
        peer = None if peer is None else _link(peer, "peer", where)
        return cls(unit, resolution, comm, network, prefetch, workers, peer,
                   _bus(config.get("bus"), where), _matrix(config, len(workers), where))

    def to_config(self) -> dict[str, Any]:
        """The mapping that `from_config` reads, without defaults; equal neighbours are counted."""
        config: dict[str, Any] = {"unit": self.unit, "comm": self.comm}
        optional = {"resolution": (self.resolution, 1), "network": (self.network, "fifo"),
                    "prefetch": (self.prefetch, 0)}
        config |= {key: value for key, (value, usual) in optional.items() if value != usual}
        config["workers"] = _counted([_worker_config(w) for w in self.workers])
        if self.peer is not None:
            config["peer"] = _link_config(self.peer)
        if self.bus is not None:
            config["bus"] = dict(zip(("up", "down"), self.bus, strict=True))
        if self.matrix is not None:
            config["matrix"] = {"latency": _plain(self.matrix.latency),
                                "bandwidth": _plain(self.matrix.bandwidth)}
        return config

    def __len__(self) -> int:
        return len(self.workers)

    @property
    def ticks_per_unit(self) -> int:
        """F of section 2 of the specification."""
        return factor(self.unit, self.resolution)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Device types in order of first appearance."""
        return tuple(dict.fromkeys(worker.type for worker in self.workers))

    @cached_property
    def type_of(self) -> np.ndarray:
        """Index of each worker's type, i4 (P,)."""
        return np.array([self.types.index(worker.type) for worker in self.workers], np.int32)

    @cached_property
    def node_of(self) -> np.ndarray:
        """The memory node of each worker, i4 (P,); 0 is the host."""
        own = np.array([worker.own for worker in self.workers])
        return np.where(own, np.cumsum(own), 0).astype(np.int32)

    @cached_property
    def node_workers(self) -> tuple[Worker, ...]:
        """The worker of node 1, 2, ...; those that have a memory of their own."""
        return tuple(worker for worker in self.workers if worker.own)

    @cached_property
    def capacity(self) -> np.ndarray:
        """Bytes of each node, i8 (nodes,); NEVER is unbounded."""
        own = [NEVER if w.memory is None else w.memory for w in self.node_workers]
        return np.array([NEVER, *own], np.int64)


def read_machine(path: str | Path) -> Machine:
    """The machine of a YAML or JSON file."""
    return Machine.from_config(read_yaml(Path(path)), str(path))


def read_unit(config: Mapping, where: str, error: type = ScenarioError) -> tuple[str, int]:
    """Unit of time and resolution of a machine or a graph."""
    unit = config.get("unit", "s")
    unit = str(unit) if is_whole(unit) else unit
    if unit != "1" and (not isinstance(unit, str) or unit not in UNITS):
        raise error(f"unit: unknown value {unit!r}", where, "use s, ms, us, ns or 1")
    resolution = config.get("resolution", 1)
    if not is_whole(resolution) or resolution < 1:
        raise error(f"resolution: must be an integer >= 1, found {resolution}", where)
    if resolution != 1 and unit != "1":
        raise error(f"resolution: no effect with unit {unit}", where, "remove it")
    return unit, int(resolution)


def _known(entry: Mapping, known: tuple[str, ...], where: str, place: str = "") -> None:
    for key in entry:
        if key not in known:
            raise ScenarioError(f"{place}{key}: unknown key", where, nearest(key, known))


def _choice(config: Mapping, key: str, known: tuple[str, ...], names: str, where: str) -> str:
    value = config.get(key, known[0])
    if value not in known:
        raise ScenarioError(f"{key}: unknown value {value!r}", where, f"use {names}")
    return value


def _whole(value: Any, low: int, place: str, where: str, orelse: str = "") -> int:
    if not is_whole(value) or value < low:
        raise ScenarioError(f"{place}: must be an integer >= {low}{orelse}, found {value}", where)
    return int(value)


def _latency(value: Any, place: str, where: str) -> float:
    if not is_real(value) or value < 0:
        raise ScenarioError(f"{place}: must be a finite number >= 0, found {value}", where)
    return value


def _rate(value: Any, place: str, where: str) -> float | None:
    if value is not None and (not is_real(value) or value <= 0):
        raise ScenarioError(f"{place}: must be a number > 0 or null, found {value}", where)
    return value


def _link(entry: Any, place: str, where: str) -> Link:
    if not isinstance(entry, Mapping):
        raise ScenarioError(f"{place}: must be a mapping, found {entry}", where,
                            "write {latency: ..., bandwidth: ...}")
    _known(entry, ("latency", "bandwidth"), where, f"{place}.")
    return Link(_latency(entry.get("latency", 0), f"{place}.latency", where),
                _rate(entry.get("bandwidth"), f"{place}.bandwidth", where))


def _workers(config: Mapping, unit: str, where: str) -> tuple[Worker, ...]:
    entries = config.get("workers") or ()
    if isinstance(entries, str | Mapping) or not len(entries):
        raise ScenarioError("workers: a machine needs at least one", where)
    workers: list[Worker] = []
    for i, entry in enumerate(entries):
        count, worker = _worker(entry, f"workers[{i}]", unit, where)
        if len(workers) + count > MOST_WORKERS:
            raise ScenarioError(f"workers: more than {MOST_WORKERS}", where, "list fewer")
        workers += [worker] * count
    return tuple(workers)


def _worker(entry: Any, place: str, unit: str, where: str) -> tuple[int, Worker]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("type"), str):
        raise ScenarioError(f"{place}.type: a device type is missing", where, "write type: gpu")
    entry = worker_entry(entry, unit, place, where)
    _known(entry, WORKER_KEYS, where, f"{place}.")
    count = _whole(entry.get("count", 1), 1, f"{place}.count", where)
    if "memory" not in entry:
        if "in" in entry or "out" in entry:
            raise ScenarioError(f"{place}: in and out need memory; this worker computes in host "
                                "memory", where)
        return count, Worker(entry["type"])
    memory = entry["memory"]
    if memory is not None:
        memory = _whole(memory, 1, f"{place}.memory", where, " or null")
    return count, Worker(entry["type"], True, memory,
                         _link(entry.get("in", {}), f"{place}.in", where),
                         _link(entry.get("out", {}), f"{place}.out", where))


def _bus(entry: Any, where: str) -> tuple[float | None, float | None] | None:
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise ScenarioError(f"bus: must be a mapping, found {entry}", where,
                            "write {up: ..., down: ...}")
    _known(entry, ("up", "down"), where, "bus.")
    return _rate(entry.get("up"), "bus.up", where), _rate(entry.get("down"), "bus.down", where)


def _matrix(config: Mapping, workers: int, where: str) -> Matrix | None:
    entry = config.get("matrix")
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise ScenarioError(f"matrix: must be a mapping, found {entry}", where,
                            "write {latency: ..., bandwidth: ...}")
    _known(entry, ("latency", "bandwidth"), where, "matrix.")
    return Matrix(_figure(entry.get("latency", 0), _latency, workers, "matrix.latency", where),
                  _figure(entry.get("bandwidth"), _rate, workers, "matrix.bandwidth", where))


def _figure(value: Any, check: Any, workers: int, place: str, where: str) -> Any:
    if not isinstance(value, list | tuple):
        return check(value, place, where)
    rows = [row if isinstance(row, list | tuple) else () for row in value]
    if len(rows) != workers or any(len(row) != workers for row in rows):
        raise ScenarioError(f"{place}: must be a number or a table of {workers} x {workers}", where,
                            "give a row and a column per worker")
    return tuple(tuple(check(cell, f"{place}[{p}][{r}]", where) for r, cell in enumerate(row))
                 for p, row in enumerate(rows))


def _link_config(link: Link) -> dict[str, Any]:
    config: dict[str, Any] = {"latency": link.latency} if link.latency else {}
    return config if link.bandwidth is None else {**config, "bandwidth": link.bandwidth}


def _worker_config(worker: Worker) -> dict[str, Any]:
    if not worker.own:
        return {"type": worker.type}
    links = {"in": _link_config(worker.into), "out": _link_config(worker.out)}
    return {"type": worker.type, "memory": worker.memory, **{k: v for k, v in links.items() if v}}


def _counted(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Equal neighbours as one entry with a count."""
    found: list[dict[str, Any]] = []
    for entry in entries:
        if found and {**found[-1], "count": 1} == {**entry, "count": 1}:
            found[-1]["count"] = found[-1].get("count", 1) + 1
        else:
            found.append(dict(entry))
    return found


def _plain(value: Any) -> Any:
    return [list(row) for row in value] if isinstance(value, tuple) else value
