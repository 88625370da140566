"""A few devices per family and type, once and for all; and no plan at all."""
from __future__ import annotations

from typing import TYPE_CHECKING

from envs.blis.planning.base import Plan, Planner, View
from envs.blis.planning.draft import Draft

if TYPE_CHECKING:
    from envs.blis.system import System


def static_start(system: System) -> Draft:
    """Up to `per_type` free devices of every type for every family, default variants."""
    draft = Draft(system)
    per_type = system.scenario.options.allocation.per_type
    for variants in system.default_variant.tolist():
        for kind, variant in enumerate(variants):
            for d in draft.free(kind)[:per_type] if variant >= 0 else ():
                draft.assign(d, variant)
    return draft


class NoPlanner(Planner):
    """Leaves every device without a target."""

    def due(self, window: int) -> bool:
        """Never."""
        return False


class StaticPlanner(NoPlanner):
    """The static start."""

    def start(self, view: View) -> Plan:
        """A few devices per family and type."""
        return static_start(self.system).plan()
