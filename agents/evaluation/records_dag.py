"""The records of a `dag` run as tables with names, times in the machine's unit."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from envs.dag.drawing import node_names, worker_names
from envs.dag.metrics import per_unit
from envs.dag.recorder import Run
from envs.dag.units import NEVER

MOVES = ("fetch", "stage", "writeback")


def records(run: Run) -> dict[str, dict[str, Sequence[Any]]]:
    """One row per task, job, transfer, eviction and decision; null for what never happened."""
    return {"tasks": _tasks(run), "jobs": _jobs(run), "transfers": _transfers(run),
            "evictions": _evictions(run), "choices": _choices(run)}


def _tasks(run: Run) -> dict[str, Sequence[Any]]:
    tasks = run.tasks
    kinds = [(*job.graph.kinds, None) for job in run.trace.jobs]
    graphs = [job.graph for job in run.trace.jobs]
    pairs = list(zip(tasks["job"].tolist(), tasks["task"].tolist(), strict=True))
    return {"job": tasks["job"], "task": tasks["task"],
            "name": [graphs[j].ids[i] for j, i in pairs],
            "kind": [kinds[j][graphs[j].kind[i]] for j, i in pairs],
            "worker": _named(tasks["worker"], worker_names(run)),
            **{k: _times(run, tasks[k]) for k in ("ready", "assigned", "start", "finish")}}


def _jobs(run: Run) -> dict[str, Sequence[Any]]:
    return {"job": np.arange(len(run.jobs)),
            "graph": [job.graph.name for job in run.trace.jobs],
            "weight": [float(job.weight) for job in run.trace.jobs],
            **{k: _times(run, run.jobs[k]) for k in ("arrival", "finish")}}


def _transfers(run: Run) -> dict[str, Sequence[Any]]:
    moved, nodes = run.transfers, node_names(run)
    return {"job": moved["job"], "tile": _tiles(run, moved),
            "src": _named(moved["src"], nodes), "dst": _named(moved["dst"], nodes),
            "start": _times(run, moved["start"]), "end": _times(run, moved["end"]),
            "kind": _named(moved["kind"], MOVES), "bytes": moved["bytes"]}


def _evictions(run: Run) -> dict[str, Sequence[Any]]:
    gone = run.evictions
    return {"job": gone["job"], "tile": _tiles(run, gone), "time": _times(run, gone["time"]),
            "node": _named(gone["node"], node_names(run)), "dirty": gone["dirty"] > 0}


def _choices(run: Run) -> dict[str, Sequence[Any]]:
    made = run.choices
    return {"time": _times(run, made["time"]), "worker": _named(made["worker"], worker_names(run)),
            "job": made["job"], "task": made["task"]}


def _tiles(run: Run, rows: np.ndarray) -> list[str]:
    """Names of tiles, payload edges included."""
    tiles = [job.graph.with_tiles.tiles for job in run.trace.jobs]
    return [tiles[j][d] for j, d in zip(rows["job"].tolist(), rows["tile"].tolist(), strict=True)]


def _named(index: np.ndarray, names: Sequence[str]) -> list[str | None]:
    return [names[i] if i >= 0 else None for i in index.tolist()]


def _times(run: Run, ticks: np.ndarray) -> np.ndarray:
    """Times in units, NaN for what never happened."""
    return np.where((ticks < 0) | (ticks >= NEVER), np.nan, ticks / per_unit(run))
