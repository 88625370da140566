"""Scalars and pictures of a run as TensorBoard events; the writer is imported on first use."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Ratios = Mapping[str, tuple[Sequence[str], Sequence[str]]]


class Tally:
    """Ratios of sums over what the environment reports in `info`, e.g. met / (met + late)."""

    def __init__(self, ratios: Ratios):
        self.ratios = ratios
        self.names = sorted({n for pair in ratios.values() for part in pair for n in part})
        self.sums = dict.fromkeys(self.names, 0.0)

    def add(self, info: Mapping[str, Any]) -> None:
        """Count one step of all replicas."""
        for name in self.names:
            if name in info:
                self.sums[name] += float(np.sum(info[name]))

    def take(self) -> dict[str, float]:
        """The ratios since the last call; those of nothing are left out."""
        found = {}
        for name, (above, below) in self.ratios.items():
            total = sum(self.sums[n] for n in below)
            if total > 0:
                found[name] = sum(self.sums[n] for n in above) / total
        self.sums = dict.fromkeys(self.names, 0.0)
        return found


class Tracker:
    """Writes events to a folder."""

    def __init__(self, folder: Path):
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder), flush_secs=20)

    def scalars(self, group: str, values: Mapping[str, float], step: int) -> None:
        """One event per finite number, named `group/key` unless the key has its own group."""
        for key, value in values.items():
            if isinstance(value, int | float | np.number) and np.isfinite(value):
                name = key if "/" in key else f"{group}/{key}"
                self.writer.add_scalar(name, float(value), step)

    def picture(self, name: str, image: np.ndarray, step: int) -> None:
        """An (H, W, 3) uint8 picture."""
        self.writer.add_image(name, np.ascontiguousarray(image), step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()
