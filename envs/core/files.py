"""Table files of every format as polars frames of raw cells; polars is imported on first use."""
from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.core.errors import SuiteError, TraceError

if TYPE_CHECKING:
    import polars as pl


REPOSITORY = Path(__file__).resolve().parents[2]


def path_of(text: str | Path) -> Path:
    """A path as the user means it: from here, or else from the repository's root."""
    path = Path(text).expanduser()
    return path if path.is_absolute() or path.exists() else REPOSITORY / path


def data_folder(domain: str) -> Path:
    """The folder with the downloaded data of a domain: `$SCHED_DATA/<domain>`."""
    root = os.environ.get("SCHED_DATA")
    folder = Path(root or ".") / domain
    if not root or not folder.is_dir():
        what = f"{folder} is no folder" if root else "the variable is not set"
        raise TraceError(what, "SCHED_DATA", "set it to the folder of the downloaded data; "
                         f"`python scripts/get_traces.py env={domain}` lists and downloads it")
    return folder


@dataclass(frozen=True, eq=False)
class Raw:
    """Cells as they stand in the file."""

    frame: pl.DataFrame
    lines: np.ndarray | None = None     # line of each row, None where a file has no lines


@dataclass(frozen=True)
class Format:
    """How one kind of file is read and written."""

    read: Callable[[Path, type[SuiteError]], Raw]
    write: Callable[[Any], bytes]


def suffix_of(path: Path, error: type[SuiteError]) -> str:
    """The ending that says the format: `.csv`, `.csv.gz`, `.parquet` or `.json`."""
    for suffix in FORMATS:
        if path.name.lower().endswith(suffix):
            return suffix
    raise error("the file name does not say its format", str(path),
                "name it " + ", ".join(f"*{s}" for s in FORMATS))


def read_raw(path: Path, error: type[SuiteError]) -> Raw:
    """All cells of a table file."""
    if not path.is_file():
        raise error("no such file", str(path), "check the path")
    return FORMATS[suffix_of(path, error)].read(path, error)


def read_bytes(path: Path, error: type[SuiteError]) -> bytes:
    """The content of a file, unpacked if its name ends in `.gz`."""
    if not path.is_file():
        raise error("no such file", str(path), "check the path")
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.name.lower().endswith(".gz") else data
    except (OSError, EOFError, zlib.error) as problem:
        raise error(f"cannot be unpacked ({problem})", str(path),
                    "the file is truncated or not gzip; write or download it again") from None


def read_start(path: Path, count: int = 4096) -> str:
    """The first bytes of a text file, unpacked if need be; what is no text is replaced."""
    unpack = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with unpack(path, "rb") as file:
            return file.read(count).decode("utf-8-sig", "replace")
    except (OSError, EOFError, zlib.error):
        return ""


def read_text(path: Path, error: type[SuiteError]) -> str:
    """The content of a UTF-8 text file."""
    try:
        return read_bytes(path, error).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"byte {problem.start} is not UTF-8 text", str(path),
                    "save the file as UTF-8") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            part.unlink()
        raise SuiteError(f"cannot be written ({problem.strerror})", str(path),
                         "choose a folder that can be written to") from None


