"""INFaaS autoscaling (Romero et al., ATC 2021): scale out, switch variants, scale down."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from envs.blis.planning.base import Plan, Planner, View
from envs.blis.planning.draft import Draft
from envs.blis.planning.static import static_start

if TYPE_CHECKING:
    from envs.blis.system import System


class InfaasPlanner(Planner):
    """Follows the load of the last window family by family."""

    def start(self, view: View) -> Plan | None:
        """Empty, or the static start."""
        return static_start(self.system).plan() if self.options.initial == "static" else None

    def plan(self, view: View) -> Plan:
        """Up for every family, then down for those that did not change."""
        scaling = _Scaling(self.system, Draft(self.system, view.target, view.level))
        window_ms = self.system.scenario.options.window_ms
        loads = (np.asarray(view.last["arrivals"]) * 1000 / window_ms).tolist()
        changed = [scaling.up(k, load) for k, load in enumerate(loads)]
        for k, load in enumerate(loads):
            if not changed[k]:
                scaling.down(k, load)
        return scaling.draft.plan()


class _Scaling:
    """Steps on one draft; peak rates and accuracies as plain lists."""

    def __init__(self, system: System, draft: Draft) -> None:
        allocation = system.scenario.options.allocation
        self.slack, self.down_slack = allocation.slack, allocation.down_slack
        self.draft, self.peak = draft, system.peak.tolist()
        self.accuracy, self.kind = system.accuracy.tolist(), system.device_type.tolist()
        family = system.variant_family.tolist()
        self.variants = [[j for j, f in enumerate(family) if f == k]
                         for k in range(len(system.families))]

    def rate(self, device: int) -> float:
        """Peak rate of the device's pending pair."""
        return self.peak[self.kind[device]][self.draft.target[device]]

    def total(self, family: int) -> float:
        """Peak rate of all devices of the family."""
        rate = 0.0
        for d in self.draft.hosts(family):
            rate += self.rate(d)        # left to right; the built-in sum compensates since 3.12
        return rate

    def up(self, family: int, load: float) -> bool:
        """Add devices, then switch them to faster variants; says whether anything changed."""
        before = list(self.draft.target)
        while self.total(family) * self.slack < load and self._add(family, load):
            pass
        while self.total(family) * self.slack < load and self._switch(family):
            pass
        return before != self.draft.target

    def _add(self, family: int, load: float) -> bool:
        """Add devices of one pair; whether more may be needed."""
        missing = load / self.slack - self.total(family)
        best = max(self.accuracy[j] for j in self.variants[family])
        enough, most = [], []
        for j in self.variants[family]:
            for t, rates in enumerate(self.peak):
                free = len(self.draft.free(t))
                if rates[j] > 0 and free > 0:
                    units = math.ceil(missing / rates[j])
                    if units <= free:
                        enough.append(((best - self.accuracy[j]) * units, units, j, t))
                    most.append((-free * rates[j], j, t, free))
        if enough:
            _, units, j, t = min(enough)
        elif most:
            _, j, t, units = min(most)
        else:
            return False
        for d in self.draft.free(t)[:max(0, units)]:
            self.draft.assign(d, j)
        return not enough

    def _switch(self, family: int) -> bool:
        """Switch one device to a faster variant at the least accuracy per rate."""
        steps = [
            ((self.accuracy[self.draft.target[d]] - self.accuracy[j]) / (rate - now), d, j)
            for d in self.draft.hosts(family) for now in (self.rate(d),)
            for j in self.variants[family]
            if (rate := self.peak[self.kind[d]][j]) > now
        ]
        if steps:
            _, d, j = min(steps)
            self.draft.assign(d, j)
        return bool(steps)

    def down(self, family: int, load: float) -> None:
        """Release devices, highest first, that the load does not need."""
        hosts = self.draft.hosts(family)
        for d in reversed(hosts):
            rest = self.total(family) - self.rate(d)
            if len(self.draft.hosts(family)) > 1 and (rest * self.slack) * self.down_slack >= load:
                self.draft.release(d)
