"""A task graph: tasks, tiles, and edges that are listed or follow from accesses.

    graph = Graph.from_columns("pair", unit="1", ids=("a", "b"), types=("cpu",),
                               duration=[[3], [4]], listed=[[0, 1]])
    print(checksum(graph))
"""
from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from envs.core.errors import TraceError
from envs.core.jit import records
from envs.dag.rules import edges as rules
from envs.dag.units import factor

READ, WRITE, BOTH = 1, 2, 3
MODES = ("", "R", "W", "RW")
EDGE = np.dtype([("src", np.int32), ("dst", np.int32), ("carried", np.int64),
                 ("payload", np.int64), ("listed", np.int32)])


@dataclass(frozen=True, eq=False)
class Graph:
    """n tasks on Y device types, m tiles, e edges; times in ticks, sizes in bytes."""

    name: str
    unit: str
    resolution: int
    source: str                 # the file, for messages
    ids: tuple[str, ...]
    kinds: tuple[str, ...]      # in order of first appearance
    kind: np.ndarray            # i4 (n,), -1 without one
    types: tuple[str, ...]
    duration: np.ndarray        # i8 (n, Y), expected; -1 cannot run
    virtual: np.ndarray         # bool (n,)
    tiles: tuple[str, ...]      # in order of the file
    tile_bytes: np.ndarray      # i8 (m,)
    operand_first: np.ndarray   # i4 (n + 1,): the operands of task i are first[i]:first[i + 1]
    operand_tile: np.ndarray    # i4
    operand_mode: np.ndarray    # i1, READ | WRITE
    src: np.ndarray             # i4 (e,), all edges, sorted by (src, dst)
    dst: np.ndarray             # i4 (e,)
    payload: np.ndarray         # i8 (e,), as listed; 0 for derived edges
    listed: np.ndarray          # i4 (e,), place in the edge list; -1 for derived edges
    carried: np.ndarray         # i8 (e,), payload and the tiles that pass from src to dst
    order: np.ndarray           # i4 (n,), canonical topological order

    @classmethod
    def from_columns(
        cls, name: str, *, ids: Sequence[str], types: Sequence[str], duration: Any,
        unit: str = "s", resolution: int = 1, kinds: Sequence[str] = (), kind: Any = None,
        virtual: Any = None, tiles: Sequence[str] = (), tile_bytes: Any = (),
        operand_first: Any = None, operand_tile: Any = (), operand_mode: Any = (),
        listed: Any = (), listed_payload: Any = None, source: str = "",
    ) -> Graph:
        """From numpy columns, with all edges derived; a cycle is a `TraceError`.

        `duration` is in ticks, (n, Y). `listed` holds distinct pairs (src, dst) of task numbers.
        Names, modes and pairs are taken as they are: what comes from a user goes through
        `envs.dag.formats`.
        """
        n = len(ids)
        operands = _operands(n, operand_first, operand_tile, operand_mode)
        sizes = np.asarray(tile_bytes, np.int64).reshape(-1)
        edges = _edges(n, operands, sizes, listed, listed_payload)
        return cls(
            name, unit, resolution, source, tuple(ids), tuple(kinds),
            np.full(n, -1, np.int32) if kind is None else np.asarray(kind, np.int32),
            tuple(types), np.asarray(duration, np.int64).reshape(n, len(types)),
            np.zeros(n, bool) if virtual is None else np.asarray(virtual, bool),
            tuple(tiles), sizes, *operands,
            **{field: np.ascontiguousarray(edges[field])
               for field in ("src", "dst", "payload", "listed", "carried")},
            order=_order(ids, edges, source))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ticks_per_unit(self) -> int:
        """F of section 2 of the specification."""
        return factor(self.unit, self.resolution)

    @cached_property
    def pos(self) -> np.ndarray:
        """Place of each task in the canonical order, i4 (n,)."""
        pos = np.empty_like(self.order)
        pos[self.order] = np.arange(len(pos), dtype=np.int32)
        return pos

    @cached_property
    def index(self) -> dict[str, int]:
        """Task number by id."""
        return {name: i for i, name in enumerate(self.ids)}

    @cached_property
    def operand_owner(self) -> np.ndarray:
        """The task of every operand, i4."""
        return _owner(self.operand_first)

    @cached_property
    def operand_bytes(self) -> np.ndarray:
        """Bytes of all operands of each task, i8 (n,)."""
        return self.sum_operands(self.operand_mode > 0)

    @cached_property
    def with_tiles(self) -> Graph:
        """The form under `comm: tiles`; see `with_payload_tiles`."""
        return _payload_tiles(self)

    def sum_operands(self, chosen: np.ndarray) -> np.ndarray:
        """Bytes of the chosen operands (a mask over all) of each task, i8 (n,)."""
        sizes = np.where(chosen, self.tile_bytes[self.operand_tile], 0)
        total = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        return total[self.operand_first[1:]] - total[self.operand_first[:-1]]


