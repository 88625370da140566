"""A library and what is done to it: add, promote, check, roll back, merge, split.

Every operation is one line of the registry; whatever adds a version is followed by a check.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.library import aliases as names
from agents.library import families as kept
from agents.library import registry, soup, versions
from agents.library.accuracy import Accuracies, Judge
from agents.library.aliases import CANDIDATE, CHAMPION
from agents.library.checking import check
from agents.library.families import Family
from agents.library.gate import Failure, Limits, gate, verdict
from agents.library.generality import summary
from agents.library.registry import PROMOTED, Line
from agents.library.split import Split, split
from agents.library.versions import RULE, Meta
from agents.store import folder_name
from envs.core.errors import PolicyError
from envs.core.files import REPOSITORY

if TYPE_CHECKING:
    from agents.networks.acting import NetworkPolicy

HOME = REPOSITORY / "saved_models" / "dag"


class Added(NamedTuple):
    """A new version, what the gate said, and the check that followed."""

    meta: Meta
    line: Line
    check: Line


class Library:
    """A folder with its judge."""

    def __init__(self, root: Path, judge: Judge, limits: Limits | None = None):
        self.root, self.judge, self.limits = Path(root), judge, limits or Limits()

    @property
    def aliases(self) -> dict[str, int]:
        """Alias -> version."""
        return names.read(self.root)

    @property
    def families(self) -> dict[str, Family]:
        """Name -> family."""
        return kept.read_all(self.root)

    def accuracies(self) -> Accuracies:
        """A(m, d) as far as it is known; the rest is measured on demand."""
        return Accuracies(self.root, self.judge, self.families)

    def add(self, policy: NetworkPolicy, *, op: str, trained: Sequence[str],
            parents: Sequence[int] = (), family: str | None = None, card: str = "",
            results: str = "", trained_on: Mapping[str, Any] | None = None) -> Added:
        """Measure, write a version, ask the gate, check. `trained` are the families that it was
        trained on; after a split it competes for those served as `family` is. `results` defaults
        to A by family."""
        table = self.accuracies()
        row = {d: table.measure(policy, d) for d in table.families}
        features = self.judge.features(policy, kept.read(self.root, trained[0]))
        meta = versions.write(self.root, policy, op=op, parents=parents, families=trained,
                              features=features, card=card, results=results or results_csv(row),
                              trained_on=trained_on)
        for d, value in row.items():
            table.note(meta.version, d, value)
        line = self._enter(op, table, meta.version, family)
        return Added(meta, line, check(self))

    def promote(self, version: int, family: str | None = None) -> Line:
        """Ask the gate again, for a version that is there."""
        self._known(family)
        return self._enter("promote", self.accuracies(), version, family)

    def _enter(self, op: str, table: Accuracies, version: int, family: str | None) -> Line:
        before = self.aliases
        served = names.group(before, [*table.families], family)
        failures = self.gate(table, version, served)
        parts = () if len(served) == len(table.families) else served
        after = {**before, CANDIDATE: version} if failures else names.promoted(
            before, version, parts)
        names.write(self.root, after)
        g = table.generality(table.row(version, served))
        return registry.append(
            self.root, op, versions=[version], families=served, verdict=verdict(failures),
            figures={**table.figures(), "G": {str(version): {"mean": g.mean, "max": g.max}}},
            aliases=after)

    def gate(self, table: Accuracies, version: int, served: Sequence[str]) -> list[Failure]:
        """The failed clauses against whoever serves these families now."""
        now = {d: names.serving(self.aliases, d) for d in served}
        champion = None if None in now.values() else {d: table.of(m, d) for d, m in now.items()}
        return gate(table.row(version, served), champion, table.best(served), self.limits)

    def rollback(self, family: str | None = None) -> Line:
        """By hand: champion <- previous, or `mct_wait`."""
        self._known(family)
        before = self.aliases
        if CHAMPION not in before and not names.own(before):
            raise PolicyError("there is no champion to take back", str(self.root / names.FILE),
                              "promote a version first")
        parts = names.own(before) if family is None else [
            d for d in names.group(before, [*self.families], family) if d in names.own(before)]
        after = names.rolled_back(before, parts)
        names.write(self.root, after)
        served = parts or [*self.families]
        to = sorted({names.serving(after, d) for d in served})
        return registry.append(self.root, "rollback", versions=to, families=served, aliases=after,
                               verdict="by hand to " + ", ".join(map(str, to)))

    def _known(self, family: str | None) -> None:
        if family is not None:
            kept.read(self.root, family)

    def merge(self, parents: Sequence[int], how: str = "soup",
              weights: Sequence[float] | None = None) -> Added:
        """A soup of versions of equal schema, `weights` in the order of `parents`; `greedy` keeps
        those that do not spoil it."""
        shares = soup.checked(weights, len(parents)) if weights else None
        order = sorted(range(len(parents)), key=parents.__getitem__)
        numbers = [parents[i] for i in order]
        shares = [shares[i] for i in order] if shares else None
        versions.same_schema(self.root, numbers)
        table = self.accuracies()

        def error(some: Sequence[int]) -> float:
            cooked = soup.stirred([table.actor(n) for n in some])
            return table.generality({d: table.measure(cooked, d) for d in table.families}).mean

        if how == "greedy":
            numbers = soup.greedy(
                sorted(set(numbers), key=lambda n: (sum(table.row(n).values()), n)), error)
        policy = soup.stirred([table.actor(n) for n in numbers], shares)
        return self.add(policy, op="soup", parents=numbers, trained=self.trained(numbers),
                        card=f"# Soup of {', '.join(map(str, numbers))}\n")

    def trained(self, numbers: Sequence[int]) -> list[str]:
        """All families that these versions were trained on."""
        return sorted({d for n in numbers for d in versions.read(self.root, n).families})

    def split(self, tau: float = 0.10) -> tuple[Split, Line]:
        """Every family is served by the best of few versions."""
        if not tau >= 0:
            raise PolicyError(f"{tau} is no error", "tau", "give a number >= 0")
        table, after = self.accuracies(), self.aliases
        if not table.families:
            raise PolicyError("no family to serve", str(self.root / "families"),
                              "train a first version")
        numbers = [RULE, *versions.versions(self.root)]
        errors = {n: table.errors(n) for n in numbers}
        found = split(errors, [*table.families], tau)
        for d, version in found.serves.items():
            after = names.promoted(after, version, [d])
        names.write(self.root, after)
        g = {n: summary({d: errors[n][d] for d in errors[n] if found.serves[d] == n})
             for n in {*found.serves.values()}}
        line = registry.append(
            self.root, "split", versions=found.chosen, families=[*table.families],
            figures={**table.figures(),
                     "G": {str(n): {"mean": e.mean, "max": e.max} for n, e in g.items()}},
            verdict=f"{PROMOTED} by family: " + ", ".join(
                f"{d} {m}" for d, m in found.serves.items()), aliases=after)
        return found, line


def place_of(name: str | Path) -> Path:
    """The folder of a library by its name below `saved_models/dag/`, or by its path."""
    path = Path(name)
    if path.parent != Path() or path.is_absolute():
        return path.resolve()
    place = HOME / folder_name(str(name))
    if (place / "config.yaml").is_file():
        raise PolicyError("is a saved policy, no library", str(place), "choose another name")
    return place


def check_name(env: str, name: str) -> None:
    """Mistakes that would otherwise show after a training."""
    if env != HOME.name:
        raise PolicyError(f"libraries are for env={HOME.name}", "library",
                          "say save=NAME to keep a policy of another environment")
    place_of(name)


def existing(name: str | Path) -> Path:
    """The folder of a library that has versions or families."""
    place = place_of(name)
    if not (place / "versions").is_dir() and not (place / "families").is_dir():
        raise PolicyError("no such library", str(place),
                          "train.py env=dag library=NAME makes one")
    return place


def results_csv(row: Mapping[str, float]) -> str:
    """A by family as a table."""
    return "".join(["family,A\n", *(f"{d},{value!r}\n" for d, value in row.items())])
