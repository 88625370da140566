"""What the parameters of generators may be: one meaning and range per name."""
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from envs.core.errors import ScenarioError
from envs.core.options import as_integer, as_number

EPISODE = "episode"         # as seed: that of the episode
MOST_SEED = 2**64 - 1
LIST = "/"                  # joins the values of a list


def _count(low: int) -> Callable[[Any, str], int]:
    return lambda value, where: as_integer(value, where, low=low)


def _share(value: Any, where: str) -> float:
    return as_number(value, where, low=0, high=1)


def _positive(value: Any, where: str) -> float:
    return as_number(value, where, above=0)


def _not_negative(value: Any, where: str) -> float:
    return as_number(value, where, low=0)


def _seed(value: Any, where: str) -> int | str:
    return value if value == EPISODE else as_integer(value, where, low=0, high=MOST_SEED)


def _name(value: Any, where: str) -> str:
    return str(value)


def _one_of(*known: str) -> Callable[[Any, str], str]:
    def check(value: Any, where: str) -> str:
        if value not in known:
            raise ScenarioError(f'unknown value "{value}"', where, "valid: " + ", ".join(known))
        return value

    return check


def _listed(check: Callable[[Any, str], Any]) -> Callable[[Any, str], tuple]:
    def checks(value: Any, where: str) -> tuple:
        values = value if isinstance(value, list | tuple) else [value]
        return tuple(check(one, where) for one in values)

    return checks


CHECKS: dict[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(("n", "m", "k", "stages", "width", "arity", "rows", "cols", "jump", "lanes",
                     "splits", "bmin", "bmax", "tile_bytes", "wmin", "wmax"), _count(1)),
    **dict.fromkeys(("depth", "band"), _count(0)),
    "w": _count(2), "p": _share, "density": _share, "ccr": _not_negative, "cv": _not_negative,
    "beta": lambda value, where: as_number(value, where, low=0, high=2),
    "speedup": _listed(_positive), "types": _listed(_name), "table": _name,
    "pattern": _one_of("random", "banded"), "data": _one_of("edges", "tiles"),
    "seed": _seed,
}


def value_of(text: str) -> Any:
    """The value of a parameter in a call: an integer, a decimal, a name, or several between `/`."""
    if LIST in text:
        return [value_of(part) for part in text.split(LIST)]
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
