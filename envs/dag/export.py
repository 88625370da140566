"""A schedule as tables and as a Chrome trace (chrome://tracing, ui.perfetto.dev).

    export_schedule(simulate(scenario, trace), "my_run")
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.core.files import folder_to_write, write_whole
from envs.core.tables import write_table
from envs.dag.drawing import node_names, worker_names
from envs.dag.graph import Graph, with_payload_tiles
from envs.dag.metrics import per_unit
from envs.dag.units import NEVER, UNITS

if TYPE_CHECKING:
    from envs.dag.recorder import Run

KINDS = ("fetch", "stage", "writeback")
WORKERS, LINKS = 0, 1       # processes of the Chrome trace


def export_schedule(run: Run, folder: str | Path) -> tuple[Path, ...]:
    """Write `tasks.csv`, `transfers.csv`, `evictions.csv` and `chrome_trace.json`.

    Times are in the machine's unit; a tile is `<job>/<name>`; a virtual task has worker -1.
    """
    folder = folder_to_write(Path(folder))
    tables = {"tasks": task_columns, "transfers": transfer_columns, "evictions": eviction_columns}
    for name, columns in tables.items():
        write_table(folder / f"{name}.csv", columns(run))
    write_whole(folder / "chrome_trace.json", json.dumps(chrome_trace(run)).encode())
    return (*(folder / f"{name}.csv" for name in tables), folder / "chrome_trace.json")


def task_columns(run: Run) -> dict[str, np.ndarray]:
    """A row per task, by job and number."""
    graphs, rows = _graphs(run), run.tasks
    names = [(graphs[j].ids[i], _kind(graphs[j], i))
             for j, i in zip(rows["job"].tolist(), rows["task"].tolist(), strict=True)]
    columns = {"job": rows["job"], "task": rows["task"],
               "name": _texts(name for name, _ in names), "kind": _texts(kind for _, kind in names),
               "worker": rows["worker"]}
    return {**columns, **{key: _times(run, rows[key])
                          for key in ("ready", "assigned", "start", "finish")}}


def transfer_columns(run: Run) -> dict[str, np.ndarray]:
    """A row per transfer in order of request; nodes are numbers, 0 is the host."""
    rows = run.transfers
    return {"tile": _tiles(run, rows), "src": rows["src"], "dst": rows["dst"],
            "start": _times(run, rows["start"]), "end": _times(run, rows["end"]),
            "kind": _texts(KINDS[kind] for kind in rows["kind"].tolist()), "bytes": rows["bytes"]}


def eviction_columns(run: Run) -> dict[str, np.ndarray]:
    """A row per eviction in order."""
    rows = run.evictions
    return {"time": _times(run, rows["time"]), "node": rows["node"], "tile": _tiles(run, rows),
            "dirty": rows["dirty"]}


def chrome_trace(run: Run) -> dict[str, Any]:
    """Complete events in microseconds (unit 1: a unit each): a row per worker and per direction."""
    nodes, moved = node_names(run), _over(run.transfers)
    pairs = sorted({(m, n) for m, n in zip(moved["src"].tolist(), moved["dst"].tolist(),
                                           strict=True)})
    events = [{"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}
              for pid, name in ((WORKERS, "workers"), (LINKS, "links"))]
    events += [_row(WORKERS, w, name) for w, name in enumerate(worker_names(run))]
    events += [_row(LINKS, k, f"{nodes[m]} -> {nodes[n]}") for k, (m, n) in enumerate(pairs)]
    row_of = {pair: k for k, pair in enumerate(pairs)}
    events += [*_task_events(run), *_transfer_events(run, moved, row_of)]
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _task_events(run: Run) -> Iterator[dict[str, Any]]:
    graphs, per_us = _graphs(run), _ticks_per_us(run)
    rows = _over(run.tasks, "finish")
    for row in rows[rows["worker"] >= 0]:
        graph, i = graphs[row["job"]], int(row["task"])
        args = {"job": int(row["job"]), "kind": _kind(graph, i),
                "stall": int(row["start"] - row["assigned"]) / per_us}
        yield _event(graph.ids[i], WORKERS, int(row["worker"]), row["start"], row["finish"], per_us,
                     args)


def _transfer_events(run: Run, moved: np.ndarray,
                     row_of: dict[tuple[int, int], int]) -> Iterator[dict[str, Any]]:
    per_us = _ticks_per_us(run)
    for name, row in zip(_tiles(run, moved).tolist(), moved, strict=True):
        args = {"kind": KINDS[row["kind"]], "bytes": int(row["bytes"])}
        yield _event(name, LINKS, row_of[int(row["src"]), int(row["dst"])], row["start"],
                     row["end"], per_us, args)


def _event(name: str, pid: int, tid: int, start: int, end: int, per_us: int,
           args: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "X", "name": name, "pid": pid, "tid": tid, "ts": int(start) / per_us,
            "dur": int(end - start) / per_us, "args": args}


def _row(pid: int, tid: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}


def _graphs(run: Run) -> list[Graph]:
    """The graph of every job as it was simulated."""
    tiled = run.system.scenario.machine.comm == "tiles"
    return [with_payload_tiles(job.graph) if tiled else job.graph for job in run.trace.jobs]


def _kind(graph: Graph, task: int) -> str:
    return graph.kinds[graph.kind[task]] if graph.kind[task] >= 0 else ""


def _tiles(run: Run, rows: np.ndarray) -> np.ndarray:
    graphs = _graphs(run)
    return _texts(f"{j}/{graphs[j].tiles[d]}"
                  for j, d in zip(rows["job"].tolist(), rows["tile"].tolist(), strict=True))


def _texts(values: Iterator[str]) -> np.ndarray:
    found = list(values)
    texts = np.empty(len(found), object)
    texts[:] = found
    return texts


def _times(run: Run, ticks: np.ndarray) -> np.ndarray:
    """In the machine's unit; what did not happen is empty."""
    return np.where(ticks < NEVER, ticks / per_unit(run), np.nan)


def _over(rows: np.ndarray, end: str = "end") -> np.ndarray:
    return rows[rows[end] < NEVER]


def _ticks_per_us(run: Run) -> int:
    """With unit 1 a unit counts as a microsecond."""
    return per_unit(run) if run.system.scenario.machine.unit == "1" else UNITS["us"]
