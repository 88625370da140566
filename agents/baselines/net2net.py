"""The named contenders of `net2net`: a policy each, and where they make sense.

A baseline replaces the option `policy` and nothing else. Who is told what other runs of the very
seeds that are scored reached is a bound rather than a rival.
"""
from __future__ import annotations

import re
from typing import Any

from agents.baselines.table import Baseline, Needs, lacking, named
from envs.net2net.options import POLICIES

FORM = re.compile(rf"({'|'.join(POLICIES)})\([\d.,\s]*\)")     # always(2), fixed(2,0,1) ...
LIVE = ("never", "best_constant", "best_fixed", "planner")      # unasked in a live comparison


def _baseline(name: str, about: str, *needs: str, privileged: bool = False) -> Baseline:
    return Baseline(name, about, {"policy": name}, privileged, needs)


BASELINES: dict[str, Baseline] = {b.name: b for b in (
    _baseline("never", "no edit"),
    _baseline("random", "a random unmasked action"),
    *(_baseline(f"always({a})", f"action {a} at every decision") for a in (1, 2, 3)),
    _baseline("start(1)", "every stage deeper at the first decision", "every stage"),
    _baseline("start(2)", "every stage deeper at the first two decisions", "every stage"),
    _baseline("late(1)", "every stage deeper at the last decision", "every stage"),
    _baseline("late(2)", "every stage deeper at the last two decisions", "every stage"),
    _baseline("periodic(2)", "AutoGrow: every stage deeper at every second decision",
              "every stage"),
    _baseline("convergent", "AutoGrow: grow when accuracy gained less than .02", "accuracies"),
    _baseline("best_constant", "the best single sequence over all cells"),
    _baseline("best_fixed", "per budget the best single sequence over its cells"),
    _baseline("greedy_marginal", "per decision the action that is best in the mean of all leaves",
              "searched"),
    _baseline("greedy_uniform", "the action with the best mean of the leaves below", "searched"),
    _baseline("greedy_none", "the action that is best if nothing follows", "searched"),
    _baseline("linear", "least squares on the number of uses of each action", "searched"),
    _baseline("tabular_reinforce", "REINFORCE with a table, per cell", "searched"),
    _baseline("tabular_q", "optimistic Q-learning with a table, per cell", "searched"),
    _baseline("planner", "the best sequence under the fitted curves", "fit"),
    _baseline("planner_online", "the same, fitted again to the accuracies so far", "fit"),
    _baseline("random_search(16)", "the best of 16 recorded sequences by one training seed",
              "recorded"),
    _baseline("held_out_oracle", "the best sequence by the mean of the other seeds", "recorded",
              "seeds", privileged=True),
    _baseline("tree", "the optimal policy tree on seed means", "searched", privileged=True),
    _baseline("oracle", "per seed the best sequence by the accuracy that is reported",
              "searched", privileged=True),
)}


def _fitted(scenario: Any, cases: list[Any]) -> bool:
    """Whether the parameter file has a set for every cell."""
    from envs.net2net.binding import maybe_fitted

    return all(maybe_fitted(scenario, case.cell) is not None for case in cases)


NEEDS: Needs = {
    "every stage": ("no action deepens every stage", lambda _, cases: all(
        case.cell.action_set == "depth" for case in cases)),
    "accuracies": ("no accuracies at decisions", lambda _, cases: all(
        case.table is None or case.table.measured for case in cases)),
    "searched": ("too many sequences", lambda _, cases: all(
        case.cell.leaves <= 100_000 for case in cases)),
    "fit": ("no fitted curve of the cell", _fitted),
    "recorded": ("the cell is not recorded", lambda _, cases: all(
        case.table is not None for case in cases)),
    "seeds": ("one seed", lambda _, cases: all(
        case.table is None or len(case.table.seeds) > 1 for case in cases)),
}


def missing(name: str, scenario: Any, cases: list[Any]) -> str | None:
    """Why this baseline says nothing new on a scenario and its cases; None: it makes sense."""
    if name not in LIVE and any(case.backend == "live" for case in cases):
        return "each trains for its budget: name them"
    return lacking(baseline(name), NEEDS, scenario, cases)


def baseline(name: str) -> Baseline:
    """The baseline of this name, also with arguments of its own; else a `PolicyError`."""
    if name not in BASELINES and FORM.fullmatch(name):
        return _baseline(name, "as its name says")
    return named(BASELINES, name)
