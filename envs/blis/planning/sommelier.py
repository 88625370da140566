"""Sommelier (Guo et al., SIGMOD 2022): devices belong to a family, variants may change."""
from __future__ import annotations

import numpy as np

from envs.blis.planning.base import Plan, View
from envs.blis.planning.load_proportional import deal
from envs.blis.planning.proteus import ProteusPlanner
from envs.blis.planning.static import static_start


class SommelierPlanner(ProteusPlanner):
    """Gives every device a home at time 0, then solves inside these homes."""

    default_beta = 1.5

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.home = np.full(self.system.devices, -1)

    def start(self, view: View) -> Plan | None:
        """The placement of families, then one solve inside it."""
        placed = self._placed(view)
        if placed is None:
            return None
        hosting = placed.target >= 0
        self.home[hosting] = self.system.variant_family[placed.target[hosting]]
        if self.options.initial == "static":
            return placed
        return self.decide(view.window, placed.target, self.initial_demand) or placed

    def decide(self, window: int, present: np.ndarray, rates: np.ndarray) -> Plan | None:
        """Solve with every device serving its home family."""
        homes = np.zeros((len(self.system.types), len(self.system.families)), np.int64)
        used = self.home >= 0
        np.add.at(homes, (self.system.device_type[used], self.home[used]), 1)
        return self.decide_for(self.problem(rates, homes), window, present, self.home)

    def _placed(self, view: View) -> Plan | None:
        rule, rates = self.options.placement, self.initial_demand
        if rule == "static":
            return static_start(self.system).plan()
        if rule == "load_proportional":
            return deal(self.system, rates.tolist()).plan() if rates.sum() > 0 else None
        return self.decide_for(self.problem(rates), view.window, view.target)
