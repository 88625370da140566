"""Who serves: `aliases.json`, replaced in one rename.

`champion`, `previous` and `candidate`; after a split `champion/<family>` and `previous/<family>`.
"""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.library.disk import read_json, replace_file
from agents.library.versions import RULE, RULE_NAME, versions
from envs.core.errors import PolicyError, nearest

FILE = "aliases.json"
CHAMPION, CANDIDATE, PREVIOUS = "champion", "candidate", "previous"

Aliases = Mapping[str, int]


def read(root: Path) -> dict[str, int]:
    """Alias -> version; a library without champion has none."""
    path = root / FILE
    if not path.exists():
        return {}
    found = read_json(path)
    for name, version in found.items():
        if name.split("/")[0] not in (CHAMPION, PREVIOUS) and name != CANDIDATE:
            raise PolicyError(f'unknown alias "{name}"', str(path),
                              nearest(name, (CHAMPION, CANDIDATE, PREVIOUS)))
        if not isinstance(version, int) or isinstance(version, bool):
            raise PolicyError(f'alias "{name}" is no version: {version!r}', str(path),
                              "give the number of a version")
    return found


def write(root: Path, aliases: Aliases) -> None:
    """Replace all of them at once."""
    replace_file(root / FILE, json.dumps(dict(aliases)) + "\n")


def resolve(root: Path, text: str | int) -> int:
    """A version by its number, by an alias, or `mct_wait` (0)."""
    if text == RULE_NAME:
        return RULE
    found = int(text) if str(text).isdecimal() else None
    if found is None:
        known = read(root)
        if text not in known:
            raise PolicyError(f'unknown alias "{text}"', str(root / FILE),
                              nearest(text, [*known, RULE_NAME]))
        found = known[str(text)]
    if found != RULE and found not in versions(root):
        raise PolicyError(f"no version {found}", str(root / "versions"),
                          "list shows those that exist")
    return found


def serving(aliases: Aliases, family: str) -> int | None:
    """The version that serves a family; None before there is a champion."""
    return aliases.get(f"{CHAMPION}/{family}", aliases.get(CHAMPION))


def group(aliases: Aliases, families: Sequence[str], family: str | None) -> list[str]:
    """What a candidate competes for: all families, or after a split the ones that the version
    serves which serves this family."""
    if family is None or f"{CHAMPION}/{family}" not in aliases:
        return list(families)
    version = serving(aliases, family)
    return [d for d in families if aliases.get(f"{CHAMPION}/{d}") == version]


def own(aliases: Aliases) -> list[str]:
    """The families of a split, each with a champion of its own."""
    return sorted(name.split("/", 1)[1] for name in aliases if name.startswith(f"{CHAMPION}/"))


def promoted(aliases: Aliases, version: int, parts: Sequence[str] = ()) -> dict[str, int]:
    """previous <- champion <- version, of these families; without any, of the library as a whole,
    which ends a split."""
    found = dict(aliases)
    if not parts:
        found = {k: v for k, v in found.items() if "/" not in k}
    for slot in _slots(parts):
        held = found.get(CHAMPION + slot, found.get(CHAMPION))
        before = held if held != version else found.get(PREVIOUS + slot, found.get(PREVIOUS))
        if before is not None:
            found[PREVIOUS + slot] = before
        found[CHAMPION + slot] = version
    if found.get(CANDIDATE) == version:
        del found[CANDIDATE]
    return found


def rolled_back(aliases: Aliases, parts: Sequence[str] = ()) -> dict[str, int]:
    """champion <- previous; without one, `mct_wait`."""
    found = dict(aliases)
    for slot in _slots(parts):
        found[CHAMPION + slot] = found.pop(PREVIOUS + slot, RULE)
    return found


def _slots(parts: Sequence[str]) -> list[str]:
    return [f"/{d}" for d in parts] or [""]
