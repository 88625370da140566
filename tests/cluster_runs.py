"""Runs of `cluster` put together by hand or from an oracle's records, without a simulator."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from envs.cluster.state import FINISHED, REASONS, WAITING
from envs.cluster.units import NEVER, us

JOB = np.dtype([
    ("job", "i8"), ("admitted_us", "i8"), ("first_start_us", "i8"), ("finish_us", "i8"),
    ("preemptions", "i4"), ("evictions", "i4"), ("wall_us", "i8"), ("gpu_us", "i8"),
    ("overhead_us", "i8"), ("lost_us", "f8"), ("status", "i4")])
SEGMENT = np.dtype([
    ("job", "i8"), ("start_us", "i8"), ("end_us", "i8"), ("gpu_type", "i4"), ("level", "i4"),
    ("reason", "i4"), ("first", "i8"), ("count", "i4")])
PIECE = np.dtype([("node", "i4"), ("gpus", "i4")])
CHANGE = np.dtype([("time_us", "i8"), ("node", "i4"), ("up", "i4")])


def run_of(instance: dict[str, Any]) -> SimpleNamespace:
    """What a simulator should have returned for an oracle's instance."""
    expected = instance["expected"]
    rows = [instance["jobs"][place] for place in expected["order"]]
    up, log = _node_log(instance["cluster"], instance["options"])
    segments, pieces = _segments(expected["segments"])
    return SimpleNamespace(
        system=system_of(instance, rows, up), node_log=np.array(log, CHANGE), segments=segments,
        jobs=np.array([_job(i, row) for i, row in enumerate(expected["jobs"])], JOB),
        pieces=pieces)


def system_of(instance: dict[str, Any], rows: list[dict[str, Any]],
              up: np.ndarray) -> SimpleNamespace:
    """The part of a System that metrics read; `rows` are the jobs by number."""
    cluster, classes = instance["cluster"], instance.get("classes") or [{}]
    types = len(cluster["types"])
    node_type, gpus = (np.array([n[k] for n in cluster["nodes"]], "i4") for k in ("type", "gpus"))

    def column(name: str, default: Any) -> np.ndarray:
        return np.array([r.get(name, default) for r in rows])

    deadlines = [us(NEVER if r.get("deadline_s") is None else r["deadline_s"]) for r in rows]
    return SimpleNamespace(
        node_type=node_type, node_gpus=gpus, starts_up=up,
        type_gpus=np.bincount(node_type, gpus, types).astype("i4"),
        speed=np.array([c.get("speed", [1.0] * types) for c in classes]),
        launch_us=np.array([us(c.get("launch_s", 0)) for c in classes]),
        arrival_us=np.array([us(r["arrival_s"]) for r in rows]), deadline_us=np.array(deadlines),
        work=np.array([float(us(r["duration_s"])) for r in rows]), gpus=column("gpus", 1),
        cls=column("class", 0), tenant=column("tenant", 0), gpu_type=column("gpu_type", -1),
        scenario=SimpleNamespace(options=SimpleNamespace(
            track=instance["options"].get("track"))))


def _job(number: int, row: list[Any]) -> tuple:
    admitted, start, finish = (-1 if t is None else us(t) for t in row[:3])
    wall, gpu, overhead = (us(t) for t in row[5:8])
    return (number, admitted, start, finish, *row[3:5], wall, gpu, overhead, 1e6 * row[8],
            WAITING if finish < 0 else FINISHED)


def _segments(rows: list[list[Any]]) -> tuple[np.ndarray, np.ndarray]:
    found, pieces = [], []
    for job, start, end, kind, nodes, level, reason in rows:
        found.append((job, us(start), -1 if end is None else us(end), kind, level,
                      REASONS.index(reason), len(pieces), len(nodes)))
        pieces += [tuple(n) for n in nodes]
    return np.array(found, SEGMENT), np.array(pieces, PIECE)


def _node_log(cluster: dict[str, Any],
              options: dict[str, Any]) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """Which nodes are up at the start, and every change at the time at which it acts."""
    events = sorted(cluster.get("events", []), key=lambda e: us(e["time_s"]))
    up, log = np.ones(len(cluster["nodes"]), bool), []
    for event in reversed(events):
        up[event["node"]] = event["event"] != "up"
    state = up.copy()
    boundary = us(options.get("round_s", 300)) if options.get("mode", "round") == "round" else 1
    for event in events:
        now = event["event"] == "up"
        if state[event["node"]] != now:
            state[event["node"]] = now
            log.append((-(-us(event["time_s"]) // boundary) * boundary, event["node"], now))
    return up, log
