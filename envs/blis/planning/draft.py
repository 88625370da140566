"""A pending plan: targets and levels that a policy edits before they are committed."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from envs.blis.planning.base import Plan

if TYPE_CHECKING:
    from envs.blis.system import System


class Draft:
    """Targets (-1 none) and levels of every device; starts empty or from given ones."""

    def __init__(self, system: System, target: Iterable[int] | None = None,
                 level: Iterable[int] | None = None) -> None:
        self.system = system
        self.top = system.scenario.options.qos.levels - 1
        self.target = [-1] * system.devices if target is None else [int(j) for j in target]
        self.level = [self.top] * system.devices if level is None else [int(q) for q in level]
        ends = np.cumsum(system.count).tolist()
        self._devices = [range(a, b) for a, b in zip([0, *ends], ends, strict=False)]
        self._family: list[int] = system.variant_family.tolist()

    def family(self, device: int) -> int:
        """Family of the device's target, -1 without one."""
        j = self.target[device]
        return self._family[j] if j >= 0 else -1

    def free(self, kind: int) -> list[int]:
        """Devices of a type without a target, lowest first."""
        return [d for d in self._devices[kind] if self.target[d] < 0]

    def hosts(self, family: int, kind: int | None = None) -> list[int]:
        """Devices (of one type) with a target in the family, lowest first."""
        devices = range(len(self.target)) if kind is None else self._devices[kind]
        return [d for d in devices if self.family(d) == family]

    def assign(self, device: int, variant: int, level: int | None = None) -> None:
        """Set the target, and the level (default: the highest)."""
        self.target[device] = variant
        self.level[device] = self.top if level is None else level

    def release(self, device: int) -> None:
        """Take the target away."""
        self.target[device] = -1

    def set_counts(self, family: int, counts: Sequence[Sequence[int]]) -> None:
        """Bring the family to counts[level][type] devices of the default variants."""
        for level, per_type in enumerate(counts):
            for kind, count in enumerate(per_type):
                self._set_count(family, level, kind, int(count))

    def _set_count(self, family: int, level: int, kind: int, count: int) -> None:
        have = [d for d in self.hosts(family, kind) if self.level[d] == level]
        for d in have[count:]:
            self.release(d)
        variant = int(self.system.default_variant[family, kind])
        if variant >= 0:
            for d in self.free(kind)[:max(0, count - len(have))]:
                self.assign(d, variant, level)

    def plan(self, *, levels: bool = False) -> Plan:
        """The finished plan; without levels every device gets the highest."""
        return Plan(np.array(self.target), np.array(self.level) if levels else None)
