"""The format dag-1: one JSON object per graph."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from envs.core.errors import TraceError, nearest
from envs.dag.formats.draft import Draft
from envs.dag.graph import MODES, Graph
from envs.dag.units import read_unit, units_of

KEYS = ("format", "name", "unit", "resolution", "kinds", "tiles", "tasks", "edges")
TASK_KEYS = ("id", "kind", "duration", "access", "virtual")


def graph_from(content: Mapping[str, Any], where: str = "", name: str = "graph") -> Graph:
    """The graph of a dag-1 object; `where` names the file in errors."""
    if not isinstance(content, Mapping):
        raise TraceError("the file holds no object", where, 'write {"format": "dag-1", ...}')
    if content.get("format") != "dag-1":
        raise TraceError(f"format: expected 'dag-1', found {content.get('format')!r}", where)
    _known(content, KEYS, "", where)
    unit, resolution = read_unit(content, where, TraceError)
    draft = Draft(str(content.get("name", name)), unit, resolution, where)
    kinds = _kinds(draft, _block(content, "kinds", Mapping, where), where)
    for tile, size in _block(content, "tiles", Mapping, where).items():
        draft.tile(tile, size)
    for number, task in enumerate(_block(content, "tasks", Sequence, where)):
        _task(draft, task, number, kinds, where)
    for number, edge in enumerate(_block(content, "edges", Sequence, where)):
        if not isinstance(edge, list | tuple) or len(edge) not in (2, 3):
            raise TraceError(f"edges[{number}]: must be [src, dst] or [src, dst, bytes], found "
                             f"{edge}", where)
        draft.edge(*edge)
    return draft.graph()


def to_dag1(graph: Graph) -> dict[str, Any]:
    """The dag-1 object of a graph; listed edges only, for the others follow."""
    content: dict[str, Any] = {"format": "dag-1", "name": graph.name, "unit": graph.unit}
    if graph.resolution != 1:
        content["resolution"] = graph.resolution
    shared = _shared(graph)
    if shared:
        content["kinds"] = {graph.kinds[k]: _times(graph, i) for k, i in shared.items()}
    if graph.tiles:
        content["tiles"] = dict(zip(graph.tiles, graph.tile_bytes.tolist(), strict=True))
    content["tasks"] = _task_entries(graph, shared)
    edges = listed_edges(graph)
    if edges:
        content["edges"] = [[a, b, size] if size else [a, b] for a, b, size in edges]
    return content


def listed_edges(graph: Graph) -> list[tuple[str, str, int]]:
    """Names and payloads of the listed edges, in the order of the list."""
    chosen = np.flatnonzero(graph.listed >= 0)
    chosen = chosen[np.argsort(graph.listed[chosen])]
    columns = (graph.src[chosen], graph.dst[chosen], graph.payload[chosen])
    return [(graph.ids[i], graph.ids[j], size)
            for i, j, size in zip(*(c.tolist() for c in columns), strict=True)]


def _known(entry: Mapping, known: tuple[str, ...], place: str, where: str) -> None:
    for key in entry:
        if key not in known:
            raise TraceError(f"{place}{key}: unknown key", where, nearest(key, known))


def _block(content: Mapping, key: str, kind: type, where: str) -> Any:
    value = content.get(key)
    if value is None:
        return {} if kind is Mapping else ()
    if isinstance(value, str) or not isinstance(value, kind):
        form = "an object" if kind is Mapping else "a list"
        raise TraceError(f"{key}: must be {form}, found {value}", where)
    return value


def _kinds(draft: Draft, kinds: Mapping, where: str) -> dict[str, dict[str, int]]:
    """Ticks by kind and type."""
    ticks = {}
    for kind, duration in kinds.items():
        if not isinstance(duration, Mapping):
            raise TraceError(f"kind {kind!r}: must be an object, found {duration}", where)
        ticks[kind] = draft.durations(f"kind {kind!r}", duration, where)
    return ticks


def _task(draft: Draft, task: Any, number: int, kinds: Mapping, where: str) -> None:
    if not isinstance(task, Mapping) or not isinstance(task.get("id"), str | int):
        raise TraceError(f"tasks[{number}]: must be an object with an id", where)
    place = f"task {str(task['id'])!r}"
    _known(task, TASK_KEYS, f"{place}: ", where)
    own = _block(task, "duration", Mapping, f"{where}: {place}" if where else place)
    kind, virtual = task.get("kind"), task.get("virtual", False)
    if not isinstance(virtual, bool):
        raise TraceError(f"{place}: virtual must be true or false, found {virtual}", where)
    if kind is not None and not isinstance(kind, str):
        raise TraceError(f"{place}: kind must be a name, found {kind}", where)
    access = _block(task, "access", Sequence, f"{where}: {place}" if where else place)
    for pair in access:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise TraceError(f"{place}: an access must be [tile, mode], found {pair}", where)
    draft.task(task["id"], kind, own, access, virtual, usual=kinds.get(kind))


def _shared(graph: Graph) -> dict[int, int]:
    """The first task of each kind all of whose tasks last the same."""
    found: dict[int, int] = {}
    for k in range(len(graph.kinds)):
        mine = np.flatnonzero(graph.kind == k)
        if (graph.duration[mine] == graph.duration[mine[0]]).all():
            found[k] = int(mine[0])
    return found


def _times(graph: Graph, task: int) -> dict[str, float | int]:
    row = graph.duration[task].tolist()
    return {device: units_of(t, graph.ticks_per_unit)
            for device, t in zip(graph.types, row, strict=True) if t >= 0}


def _task_entries(graph: Graph, shared: Mapping[int, int]) -> list[dict[str, Any]]:
    first, kinds = graph.operand_first.tolist(), graph.kind.tolist()
    access = [[graph.tiles[d], MODES[mode]] for d, mode in
              zip(graph.operand_tile.tolist(), graph.operand_mode.tolist(), strict=True)]
    entries = []
    for i, (name, virtual, kind) in enumerate(zip(graph.ids, graph.virtual.tolist(), kinds,
                                                  strict=True)):
        entry: dict[str, Any] = {"id": name, "virtual": True} if virtual else {"id": name}
        if kind >= 0:
            entry["kind"] = graph.kinds[kind]
        if not virtual and kind not in shared:
            entry["duration"] = _times(graph, i)
        if first[i] < first[i + 1]:
            entry["access"] = access[first[i]:first[i + 1]]
        entries.append(entry)
    return entries
