"""What tells families of workloads apart: a hash of the structure, the machine, the noise."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from envs.dag.graph import Graph
from envs.dag.machine import Machine

ROUNDS = 3
STRUCTURE_DIGITS, MACHINE_DIGITS = 16, 8


def structure_hash(graph: Graph) -> str:
    """A hash of kinds and edges that does not depend on the order or the names of the tasks.

    Labels start as hashes of kinds; in each round a task's label takes in those of its neighbours.
    """
    names = [_hash(kind) for kind in (*graph.kinds, "-")]
    labels = [names[k] for k in graph.kind.tolist()]
    before, after = _neighbours(graph.dst, graph.src, len(graph)), \
        _neighbours(graph.src, graph.dst, len(graph))
    for _ in range(ROUNDS):
        labels = [_hash(f"{label}|{_joined(labels, before[i])}|{_joined(labels, after[i])}")
                  for i, label in enumerate(labels)]
    return _hash("\n".join(sorted(labels)))


def signature(graph: Graph, machine: Machine | Mapping[str, Any], noise: str = "none",
              sigma: float = 0.0) -> str:
    """`<structure>-<machine>-<noise and sigma>`; a machine given as a mapping is taken as it is."""
    config = machine.to_config() if isinstance(machine, Machine) else machine
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    return (f"{structure_hash(graph)[:STRUCTURE_DIGITS]}-{_hash(text)[:MACHINE_DIGITS]}-"
            f"{noise}{sigma:.2f}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _joined(labels: list[str], chosen: list[int]) -> str:
    return ",".join(sorted(labels[j] for j in chosen))


def _neighbours(of: np.ndarray, other: np.ndarray, n: int) -> list[list[int]]:
    """The other ends of each task's edges."""
    place = np.argsort(of, kind="stable")
    ends = np.cumsum(np.bincount(of, minlength=n))
    return [part.tolist() for part in np.split(other[place], ends[:-1])]
