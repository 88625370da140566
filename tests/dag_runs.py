"""Runs of `dag` put together by hand, without a simulator: a machine, tasks, what was moved."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from envs.dag.units import NEVER

TASK = np.dtype([("job", "i4"), ("task", "i4"), ("worker", "i4"), ("ready", "i8"),
                 ("assigned", "i8"), ("start", "i8"), ("finish", "i8")])
JOB = np.dtype([("arrival", "i8"), ("finish", "i8")])
TRANSFER = np.dtype([("number", "i8"), ("job", "i4"), ("tile", "i4"), ("src", "i4"),
                     ("dst", "i4"), ("start", "i8"), ("end", "i8"), ("kind", "i4"),
                     ("bytes", "i8")])
EVICTION = np.dtype([("time", "i8"), ("node", "i4"), ("job", "i4"), ("tile", "i4"),
                     ("dirty", "i4")])
MEMORY = np.dtype([("time", "i8"), ("node", "i4"), ("used", "i8")])
CHOICE = np.dtype([("time", "i8"), ("worker", "i4"), ("job", "i4"), ("task", "i4")])


def machine(types: tuple[str, ...] = ("gpu", "cpu"), type_of: tuple[int, ...] = (0, 0, 1),
            capacity: tuple[int, ...] = (NEVER, 8, NEVER), unit: str = "1",
            resolution: int = 1) -> SimpleNamespace:
    """Two GPUs with memories of their own and a CPU, unless told otherwise."""
    own = np.cumsum([1 if types[y] == "gpu" else 0 for y in type_of])
    node = np.where([types[y] == "gpu" for y in type_of], own, 0)
    return SimpleNamespace(types=types, type_of=np.array(type_of, "i4"), unit=unit,
                           node_of=node.astype("i4"), capacity=np.array(capacity, "i8"),
                           resolution=resolution, comm="tiles", workers=type_of)


def run_of(tasks: list[tuple], *, jobs: list[tuple] = (), transfers: list[tuple] = (),
           evictions: list[tuple] = (), memory: list[tuple] = (), graphs: list[Any] = (),
           weights: list[float] | None = None, objective: str = "makespan",
           on: SimpleNamespace | None = None, waits: int = 0) -> SimpleNamespace:
    """What a simulator should have returned; rows in the order of the dtypes above."""
    rows = np.array([tuple(t) for t in tasks], TASK)
    if not jobs:
        jobs = [(0, int(rows["finish"].max()))]
    graphs = list(graphs) or [None] * len(jobs)
    weights = weights or [1.0] * len(jobs)
    listed = [SimpleNamespace(arrival=j[0], graph=g, weight=w)
              for j, g, w in zip(jobs, graphs, weights, strict=True)]
    scenario = SimpleNamespace(machine=on or machine(),
                               options=SimpleNamespace(objective=objective))
    return SimpleNamespace(
        system=SimpleNamespace(scenario=scenario), trace=SimpleNamespace(jobs=tuple(listed)),
        seed=0, policy="fifo", tasks=rows, jobs=np.array(list(jobs), JOB),
        transfers=np.array(list(transfers), TRANSFER),
        evictions=np.array(list(evictions), EVICTION), memory=np.array(list(memory), MEMORY),
        choices=np.zeros(0, CHOICE), decisions=len(rows) + waits, waits=waits, area=0,
        makespan=int(rows["finish"].max()), **_sums(list(transfers), list(evictions), on))


def _sums(transfers: list[tuple], evictions: list[tuple],
          on: SimpleNamespace | None) -> dict[str, Any]:
    """Counts of a kernel that records nothing."""
    moved, nodes = np.array(transfers, TRANSFER), len((on or machine()).capacity)
    dirty = sum(e[-1] for e in evictions)
    return {"moved": np.bincount(moved["kind"], minlength=3), "dirty": dirty,
            "clean": len(evictions) - dirty,
            "bytes_in": np.bincount(moved["dst"], moved["bytes"], nodes).astype(np.int64),
            "bytes_out": np.bincount(moved["src"], moved["bytes"], nodes).astype(np.int64)}


def diamond(**more: Any) -> Any:
    """a -> b, c -> end: kinds x and y, c and the virtual end without one."""
    from envs.dag.graph import Graph

    return Graph.from_columns(
        "diamond", unit="1", ids=("a", "b", "c", "end"), types=("gpu", "cpu"), kinds=("x", "y"),
        kind=[0, 1, -1, -1], duration=[[4, 6], [2, 3], [-1, 5], [-1, -1]],
        virtual=[False, False, False, True], listed=[[0, 1], [0, 2], [1, 3], [2, 3]], **more)
