"""Traces in other people's formats."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envs.cluster.replay import Trace, read_trace


@dataclass(frozen=True)
class Imported:
    """A trace, what was left out of it and why, and what its source tells of the cluster."""

    trace: Trace
    notes: tuple[str, ...] = ()
    cluster: dict[str, Any] = field(default_factory=dict)


def import_trace(source: str | Path) -> Imported:
    """The jobs of a file or folder in any known format."""
    return Imported(read_trace(source))
