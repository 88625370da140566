"""The Azure LLM inference files: `TIMESTAMP,ContextTokens,GeneratedTokens`, a family per file.

Service times come from the profile, so the token counts are kept but not used by the simulator.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from envs.core.errors import TraceError
from envs.core.tables import Column, Table, read_table

HEADER = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
PREFIX = "AzureLLMInferenceTrace_"
TICK_NS = 100       # the resolution of the published time stamps


def is_azure(path: Path) -> bool:
    """Whether a file has the header of these files."""
    if not path.is_file() or path.suffix.lower() != ".csv":
        return False
    with path.open("rb") as file:
        first = file.readline(200).decode("utf-8-sig", "replace")
    return tuple(first.strip().split(",")) == HEADER


def files(folder: Path) -> list[Path]:
    """The files of this format in a folder, by name."""
    return [path for path in sorted(folder.glob("*.csv")) if is_azure(path)]


def read(paths: Sequence[Path]) -> list[Table]:
    """One table per file; time 0 is the earliest stamp of all files."""
    sources = [read_table(path, dict(zip(HEADER, _KINDS, strict=True))) for path in paths]
    stamps = [_nanoseconds(source) for source in sources]
    start = min(int(stamp.min()) for stamp in stamps)
    return [_table(s, n - start) for s, n in zip(sources, stamps, strict=True)]


_KINDS = (Column(str), Column(int), Column(int))


def _nanoseconds(source: Table) -> np.ndarray:
    import polars as pl

    text = pl.Series(source["TIMESTAMP"], dtype=pl.String).str.replace(r"(Z|\+00:00)$", "")
    stamps = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ns", strict=False)
    if stamps.is_null().any():
        row = stamps.is_null().arg_max()
        raise TraceError(f'"{source["TIMESTAMP"][row]}" is no time stamp',
                         source.where(row, "TIMESTAMP"), "write 2023-11-16 18:17:03.9799600")
    return stamps.cast(pl.Int64).to_numpy()


def _table(source: Table, since_start_ns: np.ndarray) -> Table:
    rows = len(source)
    columns = {
        "arrival_ms": since_start_ns // TICK_NS / 1e4,
        "family": np.full(rows, source.path.stem.removeprefix(PREFIX), object),
        "slo_ms": np.full(rows, np.nan),
        "qos": np.zeros(rows, np.int64),
        "accuracy": np.full(rows, 100.0),
        "context_tokens": source["ContextTokens"],
        "generated_tokens": source["GeneratedTokens"],
    }
    return replace(source, columns=columns, given=frozenset(columns))
