"""Options as frozen dataclasses whose fields carry their own checks.

    @dataclass(frozen=True)
    class Routing:
        policy: str = one_of("eft", "random", "jseq")
        horizon_ms: float | None = number(None, above=0)

`build(Routing, {"policy": "jsq"}, "my.yaml, routing")` names the key and the nearest valid value.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, field, fields
from typing import Any

from envs.core.errors import ScenarioError, nearest

Check = Callable[[Any, str], Any]


def option(default: Any, check: Check) -> Any:
    """A field with its default and a check `(value, where) -> value`."""
    kind = {"default_factory": default.copy} if isinstance(default, dict) else {"default": default}
    return field(**kind, metadata={"check": check})


def one_of(default: str, *others: str) -> Any:
    """One of a few names; the default comes first."""
    known = (default, *others)

    def check(value: Any, where: str) -> str:
        if value not in known:
            raise ScenarioError(f'unknown value "{value}"', where, "valid: " + ", ".join(known))
        return value

    return option(default, check)


def maybe_one_of(*known: str) -> Any:
    """One of a few names or null."""
    inner = one_of(*known).metadata["check"]
    return option(None, lambda value, where: None if value is None else inner(value, where))


def flag(default: bool) -> Any:
    """True or false."""

    def check(value: Any, where: str) -> bool:
        if not isinstance(value, bool):
            raise ScenarioError(f"{value!r} is no truth value", where, "write true or false")
        return value

    return option(default, check)


def _limits(low: Any, above: Any, high: Any, below: Any) -> str:
    parts = [(">=", low), (">", above), ("<=", high), ("<", below)]
    return " and ".join(f"{sign} {limit:g}" for sign, limit in parts if limit is not None)


def _within(value: float, low: Any, above: Any, high: Any, below: Any) -> bool:
    return (
        (low is None or value >= low) and (above is None or value > above)
        and (high is None or value <= high) and (below is None or value < below)
    )


def as_number(value: Any, where: str, *, low=None, above=None, high=None, below=None) -> float:
    """A finite float within its limits."""
    real = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not real or not _within(value, low, above, high, below):
        limits = _limits(low, above, high, below)
        raise ScenarioError(f"{value!r} is no valid number", where,
                            f"give a finite number {limits}".rstrip())
    return float(value)


def as_integer(value: Any, where: str, *, low=None, high=None) -> int:
    """An integer within its limits; 2.0 is accepted as 2."""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not whole or not _within(value, low, None, high, None):
        raise ScenarioError(f"{value!r} is no valid integer", where,
                            f"give an integer {_limits(low, None, high, None)}".rstrip())
    return int(value)


def number(default: float | None, *, low=None, above=None, high=None, below=None) -> Any:
    """A finite float within limits; null only where that is the default."""

    def check(value: Any, where: str) -> float | None:
        if value is None and default is None:
            return None
        return as_number(value, where, low=low, above=above, high=high, below=below)

    return option(default, check)


def limit(default: float, *, low=None, above=None) -> Any:
    """A number within limits or infinity; null is infinity."""

    def check(value: Any, where: str) -> float:
        if value is None or value == math.inf:
            return math.inf
        return as_number(value, where, low=low, above=above)

    return option(default, check)


def integer(default: int | None, *, low=None, high=None) -> Any:
    """An integer within limits; null only where that is the default."""

    def check(value: Any, where: str) -> int | None:
        if value is None and default is None:
            return None
        return as_integer(value, where, low=low, high=high)

    return option(default, check)


def as_list(value: Any, where: str) -> Sequence[Any]:
    """A list that is no string."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ScenarioError(f"{value!r} is no list", where, "write [a, b, ...]")
    return value


def as_mapping(value: Any, where: str) -> Mapping[str, Any]:
    """A mapping from names to values."""
    if not isinstance(value, Mapping):
        raise ScenarioError(f"{value!r} is no mapping", where, "write {key: value, ...}")
    return value


def nested(cls: type) -> Any:
    """A block of options of its own."""
    return field(default_factory=cls, metadata={"check": lambda v, where: build(cls, v, where)})


def maybe_nested(cls: type) -> Any:
    """A block of options of its own, or null."""
    return option(None, lambda v, where: None if v is None else build(cls, v, where))


def build(cls: type, mapping: Any, where: str) -> Any:
    """An instance of `cls` from a mapping; unknown keys and bad values are `ScenarioError`s."""
    if isinstance(mapping, cls):
        return mapping
    checks = {f.name: f.metadata["check"] for f in fields(cls)}
    values = {}
    for key, value in as_mapping(mapping, where).items():
        place = f"{where}.{key}" if where and not where.endswith(":") else f"{where} {key}".strip()
        if key not in checks:
            raise ScenarioError("unknown key", place, nearest(key, checks))
        values[key] = checks[key](value, place)
    return cls(**values)


def defaults(cls: type) -> dict[str, Any]:
    """Field name -> default value."""
    return {
        f.name: f.default if f.default is not MISSING else f.default_factory() for f in fields(cls)
    }
