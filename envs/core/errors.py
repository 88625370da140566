"""Errors that a user can act on: where it is wrong, what is wrong, what to do."""
from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SuiteError(ValueError):
    """One line for the user: `where: what; remedy`."""

    def __init__(self, what: str, where: str = "", remedy: str = ""):
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__((f"{where}: " if where else "") + what + (f"; {remedy}" if remedy else ""))


class TraceError(SuiteError):
    """A workload that cannot be replayed."""


class ScenarioError(SuiteError):
    """A cluster, profile, option or plan that cannot be built."""


class PolicyError(SuiteError):
    """A policy, saved or user-written, that cannot be used."""


class ActionError(SuiteError):
    """An action outside its space, or a step out of turn."""


def nearest(name: object, known: Iterable[object]) -> str:
    """What the user probably meant, as a remedy: `did you mean "eft"?` or the whole list."""
    known = [str(k) for k in known]
    close = get_close_matches(str(name), known, 1)
    return f'did you mean "{close[0]}"?' if close else "known: " + ", ".join(known)


def ranked(name: object, known: Iterable[object]) -> str:
    """All known names as a remedy, the nearest first: `known: eft, left, random`."""
    known = [str(k) for k in known]
    close = get_close_matches(str(name), known, len(known) or 1)
    return "known: " + ", ".join(dict.fromkeys([*close, *known]))
