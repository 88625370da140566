"""Options and their values as the pages' tables have them."""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from envs.core.errors import ScenarioError
from envs.net2net.cells import cell_of
from tests.net2net_recordings import write_recording
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


def my_recording(folder: Path) -> None:
    """The recording that a reader makes with the commands of a page, accuracies made up."""
    cells = (cell_of(f"digits@{budget}/depth", fractions=(0.2, 0.5)) for budget in (100, 200))
    write_recording(folder / "my_recording", tuple(cells), seeds=4)
