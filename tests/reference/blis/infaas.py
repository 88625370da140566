"""INFaaS autoscaling (7.3): scale out, then switch variants; release what is not needed."""

import math
from collections.abc import Sequence
from types import SimpleNamespace

from .system import total


def scale(pending, arrivals: Sequence[int], o: SimpleNamespace, window_ms: float) -> None:
    """One round of the autoscaler on a pending plan."""
    families = [_Family(pending, k, n * 1000 / window_ms, o) for k, n in enumerate(arrivals)]
    for family in families:
        family.up()
    for family in families:
        if not family.changed:
            family.down()


class _Family:
    """One family with its devices and what it needs."""

    def __init__(self, pending, k: int, load: float, o: SimpleNamespace):
        self.pending, self.k, self.load, self.o, self.changed = pending, k, load, o, False
        self.system = pending.system
        self.mine = self.system.of_family[k]
        self.best = max((self.system.variants[j].accuracy for j in self.mine), default=0)

    def peak(self, device: int, variant: int | None = None) -> float:
        variant = self.pending.targets[device] if variant is None else variant
        pair = self.system.pair(device, variant)
        return pair.peak if pair else 0.0

    def throughput(self) -> float:
        return total(self.peak(d) for d in self.pending.hosting(self.k))

    def short(self) -> bool:
        return self.throughput() * self.o.slack < self.load

    def up(self) -> None:
        while self.short() and self._scale_out():
            pass
        while self.short() and self._switch():
            pass

    def _scale_out(self) -> bool:
        """Add devices; False when that ends scaling out."""
        enough, largest = [], []
        lack = self.load / self.o.slack - self.throughput()
        for j in self.mine:
            for t in self.system.types:
                pair, free = self.system.pairs[t][j], len(self.pending.free(t))
                if pair and pair.peak > 0 and free > 0:
                    units = math.ceil(lack / pair.peak)
                    loss = (self.best - self.system.variants[j].accuracy) * units
                    if units <= free:
                        enough.append((loss, units, j, t))
                    largest.append((-free * pair.peak, j, t, free))
        if enough:
            _, units, j, t = min(enough)
            self._add(j, t, units)
        elif largest:
            _, j, t, free = min(largest)
            self._add(j, t, free)
        return bool(largest) and not enough

    def _add(self, j: int, t: int, units: int) -> None:
        for device in self.pending.free(t)[:units]:
            self.pending.give(device, j)
            self.changed = True

    def _switch(self) -> bool:
        """Let one device serve a faster variant; False if there is none."""
        accuracy = [v.accuracy for v in self.system.variants]
        options = []
        for d in self.pending.hosting(self.k):
            for j in self.mine:
                gain = self.peak(d, j) - self.peak(d)
                if gain > 0:
                    loss = accuracy[self.pending.targets[d]] - accuracy[j]
                    options.append((loss / gain, d, j))
        if not options:
            return False
        _, d, j = min(options)
        self.pending.give(d, j)
        self.changed = True
        return True

    def down(self) -> None:
        for d in reversed(self.pending.hosting(self.k)):
            several = len(self.pending.hosting(self.k)) > 1
            left = ((self.throughput() - self.peak(d)) * self.o.slack) * self.o.down_slack
            if several and left >= self.load:
                self.pending.give(d, None)
