"""What decides for a job: a rule that looks, or a sequence chosen when the job begins."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from envs.core.errors import ScenarioError
from envs.net2net.cells import Cell

if TYPE_CHECKING:
    from envs.net2net.cases import Case
    from envs.net2net.scenario import Scenario
    from envs.net2net.view import View

Choice = Callable[["Case", "Scenario"], Sequence[int]]


class Player:
    """One action per decision; `privileged` players are told what the evaluation measures."""

    privileged = False

    def begin(self, case: Case) -> None:
        """A new job begins."""

    def act(self, view: View) -> int:
        """The action at a decision."""
        raise NotImplementedError


class Sequenced(Player):
    """Chooses all actions when a job begins; masked ones are left out."""

    def __init__(self, scenario: Scenario, choose: Choice, privileged: bool = False) -> None:
        self.scenario, self.choose, self.privileged = scenario, choose, privileged
        self.sequence: tuple[int, ...] = ()

    def begin(self, case: Case) -> None:
        """Choose; raises `ScenarioError` where the sequence does not fit the cell."""
        self.sequence = tuple(int(a) for a in self.choose(case, self.scenario))
        if len(self.sequence) != case.cell.depth_of_tree:
            raise ScenarioError(f"{case.cell.name} has {case.cell.depth_of_tree} decisions, found "
                                f"{len(self.sequence)} actions", "policy", "give one per decision")
        for action in self.sequence:
            checked(action, case.cell)

    def act(self, view: View) -> int:
        """The next action."""
        return unmasked(self.sequence[view.decision], view)


def unmasked(action: int, view: View) -> int:
    """The action, or 0 where it is masked."""
    return action if view.mask[action] else 0


def checked(action: int, cell: Cell) -> int:
    """An action that a cell has."""
    if not 0 <= action < cell.actions:
        raise ScenarioError(f"{cell.name} has the actions 0..{cell.actions - 1}, found {action}",
                            "policy")
    return action


def usual_action(cell: Cell) -> int:
    """What rules without a given action take: deepen every stage, or the first."""
    return cell.actions - 1 if cell.action_set == "depth" else 1
