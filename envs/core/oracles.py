"""Oracle files say what must come out: find them, read them, compare, report.

A domain gives `KINDS`: for every kind of instance, told by the `schema` that it names, by a key at
its top, by several keys, or by the name of its file, a check that yields an `Outcome` per instance.
"""
from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.core.errors import SuiteError

TOLERANCE = 1e-9        # relative, absolute below 1


class OracleError(SuiteError):
    """A folder or file of oracles that cannot be used."""


@dataclass(frozen=True)
class Outcome:
    """One instance and the lines that say where it disagrees."""

    instance: str
    differences: tuple[str, ...] = ()


Check = Callable[[str, Any], Iterable[Outcome]]
Kinds = Mapping[str | tuple[str, ...], Check]
ENDINGS = (".json", ".json.gz", ".jsonl.gz")


def check_folder(folder: Path, kinds: Kinds, tell: Callable[[str], None]) -> bool:
    """Run every oracle file below a folder; tells each disagreement, and the tally last."""
    agree = total = 0
    for path in oracle_files(folder):
        for outcome in check_file(path, kinds):
            total += 1
            agree += not outcome.differences
            for line in outcome.differences:
                tell(f"{outcome.instance}: {line}")
    tell(f"{agree} of {total} instances agree")
    return agree == total


def check_file(path: Path, kinds: Kinds) -> Iterator[Outcome]:
    """One outcome per instance of a file."""
    for name, content in contents(path):
        yield from _check_of(path, content, kinds)(name, content)


def _check_of(path: Path, content: Content, kinds: Kinds) -> Check:
    """The check for one mapping of a file."""
    for named in (path.name.removesuffix(".gz"), content.get("schema")):
        if isinstance(named, str) and named in kinds:
            return kinds[named]
    for kind, check in kinds.items():
        if all(key in content for key in ([kind] if isinstance(kind, str) else kind)):
            return check
    known = ", ".join(kind if isinstance(kind, str) else " + ".join(kind) for kind in kinds)
    raise OracleError("is no oracle of this domain", content.where,
                      f"a file has one of the keys, or schemas, {known} at its top")


def oracle_files(folder: Path) -> list[Path]:
    """The oracle files (`ENDINGS`) of a folder and its sub-folders, in order of their paths."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise OracleError("is no folder", str(folder), "give a folder with oracle files")
    found = sorted(p for p in folder.rglob("*") if p.name.endswith(ENDINGS))
    if not found:
        raise OracleError("holds no oracle file (.json or .json.gz)", str(folder),
                          "give a folder with oracle files")
    return found


def contents(path: Path) -> Iterator[tuple[str, Content]]:
    """Every mapping at the top of a file, or in the list at its top, with its name."""
    read, stem = read_oracle(path), path.name.split(".")[0]
    rows = read if isinstance(read, list) else [read]
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise OracleError("holds no mapping at its top", str(path), "see the schema")
    for i, row in enumerate(rows):
        if isinstance(read, list):
            yield f"{stem}, {row.get('name', i)}", Content(row, f"{path}[{i}]", path.parent)
        else:
            yield stem, Content(row, str(path), path.parent)


def read_oracle(path: Path) -> Any:
    """The content of one file; of `.jsonl`, the list of its lines."""
    try:
        packed = path.read_bytes()
        text = gzip.decompress(packed) if path.suffix == ".gz" else packed
        if ".jsonl" in path.suffixes:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return json.loads(text)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise OracleError("cannot be read", str(path), str(error)) from None


class Content(dict):
    """A mapping from a file in a folder: a key that it lacks is an error that names the file."""

    def __init__(self, content: Mapping[str, Any], where: str, folder: Path):
        super().__init__({k: _content(v, f"{where}, {k}", folder) for k, v in content.items()})
        self.where, self.folder = where, folder

    def __missing__(self, key: str) -> Any:
        raise OracleError(f'"{key}" is missing', self.where, "see the schema")


def _content(value: Any, where: str, folder: Path) -> Any:
    if isinstance(value, Mapping):
        return Content(value, where, folder)
    if isinstance(value, list) and any(isinstance(v, Mapping) for v in value):
        return [_content(v, f"{where}[{i}]", folder) for i, v in enumerate(value)]
    return value


def outcome(instance: str, compare: Callable[[], Iterable[str]]) -> Outcome:
    """The outcome of a comparison; an error of the suite while running it is a disagreement."""
    try:
        return Outcome(instance, tuple(compare()))
    except OracleError:
        raise
    except SuiteError as error:
        return Outcome(instance, (f"refused: {error}",))


def differences(expected: Any, got: Any, field: str = "",
                tolerance: float = TOLERANCE) -> list[str]:
    """A line per field that differs: the first place, both values, and how many more places."""
    found: dict[str, list[str]] = {}
    for place, want, have in _walk(expected, got, field, tolerance):
        line = f"{place}: expected {_shown(want)}, got {_shown(have)}"
        found.setdefault(re.sub(r"\[\d+\]", "", place), []).append(line)
    return [lines[0] + (f" (and {len(lines) - 1} more places)" if len(lines) > 1 else "")
            for lines in found.values()]


def _walk(expected: Any, got: Any, field: str,
          tolerance: float) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key in [*expected, *(k for k in got if k not in expected)]:
            below = f"{field}.{key}" if field else str(key)
            yield from _walk(expected.get(key, "nothing"), got.get(key, "nothing"), below,
                             tolerance)
    elif _is_list(expected) and _is_list(got) and len(expected) == len(got):
        for i, (want, have) in enumerate(zip(expected, got, strict=True)):
            yield from _walk(want, have, f"{field}[{i}]", tolerance)
    elif not same(expected, got, tolerance):
        yield field, expected, got


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def same(expected: Any, got: Any, tolerance: float = TOLERANCE) -> bool:
    """Integers and everything else exactly, floats within the tolerance."""
    kinds = {type(expected), type(got)}
    if kinds == {float} or kinds == {int, float}:
        close = abs(expected - got) <= tolerance * max(1, abs(expected), abs(got))
        return close or expected == got
    return len(kinds) == 1 and expected == got


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
