"""What importers can be told beside their source."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImportOptions:
    """Files and names that some formats need."""

    throughputs: Path | None = None     # Gavel: default the one beside the trace
    reference: str = "v100"             # Gavel: GPU type on which durations are stated
    models: Path | None = None          # Sia: YAML, what an application's jobs take
