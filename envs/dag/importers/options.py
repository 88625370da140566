"""What importers can be told beside their source."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ImportOptions:
    """Files and figures that some formats need."""

    costs: Path | None = None           # edges: the table of costs
    resolution: int = 1                 # edges, dag-1 tables: ticks per unit, with unit 1
    durations: Path | None = None       # tpch: default the task_duration file beside
    max_tasks: int | None = None        # tpch: tasks of a stage at most
    speedup: Mapping[str, float] = field(default_factory=dict)  # wfformat: kind -> cpu/gpu time
    unit: str = "s"                     # dag-1 tables
