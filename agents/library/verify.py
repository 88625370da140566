"""Whether a library is whole: hashes, aliases, families, registry."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.library import aliases, families, registry, versions
from agents.library.versions import RULE
from agents.store import load
from envs.core.errors import PolicyError


def verify(root: Path) -> list[str]:
    """Every defect as one line; none in a library that is whole."""
    found: list[str] = []
    for number in versions.versions(root):
        found += _defects(lambda n=number: _version(root, n))
    for name in families.names(root):
        found += _defects(lambda n=name: families.read(root, n))
    found += _defects(lambda: _aliases(root))
    return found + _defects(lambda: registry.read(root))


def _defects(look: Callable[[], Any]) -> list[str]:
    try:
        look()
    except PolicyError as error:
        return [str(error)]
    return []


def _version(root: Path, number: int) -> None:
    """Hashes, schema and parents of a version."""
    meta = versions.read(root, number)
    versions.check_files(root, meta)
    where = str(versions.folder_of(root, number) / versions.META)
    if versions.schema_of(load(versions.folder_of(root, number)), meta.features) != meta.schema:
        raise PolicyError(f"version {number}: schema mismatch", where,
                          "restore the folder from a copy")
    for family in meta.families:
        if family not in families.names(root):
            raise PolicyError(f'version {number}: no family "{family}"', where,
                              "restore the family from a copy")
    for parent in meta.parents:
        if parent not in (RULE, *versions.versions(root)):
            raise PolicyError(f"version {number}: no version {parent}, its parent", where,
                              "restore that version from a copy")


def _aliases(root: Path) -> None:
    """Aliases point to versions, those of a split to families."""
    where = str(root / aliases.FILE)
    for name, version in aliases.read(root).items():
        if version not in (RULE, *versions.versions(root)):
            raise PolicyError(f'alias "{name}": no version {version}', where,
                              "roll back, or restore that version from a copy")
        family = name.partition("/")[2]
        if family and family not in families.names(root):
            raise PolicyError(f'alias "{name}": no family "{family}"', where,
                              "split again, or restore the family from a copy")
