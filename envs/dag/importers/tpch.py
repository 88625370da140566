"""Decima's TPC-H queries (H. Mao et al., SIGCOMM 2019): stages of tasks as measured in Spark."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError
from envs.core.options import as_integer
from envs.dag.formats.draft import Draft
from envs.dag.graph import Graph
from envs.dag.importers.numpy_objects import read_array

WAVES = ("first_wave", "rest_wave")


def read_tpch(adjacency: str | Path, durations: str | Path, max_tasks: int | None = None) -> Graph:
    """`adj_mat_<q>.npy` and `task_duration_<q>.npy`; unit ms, type cpu.

    Stage s has as many tasks as its waves under the least number of executors (`max_tasks` at
    most), each of the mean duration of all its samples, and a virtual end `s<s>_done`.
    """
    adjacency, durations = Path(adjacency), Path(durations)
    matrix = _matrix(read_array(adjacency), adjacency)
    stages = _stages(read_array(durations), len(matrix), durations)
    most = None if max_tasks is None else as_integer(max_tasks, "max_tasks", low=1)
    draft = Draft(adjacency.name.split(".")[0], "ms", source=str(adjacency))
    counts = []
    for s, stage in enumerate(stages):
        count, mean = _measured(stage, f"{durations}, stage {s}")
        counts.append(min(count, most or count))
        for t in range(counts[s]):
            draft.task(f"s{s}_t{t}", f"s{s}", {"cpu": mean})
        draft.task(f"s{s}_done", virtual=True)
    for s, count in enumerate(counts):
        for t in range(count):
            draft.edge(f"s{s}_t{t}", f"s{s}_done")
        for r in np.flatnonzero(matrix[s]).tolist():
            for t in range(counts[r]):
                draft.edge(f"s{s}_done", f"s{r}_t{t}")
    return draft.graph()


def _matrix(content: Any, path: Path) -> np.ndarray:
    """The adjacency matrix, square."""
    try:
        matrix = np.array(content, float)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise TraceError(f"an array of shape {matrix.shape} is no square matrix", str(path),
                         "take the published file")
    return matrix


def _stages(content: Any, count: int, path: Path) -> list[Mapping[str, Any]]:
    """The entries of stages 0 ... count - 1."""
    if not isinstance(content, dict):
        raise TraceError(f"holds a {type(content).__name__} instead of a dict", str(path))
    found = {str(key): stage for key, stage in content.items()}
    if set(found) != {str(s) for s in range(count)}:
        raise TraceError(f"stages {', '.join(sorted(found))} instead of 0 to {count - 1}",
                         str(path), "the two files must belong to one query")
    return [found[str(s)] for s in range(count)]


def _measured(stage: Any, where: str) -> tuple[int, float]:
    """Number of tasks of a stage and their mean duration in ms."""
    try:
        first, rest = ({int(e): samples for e, samples in stage[wave].items()} for wave in WAVES)
        least = min(first)
        count = len(first[least]) + len(rest.get(least, ()))
        samples = [x for wave in (first, rest) for part in wave.values() for x in part]
        mean = sum(samples) / len(samples)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        raise TraceError("no first_wave and rest_wave with samples by number of executors", where,
                         "take the published file") from None
    if count == 0:
        raise TraceError(f"no task under {least} executors, the least number", where)
    return count, mean
