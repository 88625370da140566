"""Least frequently used: the family with few arrivals gives a device to the one in need."""
from __future__ import annotations

import numpy as np

from envs.blis.planning.base import Plan, Planner, View
from envs.blis.planning.draft import Draft
from envs.blis.planning.static import static_start


class LfuPlanner(Planner):
    """Moves at most one device each time it is due."""

    default_period = 1

    def start(self, view: View) -> Plan:
        """The static start."""
        return static_start(self.system).plan()

    def plan(self, view: View) -> Plan | None:
        """One device from the family with fewest arrivals to the one that fails most."""
        receiver = _most_failing(view)
        draft = Draft(self.system, view.target, view.level)
        device = None if receiver is None else self._given(draft, view, receiver)
        if device is None:
            return None
        kind = self.system.device_type[device]
        draft.assign(device, int(self.system.default_variant[receiver, kind]))
        return draft.plan()

    def _given(self, draft: Draft, view: View, receiver: int) -> int | None:
        """Highest device of the loser on the type where it has most."""
        arrivals = np.asarray(view.last["arrivals"]).tolist()
        losers = [k for k in range(len(arrivals)) if k != receiver and len(draft.hosts(k)) >= 2]
        if not losers:
            return None
        loser = min(losers, key=lambda k: (arrivals[k], k))
        fit = np.flatnonzero(self.system.default_variant[receiver] >= 0).tolist()
        held = [draft.hosts(loser, kind) for kind in fit]
        best = max(held, key=len, default=[])
        return best[-1] if best else None


def _most_failing(view: View) -> int | None:
    """Family with the largest failed/arrivals of the window, None if nobody failed."""
    arrivals = np.asarray(view.last["arrivals"]).tolist()
    failed = (np.asarray(view.last["late"]) + np.asarray(view.last["dropped"])).tolist()
    shares = [(f / a if a else float("inf")) if f else 0.0
              for f, a in zip(failed, arrivals, strict=True)]
    worst = max(shares, default=0.0)
    return shares.index(worst) if worst > 0 else None
