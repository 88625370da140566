"""What the tables of baselines share: an entry, a look-up, who makes sense where."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from envs.core.errors import PolicyError, nearest

if TYPE_CHECKING:
    from agents.contenders import Contender

# Why a baseline is left out, and whether it makes sense on a scenario and its traces.
Needs = Mapping[str, tuple[str, Callable[[Any, list[Any]], bool]]]


@dataclass(frozen=True)
class Baseline:
    """A contender by options; `needs` are keys of its domain's `NEEDS` without which it says
    nothing new, `tuned_from` names the default form of a tuned one."""

    name: str
    about: str
    overrides: Mapping[str, Any]
    privileged: bool = False
    needs: tuple[str, ...] = field(default=())
    tuned_from: str | None = None


def named(table: Mapping[str, Baseline], name: str) -> Baseline:
    """The baseline of this name; an unknown one is a `PolicyError`."""
    if name not in table:
        raise PolicyError("no such baseline", name, nearest(name, table))
    return table[name]


def lacking(baseline: Baseline, needs: Needs, scenario: Any, traces: list[Any]) -> str | None:
    """Why a baseline says nothing new on a scenario and its traces; None: it makes sense."""
    for need in baseline.needs:
        reason, holds = needs[need]
        if not holds(scenario, traces):
            return reason
    return None


def sorted_out(contenders: Iterable[Contender],
               why: Callable[[Contender], str | None]) -> tuple[list[Contender], list[str]]:
    """Who makes sense, and in a line who does not and why."""
    found: list[Contender] = []
    out: dict[str, list[str]] = {}
    for contender in contenders:
        reason = why(contender)
        if reason is None:
            found.append(contender)
        else:
            out.setdefault(reason, []).append(contender.name)
    told = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in out.items())
    return found, [f"left out: {told}"] if out else []
