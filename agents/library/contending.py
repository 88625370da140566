"""What `test.py library=NAME` compares: champion and specialists, on the families they serve."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.contenders import SavedContender
from agents.domains import Point, Sweep, domain
from agents.library import aliases as names
from agents.library import families, registry, versions
from agents.library.aliases import CHAMPION
from agents.library.generality import specialist
from agents.library.library import check_name, existing
from agents.library.versions import RULE


def contenders(library: str, env: str) -> list[SavedContender]:
    """The versions that serve or are the measure of a family, after their hashes."""
    check_name(env, library)
    root = existing(library)
    found = []
    for version, what in roles(root).items():
        versions.check_files(root, versions.read(root, version))
        found.append(SavedContender(f"{version} ({', '.join(what)})", env,
                                    folder=versions.folder_of(root, version)))
    return found


def roles(root: Any) -> dict[int, list[str]]:
    """Version -> what it is here, by version; `mct_wait` is a baseline anyway."""
    known = registry.accuracies(registry.read(root))
    numbers = versions.versions(root)
    found: dict[int, list[str]] = {}
    for alias, version in names.read(root).items():
        if alias.startswith(CHAMPION):
            found.setdefault(version, []).append(alias.replace("/", " of "))
    for d in families.names(root):
        own = {n: known[n, d] for n in numbers
               if (n, d) in known and versions.read(root, n).families == (d,)}
        if own:
            found.setdefault(specialist(own, own), []).append(f"specialist of {d}")
    return {n: found[n] for n in sorted(found) if n != RULE}


def points(library: str, env: str, options: Mapping[str, Any]) -> Sweep:
    """A point per family."""
    d, found = domain(env), families.read_all(existing(library))
    return Sweep({name: Point({"scenario": d.load_scenario(family.scenario, options)}, float(x),
                              tick=name)
                  for x, (name, family) in enumerate(found.items())}, "family")
