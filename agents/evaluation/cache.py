"""Scores of baselines, kept by a hash of scenario, window, seed, options and code.

So training can show its progress against them at once. One JSON file per run, written whole;
a file that cannot be read counts as missing.
"""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from agents.contenders import Contender, RulesContender
from agents.domains import domain
from envs.core.errors import SuiteError
from envs.core.files import REPOSITORY, write_whole

CODE = ("envs/core/*.py", "envs/{package}/**/*.py", "agents/contenders.py",
        "agents/evaluation/{package}.py")


def folder() -> Path:
    """Where the scores lie."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "scheduler-suite" / "scores"


def key(contender: Contender, scenario: Any, window: Any, seed: int) -> str | None:
    """The name of a run; None for what is no baseline and may change unseen."""
    if not isinstance(contender, RulesContender):
        return None
    digest = hashlib.sha256(code_digest(contender.domain.split("_")[0]).encode())
    d = domain(contender.domain)
    told = {"options": contender.overrides, "extra": contender.extra,
            "seed": d.seed_of(window, seed)}
    digest.update(json.dumps(told, sort_keys=True, default=str).encode())
    digest.update(d.identity(scenario).encode())
    add_content(digest, window.trace)
    return digest.hexdigest()[:32]


@lru_cache
def code_digest(package: str) -> str:
    """Hash of the sources that decide a score, and of the libraries that they stand on."""
    digest = hashlib.sha256()
    for name in ("numpy", "numba", "ortools"):
        digest.update(f"{name} {version(name)} ".encode())
    patterns = [p.format(package=package) for p in CODE]
    for path in sorted({p for pattern in patterns for p in REPOSITORY.glob(pattern)}):
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def add_content(digest: Any, value: Any) -> None:
    """Everything a trace holds: arrays, and what its fields and their parts hold, in order."""
    if isinstance(value, np.ndarray):
        digest.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value):
        for entry in fields(value):
            add_content(digest, getattr(value, entry.name))
    elif isinstance(value, tuple) and any(is_dataclass(part) for part in value):
        for part in value:
            add_content(digest, part)
    else:
        digest.update(repr(value).encode())


def read(name: str | None) -> dict[str, Any] | None:
    """The metrics of a run, None where they are not known."""
    if name is None:
        return None
    try:
        found = json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, Mapping) else None


def write(name: str | None, metrics: Mapping[str, Any]) -> None:
    """Keep the metrics of a run; a folder that cannot be written to only costs time."""
    if name is None:
        return
    try:
        write_whole(folder() / f"{name}.json", json.dumps(metrics).encode())
    except SuiteError:
        return