def with_payload_tiles(graph: Graph) -> Graph:
    """The form under `comm: tiles`: an edge with payload is a tile `<src>><dst>`, written by its
    source and read by its target after their listed operands. No payload is left."""
    return graph.with_tiles


def canonical_text(graph: Graph) -> str:
    """The text whose SHA-256 is the checksum: equal for equal graphs of any format."""
    _, first = np.unique(graph.operand_tile, return_index=True)
    accessed = graph.operand_tile[np.sort(first)].tolist()
    lines = ["dag-1", *(f"tile {graph.tiles[d]} {graph.tile_bytes[d]}" for d in accessed)]
    lines += _task_lines(graph)
    edges = zip(graph.src.tolist(), graph.dst.tolist(), graph.payload.tolist(), strict=True)
    lines += [f"edge {i} {j} {payload}" for i, j, payload in edges]
    return "\n".join(lines) + "\n"


def checksum(graph: Graph) -> str:
    """SHA-256 of the canonical text, hexadecimal."""
    return hashlib.sha256(canonical_text(graph).encode()).hexdigest()


def cleaned(name: str) -> str:
    """A name with `_` for what ids and tile names must not contain."""
    return "".join("_" if c in ",:>" or c.isspace() else c for c in name) or "_"


def _task_lines(graph: Graph) -> list[str]:
    by_name = sorted(range(len(graph.types)), key=graph.types.__getitem__)
    first, tile = graph.operand_first.tolist(), graph.operand_tile.tolist()
    mode, kind = graph.operand_mode.tolist(), graph.kind.tolist()
    lines = []
    for i, row in enumerate(graph.duration.tolist()):
        times = ",".join(f"{graph.types[y]}={row[y]}" for y in by_name if row[y] >= 0)
        access = ",".join(f"{graph.tiles[tile[k]]}:{MODES[mode[k]]}"
                          for k in range(first[i], first[i + 1]))
        name = graph.kinds[kind[i]] if kind[i] >= 0 else "-"
        lines.append(f"task {graph.ids[i]} {name} {times or '-'} {access or '-'}")
    return lines


def _owner(first: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(first) - 1, dtype=np.int32), np.diff(first))


def _operands(n: int, first: Any, tile: Any, mode: Any) -> tuple[np.ndarray, ...]:
    first = np.zeros(n + 1, np.int32) if first is None else np.asarray(first, np.int32)
    return (first, np.asarray(tile, np.int32).reshape(-1), np.asarray(mode, np.int8).reshape(-1))


