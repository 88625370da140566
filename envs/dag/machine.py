"""Workers, memories, links and the communication model; read from YAML or JSON, checked once.

    machine = read_machine("my_machine.yaml")
    print(machine.types, machine.capacity)

Times and rates stand in the machine's unit of time: bandwidth is bytes per unit.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.configs import read_yaml
from envs.core.errors import ScenarioError
from envs.dag.links import Link, Matrix, Worker
from envs.dag.machine_entries import (
    choice,
    known_keys,
    read_bus,
    read_matrix,
    read_peer,
    read_workers,
    whole,
)
from envs.dag.units import NEVER, factor, read_unit

__all__ = ["Link", "Machine", "Matrix", "Worker", "read_machine"]

COMMS = ("tiles", "none", "matrix")
NETWORKS = ("fifo", "fair")
MOST_HELD = 1000        # tasks that a worker may hold beyond the one it runs
KEYS = ("unit", "resolution", "comm", "network", "prefetch", "workers", "peer", "bus", "matrix")


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
        known_keys(config, KEYS, where)
        unit, resolution = read_unit(config, where)
        comm = choice(config, "comm", COMMS, "none, matrix or tiles", where)
        network = choice(config, "network", NETWORKS, "fifo or fair", where)
        if network == "fair" and comm != "tiles":
            raise ScenarioError(f"network: fair needs comm tiles, found comm {comm}", where)
        for key, useful in (("matrix", comm == "matrix"), ("bus", network == "fair")):
            if config.get(key) is not None and not useful:
                has = f"comm {comm}" if key == "matrix" else f"network {network}"
                raise ScenarioError(f"{key}: no effect with {has}", where, "remove it")
        prefetch = whole(config.get("prefetch", 0), 0, "prefetch", where, high=MOST_HELD)
        workers = read_workers(config, unit, where)
        return cls(unit, resolution, comm, network, prefetch, workers,
                   read_peer(config, unit, where), read_bus(config.get("bus"), where),
                   read_matrix(config, len(workers), where))

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
