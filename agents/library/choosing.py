"""Which policy for a new graph: the nearest families' specialists and the usual suspects, tried."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.library import aliases as names
from agents.library.accuracy import Accuracies
from agents.library.families import Family
from agents.library.library import Library
from agents.library.recognition import family_of, name_of, placed
from agents.library.versions import RULE, RULE_NAME
from envs.core.errors import PolicyError, SuiteError
from envs.dag.machine import read_machine
from envs.dag.scenario import Scenario

NEAREST = 3
SEEDS = (0, 1, 2)
PLAN = "static:heft"


class Tried(NamedTuple):
    """A candidate and its mean cost relative to `mct_wait`; inf where it cannot act."""

    version: int | None         # None: the plan
    name: str
    cost: float
    why: str


def asked(graph: str | Path, machine: str | Path | Mapping[str, Any],
          options: Mapping[str, Any] | None = None) -> Scenario:
    """The scenario of one graph on one machine."""
    given = machine if isinstance(machine, Mapping) else read_machine(Path(machine)).to_config()
    return Scenario.from_config({"name": name_of(str(graph)), "machine": given,
                                 "workload": [placed(str(graph))], **(options or {})})


def choose(library: Library, scenario: Scenario) -> list[Tried]:
    """All candidates, the best first (ties: lower version, the plan last); writes nothing."""
    families, own = library.families, family_of(scenario)
    table, near = library.accuracies(), nearest_families(families, own.features)
    trial = replace(own, name="asked", cases=tuple((s, s) for s in SEEDS))
    found = [_tried(library, table, trial, version, why)
             for version, why in candidates(library, table, near).items()]
    return sorted(found, key=lambda t: (t.cost, t.version is None, t.version))


def nearest_families(families: Mapping[str, Family], z: Sequence[float]) -> list[str]:
    """The three nearest by standardised features (ties by name)."""
    order = sorted(families)
    table = np.array([families[d].features for d in order])
    if not len(table):
        return []
    spread = table.std(0)
    spread[spread == 0] = 1
    distance = np.linalg.norm((table - np.asarray(z)) / spread, axis=1)
    return [order[i] for i in np.argsort(distance, kind="stable")[:NEAREST]]


def candidates(library: Library, table: Accuracies, near: Sequence[str]) -> dict[int | None, str]:
    """Version (None: the plan) -> why it is tried."""
    found: dict[int | None, str] = {}
    for d in near:
        found.setdefault(table.specialist(d), f"specialist of {d}")
    aliases = library.aliases
    champions = {names.serving(aliases, d) for d in near} | {aliases.get(names.CHAMPION)}
    for version in sorted(champions - {None}):
        found.setdefault(version, "champion")
    found.setdefault(RULE, "rule")
    return {**found, None: "plan"}


def _tried(library: Library, table: Accuracies, trial: Family, version: int | None,
           why: str) -> Tried:
    actor = PLAN if version is None else table.actor(version)
    name = actor if isinstance(actor, str) else f"version {version}"
    try:
        return Tried(version, name, float(np.mean(library.judge.ratios(actor, trial))), why)
    except SuiteError as error:
        if version == RULE:         # where the rule cannot act, nobody can
            raise
        return Tried(version, name, float("inf"), f"{why}; {error.what}")


def best_version(tried: Sequence[Tried]) -> int:
    """The best candidate that has weights to start from."""
    for candidate in tried:
        if candidate.version not in (None, RULE) and candidate.cost < float("inf"):
            return candidate.version
    raise PolicyError("no version acts here", RULE_NAME,
                      "train one: python train.py env=dag library=NAME")
