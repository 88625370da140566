"""Players that look at the job: at random, when learning stalls, with a model that is corrected."""
from __future__ import annotations

from typing import TYPE_CHECKING

from envs.net2net.draws import STREAMS, below
from envs.net2net.planning.online import plan_on
from envs.net2net.players.player import Player, checked, unmasked, usual_action
from envs.net2net.players.values import believed

if TYPE_CHECKING:
    from envs.net2net.cases import Case
    from envs.net2net.scenario import Scenario
    from envs.net2net.view import View

GAINED = 14             # entry of the observation: accuracy now less that at the last decision


class Random(Player):
    """An unmasked action, each as likely."""

    def act(self, view: View) -> int:
        """Drawn from the seed and the decision."""
        return view.legal[int(below(len(view.legal), view.seed, STREAMS["random"], view.decision))]


class Convergent(Player):
    """An action whenever accuracy has risen by less than `least` since the last decision."""

    def __init__(self, least: float = 0.02, action: float | None = None) -> None:
        self.least, self.given, self.action = least, action, 0

    def begin(self, case: Case) -> None:
        """The action that this cell has for it."""
        self.action = usual_action(case.cell) if self.given is None else checked(
            int(self.given), case.cell)

    def act(self, view: View) -> int:
        """At decision 0 none."""
        stalls = view.decision > 0 and view.feature(GAINED) < self.least
        return unmasked(self.action, view) if stalls else 0


class OnlinePlanner(Player):
    """Plans the rest at every decision, with a curve that agrees with what was measured."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def begin(self, case: Case) -> None:
        """The shipped fit of the cell."""
        self.setup = believed(case.cell, self.scenario,
                              case.table if case.backend == "tabular" else None)

    def act(self, view: View) -> int:
        """The first action of the best way to go on."""
        made = plan_on(self.setup, view.taken, view.accuracies)
        return unmasked(made.sequence[view.decision], view)
