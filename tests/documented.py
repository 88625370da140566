"""Options and their values as the pages' tables have them."""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import yaml

from envs.core.errors import ScenarioError
from tests.pages import rows


def leaves(cls: type, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted key, field and default of every option."""
    for f in fields(cls):
        default = f.default_factory() if f.default is MISSING else f.default
        if is_dataclass(default):
            yield from leaves(type(default), f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", f, default


def values_of(f: Any) -> str:
    """What an option accepts, as its own error says it."""
    try:
        f.metadata["check"](object(), "")
    except ScenarioError as error:
        for start, word in (("valid: ", ""), ("give a finite number", "number"),
                            ("give an integer", "integer"), ("write [", "list"),
                            ("write {", "mapping"), ("write true or false", "true, false"),
                            ("known: ", "name")):
            if start in error.remedy:
                rest = error.remedy.removeprefix(start)
                return (word + (rest if word in ("", "number", "integer") else "")).strip()
    return "name or path"


def of_cell(text: str) -> Any:
    """What a cell of defaults says; `off` is a name here."""
    return {"inf": math.inf, "off": "off"}[text] if text in ("inf", "off") else yaml.safe_load(text)


def explained(page: str, heading: str) -> set[str]:
    """Names in the first column of a table, several in a cell."""
    return {n for r in rows(page, f"`{heading}`") for n in r[0].split(", ")}
