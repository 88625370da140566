"""Which variant each device should host: the policies without a solver (7.1, 7.2).

A policy works on a pending plan that starts from the present targets; None targets are free.
"""

import math
from collections.abc import Sequence

from . import demand, infaas
from .entities import Plan
from .rng import ALLOCATION, Draws
from .simulator import Simulator
from .system import System, total

PERIOD = {"random": 1, "lfu": 1, "load_proportional": 0}


class Pending:
    """A plan under construction."""

    def __init__(self, system: System, targets: Sequence[int | None], levels: Sequence[int]):
        self.system, self.targets, self.levels = system, list(targets), list(levels)

    @classmethod
    def of(cls, sim: Simulator) -> "Pending":
        """The present targets and levels."""
        return cls(sim.system, [d.target for d in sim.devices], [d.level for d in sim.devices])

    def hosting(self, family: int, kind: int | None = None, level: int | None = None) -> list[int]:
        """The devices of a family, optionally of one type and level."""
        s = self.system
        return [d for d, j in enumerate(self.targets)
                if j is not None and s.variants[j].family == family
                and kind in (None, s.device_type[d]) and level in (None, self.levels[d])]

    def free(self, kind: int) -> list[int]:
        """The free devices of a type."""
        return [d for d, j in enumerate(self.targets)
                if j is None and self.system.device_type[d] == kind]

    def give(self, device: int, target: int | None, level: int | None = None) -> None:
        """Set a target, and the level (default the highest)."""
        self.targets[device] = target
        self.levels[device] = self.system.levels - 1 if level is None else level

    def set_counts(self, family: int, counts: Sequence[Sequence[int]]) -> None:
        """The action of BLIS: bring a family to `counts[level][type]` devices."""
        for level in range(self.system.levels):
            for kind in self.system.types:
                self._set_count(family, level, kind, counts[level][kind])

    def _set_count(self, family: int, level: int, kind: int, count: int) -> None:
        mine, default = self.hosting(family, kind, level), self.system.default[family][kind]
        for device in mine[count:]:
            self.give(device, None)
        if default is not None and count > len(mine):
            for device in self.free(kind)[:count - len(mine)]:
                self.give(device, default, level)

    def fill_static(self, per_type: int) -> None:
        """The static start: up to `per_type` devices of each type for each family."""
        for defaults in self.system.default:
            for kind, variant in enumerate(defaults):
                if variant is not None:
                    for device in self.free(kind)[:per_type]:
                        self.give(device, variant)

    def plan(self, with_levels: bool = True) -> Plan:
        """The finished plan."""
        return Plan(self.targets, self.levels if with_levels else None)


