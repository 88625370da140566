"""Random families get random counts."""
from __future__ import annotations

from envs.blis.planning.base import Plan, Planner, View
from envs.blis.planning.draft import Draft
from envs.core.rng import uniform_host

STREAM = 1


class RandomPlanner(Planner):
    """`actions_per_window` random actions whenever due, drawn from a stream of their own."""

    default_period = 1

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self._drawn = 0

    def start(self, view: View) -> Plan:
        """Random actions from empty devices."""
        return self.plan(view)

    def plan(self, view: View) -> Plan:
        """Random actions from the present targets."""
        draft = Draft(self.system, view.target, view.level)
        levels = self.system.scenario.options.qos.levels
        for _ in range(self.options.actions_per_window):
            family = self._below(len(self.system.families))
            draft.set_counts(family, [[self._below(n + 1) for n in self.system.count.tolist()]
                                      for _ in range(levels)])
        return draft.plan(levels=True)

    def _below(self, n: int) -> int:
        self._drawn += 1
        return int(uniform_host(self.seed, STREAM, self._drawn - 1) * n)
