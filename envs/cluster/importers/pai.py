"""Alibaba PAI v2020 (Weng et al., NSDI 2022; CC-BY 4.0): a job and a task table without headers."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envs.cluster.importers.cells import Cells
from envs.cluster.importers.draft import Draft
from envs.cluster.importers.options import ImportOptions
from envs.core.errors import TraceError

if TYPE_CHECKING:
    import polars as pl

JOB_COLUMNS = ("job_name", "inst_id", "user", "status", "start_time", "end_time")
TASK_COLUMNS = ("job_name", "task_name", "inst_num", "status", "start_time", "end_time", "plan_cpu",
                "plan_mem", "plan_gpu", "gpu_type")
JOBS, TASKS = "job_table", "task_table"     # in the names of the files


def read(path: Path, _options: ImportOptions) -> Draft:
    """Jobs with the GPUs of all their tasks; shares of a GPU become whole ones."""
    import polars as pl

    path = _table(path, JOBS) if path.is_dir() else path
    jobs = Cells.read(path, JOB_COLUMNS, header=False)
    start = jobs.number("start_time")
    wanted = _wanted(_table(path.parent, TASKS))
    named = pl.DataFrame({"job_name": jobs.text("job_name")})
    gpus = named.join(wanted, on="job_name", how="left", maintain_order="left")["gpus"]
    draft = Draft(
        jobs, arrival_s=start, gpus=gpus.ceil(), duration_s=jobs.number("end_time") - start,
        name=jobs.text("job_name"), user=jobs.text("user"), status=jobs.text("status"),
        share=(gpus % 1 > 0).fill_null(False))
    draft.notes.append("no time of submission is published: jobs arrive when they started")
    draft.note_shares()
    return draft


def _wanted(path: Path) -> pl.DataFrame:
    """GPUs per job, fractions included."""
    import polars as pl

    tasks = Cells.read(path, TASK_COLUMNS, header=False)
    frame = pl.DataFrame({
        "job_name": tasks.text("job_name"),
        "gpus": (tasks.number("inst_num") * tasks.number("plan_gpu") / 100).fill_null(0.0)})
    return frame.group_by("job_name").agg(pl.col("gpus").sum().round(6))


def _table(folder: Path, kind: str) -> Path:
    found = sorted(p for p in folder.glob(f"*{kind}*") if ".csv" in p.name)
    if not found:
        raise TraceError(f"no file *{kind}*.csv", str(folder),
                         "unpack the job table and the task table into one folder")
    return found[0]
