"""Formats of one table whose columns only need other names: the Tiresias and Blox simulators'."""
from __future__ import annotations

from pathlib import Path

from envs.cluster.importers.cells import Cells
from envs.cluster.importers.draft import Draft
from envs.cluster.importers.options import ImportOptions

TIRESIAS = ("job_id", "num_gpu", "submit_time", "iterations", "model_name", "duration", "interval")
BLOX = ("job_id", "arrival", "gpus", "total_iterations", "iteration_time")


def read_tiresias(path: Path, _options: ImportOptions) -> Draft:
    """The Tiresias simulator (Gu et al., NSDI 2019; Apache-2.0); the class is the model."""
    cells = Cells.read(path, TIRESIAS)
    return Draft(cells, arrival_s=cells.number("submit_time"), gpus=cells.number("num_gpu"),
                 duration_s=cells.number("duration"), name=cells.text("job_id"),
                 **{"class": cells.text("model_name")})


def read_blox(path: Path, _options: ImportOptions) -> Draft:
    """The Blox simulator (Agarwal et al., EuroSys 2024; MIT): iterations times their length."""
    cells = Cells.read(path, BLOX)
    return Draft(cells, arrival_s=cells.number("arrival"), gpus=cells.number("gpus"),
                 duration_s=cells.number("total_iterations") * cells.number("iteration_time"),
                 name=cells.text("job_id"))
