"""The entries of a machine file, read one by one; a mistake is named by its key."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envs.core.errors import ScenarioError, nearest
from envs.dag.links import Link, Matrix, Worker
from envs.dag.presets import peer_entry, worker_entry
from envs.dag.units import LONGEST, is_real, is_whole

WORKER_KEYS = ("type", "count", "memory", "in", "out")
MOST_WORKERS = 4096


def known_keys(entry: Mapping, keys: tuple[str, ...], where: str, place: str = "") -> None:
    """Refuse keys that are not known."""
    for key in entry:
        if key not in keys:
            raise ScenarioError(f"{place}{key}: unknown key", where, nearest(key, keys))


def choice(config: Mapping, key: str, known: tuple[str, ...], names: str, where: str) -> str:
    """One of a few names; the first is the default."""
    value = config.get(key, known[0])
    if value not in known:
        raise ScenarioError(f"{key}: unknown value {value!r}", where, f"use {names}")
    return value


def whole(value: Any, low: int, place: str, where: str, orelse: str = "",
          high: int = LONGEST) -> int:
    """An integer from `low` to `high`."""
    if not is_whole(value) or value < low:
        raise ScenarioError(f"{place}: must be an integer >= {low}{orelse}, found {value}", where)
    if value > high:
        raise ScenarioError(f"{place}: must be at most {high}{orelse}, found {value}", where)
    return int(value)


def _latency(value: Any, place: str, where: str) -> float:
    if not is_real(value) or value < 0:
        raise ScenarioError(f"{place}: must be a finite number >= 0, found {value}", where)
    return value


def _rate(value: Any, place: str, where: str) -> float | None:
    if value is not None and (not is_real(value) or value <= 0):
        raise ScenarioError(f"{place}: must be a number > 0 or null, found {value}", where)
    return value


def read_link(entry: Any, place: str, where: str) -> Link:
    """A link from its latency and bandwidth."""
    if not isinstance(entry, Mapping):
        raise ScenarioError(f"{place}: must be a mapping, found {entry}", where,
                            "write {latency: ..., bandwidth: ...}")
    known_keys(entry, ("latency", "bandwidth"), where, f"{place}.")
    return Link(_latency(entry.get("latency", 0), f"{place}.latency", where),
                _rate(entry.get("bandwidth"), f"{place}.bandwidth", where))


def read_workers(config: Mapping, unit: str, where: str) -> tuple[Worker, ...]:
    """The workers, each as often as its count says."""
    entries = config.get("workers") or ()
    if isinstance(entries, str | Mapping) or not len(entries):
        raise ScenarioError("workers: a machine needs at least one", where)
    workers: list[Worker] = []
    for i, entry in enumerate(entries):
        count, worker = _worker(entry, f"workers[{i}]", unit, where)
        if len(workers) + count > MOST_WORKERS:
            raise ScenarioError(f"workers: more than {MOST_WORKERS}", where, "list fewer")
        workers += [worker] * count
    return tuple(workers)


def _worker(entry: Any, place: str, unit: str, where: str) -> tuple[int, Worker]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("type"), str):
        raise ScenarioError(f"{place}.type: a device type is missing", where, "write type: gpu")
    entry = worker_entry(entry, unit, place, where)
    known_keys(entry, WORKER_KEYS, where, f"{place}.")
    count = whole(entry.get("count", 1), 1, f"{place}.count", where)
    if "memory" not in entry:
        if "in" in entry or "out" in entry:
            raise ScenarioError(f"{place}: in and out need memory; this worker computes in host "
                                "memory", where)
        return count, Worker(entry["type"])
    memory = entry["memory"]
    if memory is not None:
        memory = whole(memory, 1, f"{place}.memory", where, " or null")
    return count, Worker(entry["type"], True, memory,
                         read_link(entry.get("in") or {}, f"{place}.in", where),
                         read_link(entry.get("out") or {}, f"{place}.out", where))


def read_peer(config: Mapping, unit: str, where: str) -> Link | None:
    """The link between accelerators, in full or by the name of a preset."""
    entry = peer_entry(config.get("peer"), unit, where)
    return None if entry is None else read_link(entry, "peer", where)


def read_bus(entry: Any, where: str) -> tuple[float | None, float | None] | None:
    """What the host can send and receive at once."""
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise ScenarioError(f"bus: must be a mapping, found {entry}", where,
                            "write {up: ..., down: ...}")
    known_keys(entry, ("up", "down"), where, "bus.")
    return _rate(entry.get("up"), "bus.up", where), _rate(entry.get("down"), "bus.down", where)


def read_matrix(config: Mapping, workers: int, where: str) -> Matrix | None:
    """Links between workers, as numbers or as tables."""
    entry = config.get("matrix")
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise ScenarioError(f"matrix: must be a mapping, found {entry}", where,
                            "write {latency: ..., bandwidth: ...}")
    known_keys(entry, ("latency", "bandwidth"), where, "matrix.")
    return Matrix(_figure(entry.get("latency", 0), _latency, workers, "matrix.latency", where),
                  _figure(entry.get("bandwidth"), _rate, workers, "matrix.bandwidth", where))


def _figure(value: Any, check: Any, workers: int, place: str, where: str) -> Any:
    if not isinstance(value, list | tuple):
        return check(value, place, where)
    rows = [row if isinstance(row, list | tuple) else () for row in value]
    if len(rows) != workers or any(len(row) != workers for row in rows):
        raise ScenarioError(f"{place}: must be a number or a table of {workers} x {workers}", where,
                            "give a row and a column per worker")
    return tuple(tuple(check(cell, f"{place}[{p}][{r}]", where) for r, cell in enumerate(row))
                 for p, row in enumerate(rows))
