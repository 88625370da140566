"""A graph as it is read, entry by entry; every entry is checked, the first mistake is reported.

    draft = Draft("mine", "us", source="mine.csv")
    draft.task("a", kind="gemm", duration={"cpu": 6, "gpu": 1})
    graph = draft.graph()
"""
from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from envs.core.errors import TraceError
from envs.dag.graph import Graph
from envs.dag.units import LONGEST, factor, is_real, is_whole, ticks

COARSE = 0.01       # share of a duration that rounding may change without a word
MODES = {"R": 1, "W": 2, "RW": 3}
FORBIDDEN = re.compile(r"[\s,:>]")


def number_of(text: str) -> Any:
    """The number of a field, or the text where it is none, for a check to name it."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


class Draft:
    """Tiles, tasks and edges in the order of a file; `where` of a call names the place."""

    def __init__(self, name: str, unit: str = "s", resolution: int = 1, source: str = ""):
        self.name, self.unit, self.resolution, self.source = name, unit, resolution, source
        self.tiles: dict[str, int] = {}     # name -> number, in order
        self.tasks: dict[str, int] = {}
        self._per_unit = factor(unit, resolution)
        self._sizes: list[int] = []
        self._kinds: dict[str, int] = {}
        self._types: dict[str, int] = {}
        self._kind: list[int] = []
        self._times: list[tuple[int, int, int]] = []    # task, type, ticks
        self._virtual: list[bool] = []
        self._first: list[int] = [0]
        self._operands: list[tuple[int, int]] = []
        self._coarse = ""                               # the first duration that ticks distort
        self._edges: dict[tuple[int, int], int] = {}    # pair -> payload, in order

    def tile(self, name: Any, size: Any, where: str = "") -> None:
        """Add a tile."""
        where, name = where or self.source, str(name)
        _check_name(f"tile {name!r}", name, where)
        if name in self.tiles:
            raise TraceError(f"tile {name!r}: name already used", where)
        if not is_whole(size) or size < 1:
            raise TraceError(f"tile {name!r}: bytes must be an integer >= 1, found {size}", where)
        self.tiles[name] = len(self._sizes)
        self._sizes.append(_bytes(size, f"tile {name!r}", where))

    def task(self, name: Any, kind: str | None = None, duration: Mapping[str, Any] | None = None,
             access: Iterable[tuple[Any, Any]] = (), virtual: bool = False,
             where: str = "", usual: Mapping[str, int] | None = None) -> None:
        """Add a task; a type whose duration is None cannot run it, for those that `duration` does
        not name it has the `usual` ticks."""
        where, name = where or self.source, str(name)
        place = f"task {name!r}"
        _check_name(place, name, where)
        if name in self.tasks:
            raise TraceError(f"{place}: id already used", where)
        access = tuple(access)
        if virtual and (duration or usual or access):
            raise TraceError(f"{place}: a virtual task has no duration and no access", where)
        times = self.durations(place, duration, where) if duration else {}
        if usual:
            left = {y: t for y, t in usual.items() if y not in duration} if duration else usual
            times = {**left, **times}
        if not virtual and not times:
            raise TraceError(f"{place}: no duration on any device; give one, or set virtual", where)
        self._operands += self._access(place, access, where)
        self._first.append(len(self._operands))
        self._kind.append(-1 if virtual or not kind else _number(self._kinds, kind))
        i = len(self.tasks)
        self._times += [(i, _number(self._types, y), t) for y, t in times.items()]
        self._virtual.append(virtual)
        self.tasks[name] = i

    def edge(self, src: Any, dst: Any, payload: Any = 0, where: str = "") -> None:
        """Add an edge that carries `payload` bytes."""
        where, src, dst = where or self.source, str(src), str(dst)
        place = f"edge {src} -> {dst}"
        for name in (src, dst):
            if name not in self.tasks:
                raise TraceError(f"{place}: unknown task {name!r}", where)
        i, j = self.tasks[src], self.tasks[dst]
        if i == j:
            raise TraceError(f"{place}: a task cannot depend on itself", where)
        if (i, j) in self._edges:
            raise TraceError(f"{place}: listed twice", where)
        if not is_whole(payload) or payload < 0:
            raise TraceError(f"{place}: bytes must be an integer >= 0, found {payload}", where)
        if payload and (self._virtual[i] or self._virtual[j]):
            raise TraceError(f"{place}: an edge of a virtual task carries no data", where)
        self._edges[i, j] = _bytes(payload, place, where)

    def durations(self, place: str, duration: Mapping[str, Any], where: str) -> dict[str, int]:
        """Ticks by type of a task or a kind; types without a duration are left out."""
        times = {}
        for device, time in duration.items():
            if time is None:
                continue
            if not is_real(time) or time < 0:
                raise TraceError(f"{place}: duration on {device!r} must be a finite number >= 0, "
                                 f"found {time}", where)
            if time * self._per_unit > LONGEST:
                raise TraceError(f"{place}: duration on {device!r} is more than 2**60 ticks, found "
                                 f"{time}", where, "choose a coarser unit")
            times[str(device)] = ticks(time, self._per_unit)
            if abs(times[str(device)] - time * self._per_unit) > COARSE * time * self._per_unit:
                self._coarse = self._coarse or f"{place}: {time} on {device!r}"
        return times

    def graph(self) -> Graph:
        """The graph, with all edges; a cycle is looked for now."""
        if not self.tasks:
            raise TraceError("no tasks; a graph needs at least one", self.source)
        if self._coarse and self.unit == "1":
            warnings.warn(f"{self.source or self.name}: {self._coarse} is rounded to whole ticks, "
                          f"by more than 1 %; give a resolution greater than {self.resolution}",
                          stacklevel=2)
        duration = np.full((len(self.tasks), len(self._types)), -1, np.int64)
        times = np.array(self._times, np.int64).reshape(-1, 3)
        duration[times[:, 0], times[:, 1]] = times[:, 2]
        operands = np.array(self._operands, np.int64).reshape(-1, 2)
        return Graph.from_columns(
            self.name, unit=self.unit, resolution=self.resolution, ids=tuple(self.tasks),
            kinds=tuple(self._kinds), kind=self._kind, types=tuple(self._types), duration=duration,
            virtual=self._virtual, tiles=tuple(self.tiles), tile_bytes=self._sizes,
            operand_first=self._first, operand_tile=operands[:, 0], operand_mode=operands[:, 1],
            listed=list(self._edges), listed_payload=list(self._edges.values()),
            source=self.source)

    def _access(self, place: str, access: tuple, where: str) -> list[tuple[int, int]]:
        found: dict[int, int] = {}
        for tile, mode in access:
            name = str(tile)
            if name not in self.tiles:
                raise TraceError(f"{place}: unknown tile {name!r}", where)
            if not isinstance(mode, str) or mode not in MODES:
                raise TraceError(f"{place}: access mode must be R, W or RW, found {mode!r}", where)
            if self.tiles[name] in found:
                raise TraceError(f"{place}: tile {name!r} listed twice; use RW", where)
            found[self.tiles[name]] = MODES[mode]
        return list(found.items())


def _check_name(place: str, name: str, where: str) -> None:
    if not name or FORBIDDEN.search(name):
        raise TraceError(f"{place}: names must not be empty or contain blanks, commas, colons or >",
                         where)


def _bytes(size: Any, place: str, where: str) -> int:
    if size > LONGEST:
        raise TraceError(f"{place}: more than 2**60 bytes, found {size}", where)
    return int(size)


def _number(table: dict[str, int], name: str) -> int:
    return table.setdefault(name, len(table))