class Allocator:
    """The allocation policy of a run: a plan at time 0, and at window ends when due."""

    def __init__(self, system: System, rows: Sequence, seed: int):
        self.system, self.rows, self.o = system, rows, system.options.allocation
        self.draws = Draws(seed, ALLOCATION)
        self.waiting: dict[int, Plan] = {}
        if self.o.policy not in ("none", "schedule"):
            self.first, self.later = getattr(self, f"_{self.o.policy}")()

    def start(self, sim: Simulator) -> None:
        """Commit the plan of time 0."""
        if self.o.policy == "schedule":
            plan = self._scheduled(0)
        else:
            plan = None if self.o.policy == "none" else self.first(sim)
        if plan is not None:
            sim.start(plan)

    def __call__(self, sim: Simulator, window: int) -> Plan | None:
        if self.o.policy == "schedule":
            return self._scheduled(window + 1)
        if self._due(window):
            plan = self.later(sim)
            if plan is not None:
                self.waiting[window + self.o.delay_windows] = plan
        return self.waiting.pop(window, None)

    def _due(self, window: int) -> bool:
        if self.o.policy in ("none", "static"):
            return False
        period = PERIOD.get(self.o.policy, 10) if self.o.period is None else self.o.period
        return (period > 0 and (window + 1) % period == 0) or window in self.o.also_at

    def _scheduled(self, window: int) -> Plan | None:
        given = next((p for p in self.o.plans if p["window"] == window), None)
        if given is None:
            return None
        targets = [None if name is None else self.system.index[name] for name in given["assign"]]
        return Plan(targets, given.get("qos"), given.get("weights"))

    # ---- each policy: the plan of time 0, and the plan when due --------------------------------

    def _static(self) -> tuple:
        return self._static_plan, None

    def _static_plan(self, sim: Simulator) -> Plan:
        pending = Pending.of(sim)
        pending.fill_static(self.o.per_type)
        return pending.plan()

    def _random(self) -> tuple:
        return self._random_plan, self._random_plan

    def _random_plan(self, sim: Simulator) -> Plan:
        pending, draw, system = Pending.of(sim), self.draws.next, self.system
        for _ in range(self.o.actions_per_window):
            family = math.floor(draw() * len(system.families))
            counts = [[math.floor(draw() * (n + 1)) for n in system.count]
                      for _ in range(system.levels)]
            pending.set_counts(family, counts)
        return pending.plan()

    def _lfu(self) -> tuple:
        return self._static_plan, self._lfu_plan

    def _lfu_plan(self, sim: Simulator) -> Plan | None:
        pending, last, families = Pending.of(sim), sim.windows[-1], range(len(self.system.families))
        failed = [_ratio(last.late[k] + last.dropped[k], last.arrivals[k]) for k in families]
        receiver = max(families, key=lambda k: failed[k])
        losers = [k for k in families if k != receiver and len(pending.hosting(k)) >= 2]
        if failed[receiver] == 0 or not losers:
            return None
        loser = min(losers, key=lambda k: last.arrivals[k])
        default = self.system.default[receiver]
        kinds = [t for t in self.system.types
                 if pending.hosting(loser, t) and default[t] is not None]
        if not kinds:
            return None
        kind = max(kinds, key=lambda t: len(pending.hosting(loser, t)))
        pending.give(pending.hosting(loser, kind)[-1], default[kind])
        return pending.plan(with_levels=False)

    def _load_proportional(self) -> tuple:
        return self._proportional_start, self._proportional_plan

    def _proportional_start(self, sim: Simulator) -> Plan | None:
        given = self.o.initial_demand
        return self._deal(demand.initial(given, self.system.families, self.rows))

    def _proportional_plan(self, sim: Simulator) -> Plan | None:
        return self._deal([demand.observed([w.arrivals[k] for w in sim.windows], self.o.demand,
                                           self.system.options.window_ms)
                           for k in range(len(self.system.families))])

    def _deal(self, demands: list[float]) -> Plan | None:
        if total(demands) == 0:
            return None
        devices = len(self.system.device_type)
        pending, kind = Pending(self.system, [None] * devices, [0] * devices), -1
        for family, seats in enumerate(_seats(demands, devices)):
            for _ in range(seats):
                kind = self._deal_seat(pending, family, kind)
        return pending.plan(with_levels=False)

    def _deal_seat(self, pending: Pending, family: int, last: int) -> int:
        """Give one device to a family; returns the type that was used last."""
        types, defaults = len(self.system.types), self.system.default[family]
        for step in range(1, types + 1):
            kind = (last + step) % types
            free = pending.free(kind)
            if free and defaults[kind] is not None:
                pending.give(free[0], defaults[kind])
                return kind
        return last

    def _infaas(self) -> tuple:
        first = self._static_plan if self.o.initial == "static" else lambda sim: None
        return first, self._infaas_plan

    def _infaas_plan(self, sim: Simulator) -> Plan:
        pending = Pending.of(sim)
        infaas.scale(pending, sim.windows[-1].arrivals, self.o, self.system.options.window_ms)
        return pending.plan(with_levels=False)


def _ratio(x: int, y: int) -> float:
    if y == 0:
        return math.inf if x else 0.0
    return x / y


def _seats(demands: list[float], devices: int) -> list[int]:
    """Devices per family: largest remainder, then one for everybody if there are enough."""
    families, whole = range(len(demands)), total(demands)
    quota = [(devices * s) / whole for s in demands]
    seats = [math.floor(q) for q in quota]
    by_rest = sorted(families, key=lambda k: (-(quota[k] - seats[k]), k))
    for k in by_rest[:devices - sum(seats)]:
        seats[k] += 1
    if devices >= len(demands):
        for k in families:
            if seats[k] == 0:
                seats[max(families, key=lambda i: seats[i])] -= 1
                seats[k] = 1
    return seats
