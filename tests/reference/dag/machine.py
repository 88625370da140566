"""Workers, memory nodes, links: who can reach whom, and how long moving bytes takes."""

import math

from .arithmetic import factor, ticks


class Link:
    """Latency in ticks, bandwidth in bytes per tick (infinite if none is given)."""

    def __init__(self, mapping, per_unit: int):
        mapping = mapping or {}
        self.latency = ticks(mapping.get("latency") or 0, per_unit)
        self.bandwidth = mapping.get("bandwidth")
        self.per_unit = per_unit

    @property
    def rate(self) -> float:
        """Bytes per tick."""
        return math.inf if self.bandwidth is None else self.bandwidth / self.per_unit

    def time(self, size: int) -> int:
        """Ticks that this many bytes take when they are alone."""
        if size == 0:
            return 0
        if self.bandwidth is None:
            return self.latency
        return self.latency + max(0, math.ceil(size * self.per_unit / self.bandwidth - 1e-6))


class Machine:
    """Section 4."""

    def __init__(self, mapping):
        per_unit = factor(mapping)
        self.comm = mapping.get("comm", "tiles")
        self.network = mapping.get("network", "fifo")
        self.prefetch = mapping.get("prefetch", 0)
        entries = [entry for entry in mapping["workers"] for _ in range(entry.get("count", 1))]
        self.type = [entry["type"] for entry in entries]
        self.types = list(dict.fromkeys(self.type))
        self.node, self.owner, self.capacity = [], {}, [math.inf]
        self.into, self.out = {}, {}
        for w, entry in enumerate(entries):
            self.node.append(len(self.capacity) if "memory" in entry else 0)
            if "memory" in entry:
                n = len(self.capacity)
                self.capacity.append(math.inf if entry["memory"] is None else entry["memory"])
                self.owner[n] = w
                self.into[n] = Link(entry.get("in"), per_unit)
                self.out[n] = Link(entry.get("out"), per_unit)
        peer = mapping.get("peer")
        self.peer = Link(peer, per_unit) if peer is not None else None
        self.matrix = mapping.get("matrix")
        self.per_unit = per_unit
        bus = mapping.get("bus") or {}
        self.bus = {side: math.inf if bus.get(side) is None else bus[side] / per_unit
                    for side in ("up", "down")}

    @property
    def workers(self) -> range:
        """Workers by number."""
        return range(len(self.type))

    @property
    def nodes(self) -> range:
        """Memory nodes by number; 0 is the host."""
        return range(len(self.capacity))

    def link(self, source: int, target: int) -> Link | None:
        """The direct link, if there is one."""
        if source == 0:
            return self.into[target]
        return self.out[source] if target == 0 else self.peer

    def alone(self, source: int, target: int, size: int) -> int:
        """Time between two nodes when nothing else moves."""
        if source == target:
            return 0
        link = self.link(source, target)
        if link is not None:
            return link.time(size)
        return self.out[source].time(size) + self.into[target].time(size)

    def cost(self, p: int, r: int, size: int) -> int:
        """c(p, r, b) of section 4.2."""
        if p == r or size == 0 or p < 0 or r < 0:
            return 0
        if self.matrix is not None:
            return Link({key: _entry(self.matrix.get(key), p, r)
                         for key in ("latency", "bandwidth")}, self.per_unit).time(size)
        return self.alone(self.node[p], self.node[r], size)


def _entry(value, p: int, r: int):
    if isinstance(value, list):
        value = value[p][r]
    return value
