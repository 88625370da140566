"""Baselines by name, with their numbers in brackets: `late(1)`, `fixed(2,0,1)`, `convergent`."""
from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_integer, as_number
from envs.net2net.players import choices, tables
from envs.net2net.players.player import Choice, Player, Sequenced
from envs.net2net.players.rules import Convergent, OnlinePlanner, Random
from envs.net2net.players.values import known_of

if TYPE_CHECKING:
    from envs.net2net.scenario import Scenario

NAME = re.compile(r"(?P<name>\w+)(\((?P<numbers>[^()]*)\))?")
FRACTIONS = ("convergent",)              # take numbers with a fraction
FROM_ONE = ("periodic", "random_search")    # take no 0
Make = Callable[..., Player]


def make_player(name: str, scenario: Scenario) -> Player:
    """The baseline of this name for jobs of a scenario; raises `ScenarioError`."""
    found = NAME.fullmatch(name.strip())
    key = found["name"] if found else name
    if key not in PLAYERS:
        raise ScenarioError(f'unknown value "{name}"', "policy", nearest(key, PLAYERS))
    make, least, most = PLAYERS[key]
    numbers = [_number(text, key) for text in (found["numbers"] or "").split(",") if text.strip()]
    if not least <= len(numbers) <= most:
        need = f"{least}" if least == most else f"{least} to {most}"
        raise ScenarioError(f"{key} takes {need} numbers, found {len(numbers)}", f"policy {key}")
    return make(scenario, *numbers)


def _number(text: str, key: str) -> float | int:
    """A whole number, or one with a fraction where the baseline takes such."""
    where = f"policy {key}"
    try:
        number = float(text)
    except ValueError:
        raise ScenarioError(f"{text.strip()!r} is no number", where) from None
    if key in FRACTIONS:
        return as_number(number, where)
    return as_integer(number, where, low=int(key in FROM_ONE))


def _whole(choose: Choice, privileged: bool = False) -> Make:
    return lambda scenario: Sequenced(scenario, choose, privileged)


def _by_values(rule: Callable[..., tuple[int, ...]]) -> Make:
    """A rule on the values of the training seeds; further numbers are its own."""

    def make(scenario: Scenario, *numbers: int) -> Player:
        def choose(case, scenario):
            return rule(known_of(case, scenario), *numbers)

        return Sequenced(scenario, choose)

    return make


def _at(chosen: Callable[[int, int, int], bool]) -> Make:
    """An action where `chosen(j, D, n)` says so."""

    def make(scenario: Scenario, n: int, action: int | None = None) -> Player:
        return Sequenced(scenario, lambda case, _: choices.at_decisions(
            case.cell, lambda j: chosen(j, case.cell.depth_of_tree, n), action))

    return make


def _always(scenario: Scenario, action: int | None = None) -> Player:
    return Sequenced(scenario, lambda case, _: choices.at_decisions(
        case.cell, lambda j: True, action))


def _fixed(scenario: Scenario, *sequence: int) -> Player:
    return Sequenced(scenario, lambda case, _: sequence)


def _random_search(scenario: Scenario, count: int) -> Player:
    return Sequenced(scenario, lambda case, scenario: choices.random_search(case, scenario, count))


MANY = 64               # actions of a sequence that is written out
PLAYERS: dict[str, tuple[Make, int, int]] = {       # maker, fewest and most numbers
    "never": (lambda scenario: _always(scenario, 0), 0, 0),
    "always": (_always, 0, 1),
    "fixed": (_fixed, 1, MANY),
    "start": (_at(lambda j, count, n: j < n), 1, 2),
    "late": (_at(lambda j, count, n: j >= count - n), 1, 2),
    "periodic": (_at(lambda j, count, n: (j + 1) % n == 0), 1, 2),
    "random": (lambda scenario: Random(), 0, 0),
    "convergent": (lambda scenario, *numbers: Convergent(*numbers), 0, 2),
    "best_fixed": (_whole(choices.best_fixed), 0, 0),
    "best_constant": (_whole(choices.best_constant), 0, 0),
    "greedy_marginal": (_by_values(tables.greedy_marginal), 0, 0),
    "greedy_uniform": (_by_values(tables.greedy_uniform), 0, 0),
    "greedy_none": (_by_values(tables.greedy_none), 0, 0),
    "linear": (_by_values(tables.linear), 0, 0),
    "tabular_reinforce": (_by_values(tables.tabular_reinforce), 0, 1),
    "tabular_q": (_by_values(tables.tabular_q), 0, 0),
    "planner": (_whole(choices.planner), 0, 0),
    "planner_online": (OnlinePlanner, 0, 0),
    "random_search": (_random_search, 1, 1),
    "held_out_oracle": (_whole(choices.held_out_oracle), 0, 0),
    "tree": (_whole(choices.tree, privileged=True), 0, 0),
    "oracle": (_whole(choices.oracle, privileged=True), 0, 0),
}
