"""The check of who serves, on cases that nobody was chosen by; what became bad is taken back."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from agents.library import aliases as names
from agents.library import registry
from agents.library.accuracy import Accuracies
from agents.library.aliases import CHAMPION
from agents.library.gate import Limits
from agents.library.generality import Errors, at_most, errors_of, summary
from agents.library.registry import Line
from agents.library.versions import RULE

if TYPE_CHECKING:
    from agents.library.library import Library


class Served(NamedTuple):
    """A version and the families it serves: `parts` of a split, or all that have no own one."""

    version: int
    families: list[str]
    parts: list[str]


def check(library: Library) -> Line:
    """Champions on fresh cases; one that fails gives way to what served before it."""
    lines, after = registry.read(library.root), library.aliases
    table = library.accuracies()
    fresh = table.on_fresh_cases(registry.checks(lines), library.limits.fresh)
    errors, verdicts = {}, []
    for served in serving_now(after, [*table.families]):
        found = errors[str(served.version)] = on_fresh(table, fresh, served)
        why = worse(found, promised(lines, table, served), library.limits)
        if why:
            after = names.rolled_back(after, served.parts)
            to = names.serving(after, served.families[0])
            why = f"rolled back to {to}: version {served.version} has {why}"
        verdicts.append(why or f"kept {served.version}")
    if after != library.aliases:
        names.write(library.root, after)
    return registry.append(
        library.root, "check", versions=[int(v) for v in errors], families=[*table.families],
        figures={**table.figures(), "fresh": fresh.figures()["A"],
                 "G": {v: {"mean": e.mean, "max": e.max} for v, e in errors.items()}},
        verdict="; ".join(verdicts) or "no learned champion", aliases=after)


def serving_now(aliases: Mapping[str, int], families: Sequence[str]) -> list[Served]:
    """Who serves what; `mct_wait` is not checked, it is what remains."""
    parts = [d for d in families if d in names.own(aliases)]
    rest = [d for d in families if d not in parts]
    found = [Served(aliases[CHAMPION], rest, [])] if rest and CHAMPION in aliases else []
    for version in sorted({aliases[f"{CHAMPION}/{d}"] for d in parts}):
        mine = [d for d in parts if aliases[f"{CHAMPION}/{d}"] == version]
        found.append(Served(version, mine, mine))
    return [served for served in found if served.version != RULE]


def on_fresh(table: Accuracies, fresh: Accuracies, served: Served) -> Errors:
    """G on fresh cases; a family's specialist is the one of its validation cases."""
    best = {d: fresh.of(table.specialist(d), d) for d in served.families}
    return summary(errors_of(fresh.row(served.version, served.families), best))


def promised(lines: Sequence[Line], table: Accuracies, served: Served) -> float:
    """G_mean at promotion; if a crash lost that line, on the validation cases."""
    told = registry.at_promotion(lines, served.version)
    return told if told is not None else table.generality(
        table.row(served.version, served.families)).mean


def worse(found: Errors, promised: float, limits: Limits) -> str:
    """What is out of bounds, or nothing."""
    if not at_most(found.mean, promised + limits.check_growth):
        return f"G_mean {found.mean:.3f}, {promised:.3f} at promotion"
    if not at_most(found.max, limits.check_most):
        return f"G_max {found.max:.3f} ({found.worst})"
    return ""
