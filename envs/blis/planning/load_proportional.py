"""Devices in proportion to demand, dealt over the types in turn."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from envs.blis.planning import demand
from envs.blis.planning.base import Plan, Planner, View
from envs.blis.planning.draft import Draft

if TYPE_CHECKING:
    from envs.blis.system import System


def seats(rates: Sequence[float], devices: int) -> list[int]:
    """Devices per family by largest remainders; nobody without one while that is possible."""
    total = sum(rates)
    quota = [(devices * s) / total for s in rates]
    dealt = [math.floor(q) for q in quota]
    by_rest = sorted(range(len(quota)), key=lambda k: (dealt[k] - quota[k], k))
    for k in by_rest[:devices - sum(dealt)]:
        dealt[k] += 1
    if devices >= len(dealt):
        for k in range(len(dealt)):
            if dealt[k] == 0:
                dealt[dealt.index(max(dealt))] -= 1
                dealt[k] = 1
    return dealt


def deal(system: System, rates: Sequence[float]) -> Draft:
    """All devices anew: seat by seat to the next type with a free device and a default variant."""
    draft, kinds, last = Draft(system), len(system.types), -1
    for family, count in enumerate(seats(rates, system.devices)):
        variants = system.default_variant[family].tolist()
        for _ in range(count):
            turn = [(last + 1 + i) % kinds for i in range(kinds)]
            kind = next((t for t in turn if variants[t] >= 0 and draft.free(t)), None)
            if kind is None:
                break
            draft.assign(draft.free(kind)[0], variants[kind])
            last = kind
    return draft


class LoadProportionalPlanner(Planner):
    """By default once, with the demand of time 0."""

    default_period = 0

    def start(self, view: View) -> Plan | None:
        """Deal by the demand of time 0."""
        return self._deal(self.initial_demand.tolist())

    def plan(self, view: View) -> Plan | None:
        """Deal by the demand expected now."""
        return self._deal(demand.expected(view, self.options.demand, self.period).tolist())

    def _deal(self, rates: list[float]) -> Plan | None:
        return deal(self.system, rates).plan() if sum(rates) > 0 else None