def _edges(n: int, operands: tuple, sizes: np.ndarray, listed: Any, payload: Any) -> np.ndarray:
    """All edges as records, sorted by (src, dst), each once."""
    pairs = np.asarray(listed, np.int32).reshape(-1, 2)
    src, dst, carried = _derived(operands, sizes)
    bytes_ = np.zeros(len(pairs), np.int64) if payload is None else np.asarray(payload, np.int64)
    none = np.zeros(len(src), np.int64)
    src, dst = np.concatenate([src, pairs[:, 0]]), np.concatenate([dst, pairs[:, 1]])
    number = np.concatenate([none - 1, np.arange(len(pairs))]).astype(np.int32)
    by_dst, by_both = np.empty((2, len(src)), np.int64)
    first = np.empty(n + 1, np.int64)
    rules.arrange(dst, np.arange(len(src)), first, by_dst)
    rules.arrange(src, by_dst, first, by_both)
    edges = records(np.empty(len(src), EDGE))
    count = rules.unite(by_both, src, dst, np.concatenate([carried, bytes_]),
                        np.concatenate([none, bytes_]), number, edges)
    return edges[:count]


def _derived(operands: tuple, sizes: np.ndarray) -> tuple[np.ndarray, ...]:
    first, tile, mode = operands
    room = 2 * len(tile)
    src, dst, carried = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int64)
    scratch = np.full((2, len(sizes)), -1, np.int32)
    earlier = np.empty(len(tile), np.int32)
    count = rules.derive(_owner(first), tile, mode, sizes, scratch[0], scratch[1], earlier,
                         src, dst, carried)
    return src[:count], dst[:count], carried[:count]


def _order(ids: Sequence[str], edges: np.ndarray, source: str) -> np.ndarray:
    n = len(ids)
    first = np.zeros(n + 1, np.int64)
    first[1:] = np.cumsum(np.bincount(edges["src"], minlength=n))
    waiting = np.bincount(edges["dst"], minlength=n).astype(np.int32)
    order = np.empty(n, np.int32)
    taken = rules.sort_tasks(first, np.ascontiguousarray(edges["dst"]), waiting,
                             np.empty(n, np.int32), order)
    if taken < n:
        loop = " -> ".join(ids[i] for i in _cycle(edges, waiting > 0))
        raise TraceError(f"cycle: {loop}", source)
    return order


def _cycle(edges: np.ndarray, unsorted: np.ndarray) -> list[int]:
    """The loop that is met by going back from the smallest task that cannot be sorted."""
    inside = edges[unsorted[edges["src"]] & unsorted[edges["dst"]]]
    before = np.full(len(unsorted), len(unsorted))
    np.minimum.at(before, inside["dst"], inside["src"])
    path, place = [int(np.argmax(unsorted))], {}
    while path[-1] not in place:
        place[path[-1]] = len(path) - 1
        path.append(int(before[path[-1]]))
    loop = path[place[path[-1]]:-1][::-1]
    start = loop.index(min(loop))
    return [*loop[start:], *loop[:start], loop[start]]


def _payload_tiles(graph: Graph) -> Graph:
    chosen = np.flatnonzero(graph.payload > 0)
    if not len(chosen):
        return graph
    chosen = chosen[np.argsort(graph.listed[chosen])]
    src, dst = graph.src[chosen], graph.dst[chosen]
    new = np.arange(len(chosen), dtype=np.int32) + len(graph.tiles)
    owner = np.concatenate([graph.operand_owner, dst, src])
    tile = np.concatenate([graph.operand_tile, new, new])
    modes = np.repeat(np.int8([READ, WRITE]), len(chosen))
    place = np.argsort(owner, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(graph)))])
    names = (f"{graph.ids[i]}>{graph.ids[j]}"
             for i, j in zip(src.tolist(), dst.tolist(), strict=True))
    return replace(
        graph, tiles=(*graph.tiles, *names), payload=np.zeros_like(graph.payload),
        tile_bytes=np.concatenate([graph.tile_bytes, graph.payload[chosen]]),
        operand_first=first.astype(np.int32), operand_tile=tile[place],
        operand_mode=np.concatenate([graph.operand_mode, modes])[place])
