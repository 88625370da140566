"""The Philly trace (Jeon et al., ATC 2019; CC-BY 4.0): the published job log, and a table of it."""
from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from envs.cluster.importers.cells import CLOCK, Cells
from envs.cluster.importers.draft import Draft
from envs.cluster.importers.options import ImportOptions
from envs.core.errors import TraceError
from envs.core.files import Raw, read_text

LOG = "cluster_job_log"
TABLE_COLUMNS = ("timestamp", "duration", "num_gpus", "gpu_time", "cluster")


def read_table(path: Path, _options: ImportOptions) -> Draft:
    """Rows with the duration of a job; the tenant is the virtual cluster."""
    cells = Cells.read(path, TABLE_COLUMNS)
    return Draft(cells, arrival_s=cells.clock("timestamp"), gpus=cells.number("num_gpus"),
                 duration_s=cells.number("duration"), tenant=cells.text("cluster"))


def read_log(path: Path, _options: ImportOptions) -> Draft:
    """Jobs with their attempts: durations add up, GPUs are those of the last attempt."""
    import polars as pl

    path = path / LOG if path.is_dir() else path
    rows = [_row(job, f"{path}, entry {i}") for i, job in enumerate(_entries(path), 1)]
    if not rows:
        raise TraceError("the log holds no job", str(path))
    frame = pl.DataFrame(rows, infer_schema_length=None)
    cells = Cells(path, Raw(frame))
    draft = Draft(cells, **{name: frame[name] for name in frame.columns if name != "attempts"},
                  attempts=frame["attempts"])
    draft.drop(pl.col("attempts") == 0, "no attempts")
    return draft


def _entries(path: Path) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(read_text(path, TraceError))
    except json.JSONDecodeError as problem:
        raise TraceError(f"not JSON ({problem.msg})", f"{path}, line {problem.lineno}",
                         "the file is truncated or of another format") from None
    if not isinstance(content, list):
        raise TraceError("is no list of jobs", str(path), "give the file cluster_job_log")
    return content


def _row(job: Any, where: str) -> dict[str, Any]:
    try:
        attempts = job["attempts"]
        spans = [_seconds(a["end_time"], where) - _seconds(a["start_time"], where)
                 for a in attempts if a["end_time"] and a["start_time"]]
        return {
            "arrival_s": _seconds(job["submitted_time"], where) if job["submitted_time"] else None,
            "gpus": float(sum(len(d["gpus"]) for d in attempts[-1]["detail"]) if attempts else 0),
            "duration_s": sum(spans) if spans else None,
            "name": str(job["jobid"]), "user": str(job["user"]), "status": str(job["status"]),
            "tenant": str(job["vc"]), "attempts": len(attempts),
        }
    except KeyError as missing:
        raise TraceError(f"no field {missing}", where, "give the published log") from None
    except TypeError:
        raise TraceError("is no job with attempts", where, "give the published log") from None


def _seconds(text: str, where: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise TraceError(f'"{text}" is no time like {CLOCK}', where) from None
