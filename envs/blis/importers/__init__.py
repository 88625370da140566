"""Traces in other people's formats; each importer gives one table per file, in tie order.

The tables have the columns of `envs.blis.replay.COLUMNS` and remember file and line, so that one
set of checks names every mistake. `tables(path)` finds the importer by what the path holds.
"""
from __future__ import annotations

from pathlib import Path

from envs.blis.importers import azure, text
from envs.core.errors import TraceError
from envs.core.tables import Table


def tables(path: Path, qos_levels: int) -> list[Table] | None:
    """The imported tables of a folder or file, None for a plain table of requests."""
    if path.is_dir():
        if any(path.glob("*.txt")):
            return text.read(path, qos_levels)
        if azure.files(path):
            return azure.read(azure.files(path))
        raise TraceError("the folder holds no trace", str(path),
                         "give one .txt file per family, or Azure LLM inference CSV files")
    return azure.read([path]) if azure.is_azure(path) else None
