"""How an oracle is compared with a run: times exactly in microseconds, floats within 1e-9."""

from typing import Any

from .arithmetic import us

FLOATS = ("metrics", "bounds")
TOLERANCE = 1e-9


def disagreements(want: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """A line per place that differs."""
    lines = []
    for key in want:
        if key in FLOATS:
            lines += _floats(key, want[key], got[key])
        elif exact(want[key]) != exact(got[key]):
            place = _first(want[key], got[key])
            lines.append(f"{key}[{place[0]}]: expected {place[1]}, got {place[2]}")
    return lines + [f"{key}: not expected" for key in got if key not in want]


def close(x: float, y: float) -> bool:
    """Equal as far as the oracles ask."""
    return abs(x - y) <= TOLERANCE * max(1, abs(y))


def exact(value: Any) -> Any:
    """Every float as a whole number of microseconds."""
    if isinstance(value, list):
        return [exact(v) for v in value]
    return us(value) if isinstance(value, float) else value


def _floats(key: str, want: dict[str, float], got: dict[str, float]) -> list[str]:
    lines = [f"{key}.{name}: expected {value!r}, got {got.get(name)!r}"
             for name, value in want.items()
             if name not in got or not close(got[name], value)]
    return lines + [f"{key}.{name}: not expected" for name in got if name not in want]


def _first(want: list, got: list) -> tuple:
    for i, (x, y) in enumerate(zip(want, got, strict=False)):
        if exact(x) != exact(y):
            return i, x, y
    return min(len(want), len(got)), f"{len(want)} rows", f"{len(got)} rows"
