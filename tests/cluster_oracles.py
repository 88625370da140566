"""The shared answers of the cluster domain, as they lie in `tests/oracles/cluster`."""
from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

from envs.core.oracles import read_oracle

FOLDER = Path(__file__).parent / "oracles" / "cluster"
WHOLE = ("gpus", "class", "tenant", "priority", "gpu_type", "min_gpus", "max_gpus")


def oracle(name: str) -> Any:
    """The content of `NAME.json.gz`."""
    return read_oracle(FOLDER / f"{name}.json.gz")


def instances() -> list[dict[str, Any]]:
    """The small runs."""
    return read_oracle(FOLDER / "instances.jsonl.gz")


def rows(file: str) -> list[dict[str, str]]:
    """The lines of `FILE.gz`, cells as text."""
    with gzip.open(FOLDER / f"{file}.gz", "rt") as lines:
        return list(csv.DictReader(lines))


def jobs(file: str) -> list[dict[str, float]]:
    """The jobs of a CSV file in the form of an instance."""
    return [{key: int(cell) if key in WHOLE else float(cell)
             for key, cell in row.items() if cell and key != "job"} for row in rows(file)]


def recorded(folder: str, file: str) -> dict[str, Any]:
    """A recorded run of a published simulator in the form of an instance."""
    run = oracle(f"{folder}/index")[file]
    nodes = [{"type": 0, "gpus": run["gpus_per_node"], "rack": 0}] * run["nodes"]
    columns = ("arrival_s", "gpus", "duration_s")
    return {"cluster": {"types": ["gpu"], "nodes": nodes}, "options": run["options"],
            "classes": [{"speed": [run.get("speed", 1.0)], "launch_s": 0, "restart_s": 0}],
            "jobs": [{key: job[key] for key in columns} for job in jobs(f"{folder}/{file}")]}