def folder_to_write(folder: Path) -> Path:
    """The folder, made if need be; an error before the work whose results it is for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SuiteError(f"cannot be written ({problem.strerror})", str(folder),
                         "choose a folder that can be written to") from None
    if not os.access(folder, os.W_OK):
        raise SuiteError("cannot be written to", str(folder), "choose another folder")
    return folder


def read_csv(
    path: Path, error: type[SuiteError], separator: str = ",", names: Sequence[str] | None = None
) -> Raw:
    """All cells of a text table; `names` of the columns where its first line is no header."""
    text = read_text(path, error).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise error("the file is empty", str(path), "give it a header and rows")
    if separator == "," and names is None and '"' in text:
        return _csv_by_row(path, text, error)
    return _csv_by_column(path, text, separator, names, error)


def _field_error(path: Path, line: int, found: int, expected: int, error: type[SuiteError]):
    return error(f"{found} fields instead of {expected}", f"{path}, line {line}",
                 "every line needs as many fields as the header")


def _csv_by_column(path: Path, text: str, separator: str, names: Sequence[str] | None,
                   error: type[SuiteError]) -> Raw:
    import polars as pl

    lines = text.split("\n")
    numbers = np.array([i for i, line in enumerate(lines, 1) if line.strip()])
    if names is None:
        names = _names(path, lines[numbers[0] - 1].split(separator), error)
        numbers = numbers[1:]
    fields = np.fromiter((lines[i - 1].count(separator) + 1 for i in numbers), int, len(numbers))
    ragged = fields != len(names)
    if ragged.any():
        at = int(np.argmax(ragged))
        raise _field_error(path, numbers[at], fields[at], len(names), error)
    body = "\n".join(lines[i - 1] for i in numbers)
    if not body:
        return Raw(pl.DataFrame(schema=dict.fromkeys(names, pl.String)), numbers)
    frame = pl.read_csv(body.encode(), separator=separator, has_header=False, new_columns=names,
                        infer_schema=False, quote_char=None)
    return Raw(frame, numbers)


def _csv_by_row(path: Path, text: str, error: type[SuiteError]) -> Raw:
    import polars as pl

    reader = csv.reader(io.StringIO(text))
    rows = [(reader.line_num, row) for row in reader if row]
    if text.count('"') % 2 and "\n" in rows[-1][1][-1]:
        first = rows[-2][0] + 1 if len(rows) > 1 else 1
        raise error("a quotation mark is not closed", f"{path}, line {first}", "close it")
    names = _names(path, rows[0][1], error)
    for line, row in rows:
        if len(row) != len(names):
            raise _field_error(path, line, len(row), len(names), error)
    cells = {name: [row[i] for _, row in rows[1:]] for i, name in enumerate(names)}
    schema = dict.fromkeys(names, pl.String)
    return Raw(pl.DataFrame(cells, schema=schema), np.array([line for line, _ in rows[1:]]))


def _names(path: Path, cells: list[str], error: type[SuiteError]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise error(f'the header names "{twice[0]}" twice', str(path), "name each column once")
    return names


def _read_parquet(path: Path, error: type[SuiteError]) -> Raw:
    import polars as pl

    try:
        return Raw(pl.read_parquet(path))
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as problem:
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise error(f"not readable as Parquet ({reason})", str(path),
                    "the file is truncated or of another format; write or download it again"
                    ) from None


def parse_json(path: Path, error: type[SuiteError],
               pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The content of a JSON file, or one error that names the line; `pairs` makes its objects."""
    try:
        return json.loads(read_text(path, error), object_pairs_hook=pairs)
    except json.JSONDecodeError as problem:
        raise error(f"not JSON ({problem.msg})", f"{path}, line {problem.lineno}",
                    "the file is truncated or of another format") from None
    except (RecursionError, ValueError) as problem:
        if isinstance(problem, SuiteError):     # what `pairs` found
            raise
        what = "too deep" if isinstance(problem, RecursionError) else "a number of too many digits"
        raise error(f"not readable as JSON ({what})", str(path),
                    "the file is damaged or of another format") from None


def _read_json(path: Path, error: type[SuiteError]) -> Raw:
    import polars as pl

    content = parse_json(path, error)
    columns = _json_columns(content)
    if columns is None:
        raise error("neither a list of rows nor columns of equal length", str(path),
                    'write [{"a": 1}, ...] or {"a": [1, ...]}')
    cells = {k: [None if v is None else str(v) for v in vs] for k, vs in columns.items()}
    return Raw(pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String)))


def _json_columns(content: Any) -> dict[str, list] | None:
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        names = dict.fromkeys(name for row in content for name in row)
        return {name: [row.get(name) for row in content] for name in names}
    if isinstance(content, dict) and all(isinstance(v, list) for v in content.values()):
        return content if len({len(v) for v in content.values()}) <= 1 else None
    return None


def _write_csv(frame: pl.DataFrame) -> bytes:
    import polars as pl

    floats = [c for c in frame.columns if frame[c].dtype == pl.Float64]
    whole = [c for c in floats if bool(((frame[c] % 1 == 0) & (frame[c].abs() < 2**53)).all())]
    return frame.with_columns(pl.col(whole).cast(pl.Int64)).write_csv().encode()


def _write_gzip(frame: pl.DataFrame) -> bytes:
    return gzip.compress(_write_csv(frame), 9, mtime=0)     # equal tables are equal files


def _write_parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _write_json(frame: pl.DataFrame) -> bytes:
    return frame.write_json().encode()


FORMATS = {
    ".csv": Format(read_csv, _write_csv),
    ".csv.gz": Format(read_csv, _write_gzip),
    ".parquet": Format(_read_parquet, _write_parquet),
    ".json": Format(_read_json, _write_json),
}
