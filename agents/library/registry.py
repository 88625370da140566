"""`registry.jsonl`: a line for every operation, only ever appended to."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.library.disk import append_line, locked
from envs.core.errors import PolicyError

FILE = "registry.jsonl"
PROMOTED = "promoted"           # how the verdict of a change of champion begins


@dataclass(frozen=True)
class Line:
    """One operation; `figures` holds accuracies "A" and generality errors "G" by version."""

    number: int
    op: str
    versions: tuple[int, ...]
    families: tuple[str, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = ""
    aliases: Mapping[str, int] = field(default_factory=dict)    # afterwards
    time: str = ""                                              # UTC


def read(root: Path) -> list[Line]:
    """All lines, oldest first."""
    path = root / FILE
    if not path.exists():
        return []
    known = {f.name for f in fields(Line)}
    found = []
    for count, text in enumerate(path.read_text().splitlines()):
        where = f"{path}, line {count + 1}"
        try:
            content = json.loads(text)
        except ValueError:
            raise PolicyError("no JSON", where, "restore it from a copy") from None
        if not isinstance(content, dict) or set(content) != known or content["number"] != count:
            raise PolicyError(f"no line {count} of a registry", where, "restore it from a copy")
        found.append(Line(**content | {k: tuple(content[k]) for k in ("versions", "families")}))
    return found


def append(root: Path, op: str, *, versions: Sequence[int] = (), families: Sequence[str] = (),
           figures: Mapping[str, Any] | None = None, verdict: str = "",
           aliases: Mapping[str, int] | None = None) -> Line:
    """Say what was done, when it is done; of two commands at once each has its own number."""
    with locked(root / FILE):
        line = Line(len(read(root)), op, tuple(versions), tuple(families), dict(figures or {}),
                    verdict, dict(aliases or {}), datetime.now(UTC).isoformat(timespec="seconds"))
        append_line(root / FILE, json.dumps(asdict(line)))
    return line


def accuracies(lines: Sequence[Line]) -> dict[tuple[int, str], float]:
    """A(version, family) as they were measured; the last word counts."""
    return {(int(version), family): value for line in lines
            for version, row in line.figures.get("A", {}).items() for family, value in row.items()}


def at_promotion(lines: Sequence[Line], version: int) -> float | None:
    """G_mean with which a version last came to serve."""
    for line in reversed(lines):
        told = line.figures.get("G", {}).get(str(version))
        if told and line.verdict.startswith(PROMOTED):
            return float(told["mean"])
    return None


def checks(lines: Sequence[Line]) -> int:
    """How many checks there were."""
    return sum(line.op == "check" for line in lines)


def shown(lines: Sequence[Line]) -> Iterator[str]:
    """One printed line each."""
    for line in lines:
        what = " ".join(["+".join(map(str, line.versions)), ",".join(line.families)]).strip()
        yield f"{line.number:4}  {line.time}  {line.op:9} {what:30}  {line.verdict}"
