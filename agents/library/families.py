"""Families: a scenario with a fixed validation set, and the signatures that belong to it."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from agents.library.disk import replace_file
from agents.store import folder_name, read_yaml
from envs.core.errors import PolicyError, nearest

CASES = 16
FIRST_CASE = 500_000            # graph and noise seeds of validation
FIRST_FRESH = 2_000_000         # of checks

Case = tuple[int, int]          # graph seed, noise seed


@dataclass(frozen=True)
class Family:
    """The scenario is kept whole, so that an edit of a named one does not move the measure."""

    name: str
    scenario: Mapping[str, Any]
    cases: tuple[Case, ...] = field(
        default_factory=lambda: tuple((FIRST_CASE + i,) * 2 for i in range(CASES)))
    signatures: tuple[str, ...] = ()
    features: tuple[float, ...] = ()        # mean over its cases, for `choose`

    def __post_init__(self) -> None:
        folder_name(self.name)

    def fresh(self, check: int, count: int) -> Family:
        """The same with the cases of the check of this number (from 0)."""
        first = FIRST_FRESH + count * check
        return replace(self, cases=tuple((first + i,) * 2 for i in range(count)))


KEYS = {"scenario": dict, "cases": list, "signatures": list, "features": list}


def path_of(root: Path, name: str) -> Path:
    """Where a family is kept."""
    return root / "families" / f"{name}.yaml"


def names(root: Path) -> list[str]:
    """All families by name."""
    return sorted(p.stem for p in (root / "families").glob("[!.]*.yaml"))


def read(root: Path, name: str) -> Family:
    """A checked family."""
    path = path_of(root, name)
    if not path.is_file():
        raise PolicyError(f'no family "{name}"', str(path), nearest(name, names(root)))
    content = read_yaml(path, "restore it from a copy")
    for key, kind in KEYS.items():
        if not isinstance(content.get(key), kind):
            raise PolicyError(f'key "{key}" is no {kind.__name__}', str(path),
                              "restore it from a copy")
    cases = content["cases"]
    if not cases or not all(isinstance(c, list) and len(c) == 2 and all(
            isinstance(s, int) and s >= 0 for s in c) for c in cases):
        raise PolicyError("cases are pairs of a graph seed and a noise seed", str(path),
                          "restore it from a copy")
    told = content.get("sha256")
    if told is not None and told != measure(content["scenario"], cases):
        raise PolicyError("scenario or cases were changed: what is known of it was measured on "
                          "others", str(path), "restore it from a copy")
    return Family(name, content["scenario"], tuple((g, n) for g, n in cases),
                  tuple(map(str, content["signatures"])), tuple(map(float, content["features"])))


def read_all(root: Path) -> dict[str, Family]:
    """Name -> family."""
    return {name: read(root, name) for name in names(root)}


def write(root: Path, family: Family) -> None:
    """Keep a family; its file appears whole."""
    content = asdict(family)
    del content["name"]
    plain = json.loads(json.dumps(content))     # lists of their own: the reader allows no aliases
    plain["sha256"] = measure(plain["scenario"], plain["cases"])
    replace_file(path_of(root, family.name), yaml.safe_dump(
        plain, sort_keys=False, width=100, default_flow_style=None))


def measure(scenario: Mapping[str, Any], cases: Sequence[Sequence[int]]) -> str:
    """SHA-256 of what A is measured on."""
    text = json.dumps([scenario, cases], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def known(root: Path, signatures: Sequence[str]) -> Family | None:
    """The family that has seen most of these signatures (ties by name), or None."""
    seen = {f.name: len(set(signatures) & set(f.signatures)) for f in read_all(root).values()}
    best = min(seen, key=lambda name: (-seen[name], name), default=None)
    return read(root, best) if best is not None and seen[best] else None


def make_or_join(root: Path, family: Family) -> Family:
    """The family in the library that these signatures belong to, which learns the new ones; or
    this one, under a name that is free."""
    found = known(root, family.signatures)
    if found is None:
        found = replace(family, name=free_name(root, family.name))
    else:
        found = replace(found, signatures=tuple(sorted({*found.signatures, *family.signatures})))
    write(root, found)
    return found


def free_name(root: Path, name: str) -> str:
    """The name itself, or with a number."""
    taken, number, found = names(root), 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
