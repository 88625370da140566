"""GPU types, nodes, job classes and node events; read from YAML and checked once.

    cluster = read_cluster("my_cluster.yaml")
    print(cluster.gpus, cluster.types)
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envs.cluster.classes import JobClass, job_class
from envs.cluster.units import FARTHEST_S
from envs.core.configs import read_yaml
from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_integer, as_list, as_mapping, as_number

EVENTS = ("up", "drain", "fail")
MOST_NODES = 100_000
MOST_GPUS = 10_000          # of one node


@dataclass(frozen=True)
class Node:
    """A machine: index of its GPU type, its equal GPUs, its rack."""

    type: int
    gpus: int
    rack: int = 0


@dataclass(frozen=True)
class NodeEvent:
    """A node that comes `up`, leaves in order (`drain`) or breaks (`fail`)."""

    time_s: float
    node: int
    event: str


@dataclass(frozen=True)
class Cluster:
    """Everything about the machines and the classes of jobs that run on them."""

    types: tuple[str, ...]
    nodes: tuple[Node, ...]
    classes: tuple[JobClass, ...]
    events: tuple[NodeEvent, ...] = ()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "") -> Cluster:
        """Build and check a cluster of the form of a cluster file; `where` names it in errors."""
        _known(as_mapping(config, where or "cluster"), ("types", "nodes", "classes", "events"),
               where)
        types = _types(config, where)
        nodes = _nodes(config, types, where)
        return cls(types, nodes, _classes(config, types, where), _events(config, nodes, where))

    def to_config(self) -> dict[str, Any]:
        """The mapping that `from_config` reads; equal neighbours are one entry with a count."""
        nodes: list[dict[str, Any]] = []
        for node in self.nodes:
            entry = {"type": self.types[node.type], "gpus": node.gpus, "rack": node.rack}
            if nodes and {**nodes[-1], "count": 0} == {**entry, "count": 0}:
                nodes[-1]["count"] += 1
            else:
                nodes.append({**entry, "count": 1})
        return {"types": list(self.types), "nodes": nodes,
                "classes": [c.to_config() for c in self.classes],
                "events": [{"time_s": e.time_s, "node": e.node, "event": e.event}
                           for e in self.events]}

    @property
    def gpus(self) -> int:
        """All GPUs, whether their nodes are up or not."""
        return sum(node.gpus for node in self.nodes)

    def scaled(self, gpus: int) -> Cluster:
        """A cluster of so many GPUs in the same proportions; racks and events multiply with it."""
        count = round(len(self.nodes) * gpus / self.gpus)
        source = [i * len(self.nodes) // count for i in range(count)]
        if not source or sum(self.nodes[n].gpus for n in source) != gpus:
            raise ScenarioError(f"{gpus} GPUs are no whole number of nodes in the proportions of "
                                f"{self.gpus} GPUs on {len(self.nodes)} nodes", "cluster",
                                f"take a multiple of {self.gpus}")
        first = {n: i for i, n in reversed(list(enumerate(source)))}
        copies = sorted((i - first[n], n) for i, n in enumerate(source))
        places = [(copy, self.nodes[n].rack) for copy, n in copies]
        racks = {place: i for i, place in enumerate(dict.fromkeys(places))}
        nodes = tuple(replace(self.nodes[n], rack=racks[place])
                      for (_, n), place in zip(copies, places, strict=True))
        events = tuple(replace(e, node=i) for e in self.events
                       for i, (_, n) in enumerate(copies) if n == e.node)
        return replace(self, nodes=nodes, events=events)


def read_cluster(path: str | Path) -> Cluster:
    """The cluster of a cluster file (YAML)."""
    return Cluster.from_config(read_yaml(Path(path)), str(path))


def _place(where: str, what: str) -> str:
    return f"{where}: {what}" if where else what


def _known(entry: Mapping, known: tuple[str, ...], where: str) -> None:
    for key in entry:
        if key not in known:
            raise ScenarioError(f'unknown key "{key}"', where or "cluster", nearest(key, known))


def _needed(entry: Mapping, keys: tuple[str, ...], where: str) -> None:
    for key in keys:
        if key not in entry:
            raise ScenarioError(f'"{key}" is missing', where, f"add `{key}: ...`")


def _types(config: Mapping, where: str) -> tuple[str, ...]:
    place = _place(where, "types")
    types = tuple(str(t) for t in as_list(config.get("types", ()), place))
    if not types:
        raise ScenarioError("the cluster has no GPU type", place, "write `types: [v100, ...]`")
    for name in types:
        if types.count(name) > 1:
            raise ScenarioError(f'two types are named "{name}"', place, "rename one")
    return types


def type_index(value: Any, types: tuple[str, ...], where: str) -> int:
    """The index of a GPU type that is given by number or by name."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and 0 <= value < len(types):
        return value
    if str(value) in types:
        return types.index(str(value))
    raise ScenarioError(f'unknown type "{value}"', where, "known: " + ", ".join(types))


def _nodes(config: Mapping, types: tuple[str, ...], where: str) -> tuple[Node, ...]:
    nodes: list[Node] = []
    for entry in as_list(config.get("nodes", ()), _place(where, "nodes")):
        place = _place(where, f"node {len(nodes)}")
        _known(as_mapping(entry, place), ("type", "gpus", "rack", "count"), place)
        _needed(entry, ("gpus",), place)
        node = Node(type_index(entry.get("type", 0), types, f"{place}, type"),
                    as_integer(entry["gpus"], f"{place}, gpus", low=1, high=MOST_GPUS),
                    as_integer(entry.get("rack", 0), f"{place}, rack", low=0, high=2**31 - 1))
        room = MOST_NODES - len(nodes)
        nodes += [node] * as_integer(entry.get("count", 1), f"{place}, count", low=0, high=room)
    if not nodes:
        raise ScenarioError("the cluster has no GPU", where or "cluster", "add `nodes: [...]`")
    return tuple(nodes)


def _classes(config: Mapping, types: tuple[str, ...], where: str) -> tuple[JobClass, ...]:
    entries = as_list(config.get("classes", ({},)), _place(where, "classes"))
    if not entries:
        raise ScenarioError("there is no job class", _place(where, "classes"),
                            "leave the key out for one class with all defaults")
    classes = tuple(job_class(entry, i, types, where) for i, entry in enumerate(entries))
    names = [c.name for c in classes]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ScenarioError(f'classes {names.index(name)} and {i} are both named "{name}"',
                                _place(where, "classes"), "rename one")
    return classes


def _events(config: Mapping, nodes: tuple[Node, ...], where: str) -> tuple[NodeEvent, ...]:
    found = []
    for i, entry in enumerate(as_list(config.get("events") or (), _place(where, "events"))):
        place = _place(where, f"event {i}")
        _known(as_mapping(entry, place), ("time_s", "node", "event"), place)
        _needed(entry, ("time_s", "node", "event"), place)
        if entry["event"] not in EVENTS:
            raise ScenarioError(f'unknown event "{entry["event"]}"', place,
                                "known: " + ", ".join(EVENTS))
        node = as_integer(entry["node"], f"{place}, node")
        if not 0 <= node < len(nodes):
            raise ScenarioError(f"there is no node {node}", place,
                                f"nodes are numbered from 0 to {len(nodes) - 1}")
        time_s = as_number(entry["time_s"], f"{place}, time_s", low=0, high=FARTHEST_S)
        found.append(NodeEvent(time_s, node, entry["event"]))
    return tuple(found)
