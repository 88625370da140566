"""Tasks collected block by block in program order, as the columns of a graph.

A block is a set of rows (kind, indices, tiles); a kind has a fixed list of access modes. Ids are
the kind and its indices, `gemm_3_2_0`.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.dag.graph import BOTH, READ, WRITE, Graph

R, W, RW = READ, WRITE, BOTH
NONE = -1       # no index, no tile


class Program:
    """The rows so far; `modes` lists the accesses of each kind."""

    def __init__(self, modes: dict[str, Sequence[int]], indices: int):
        self.kinds = tuple(modes)
        self._most = max(len(m) for m in modes.values())
        padded = [[*m, *[0] * (self._most - len(m))] for m in modes.values()]
        self._modes = np.array(padded, np.int8)
        self._indices = indices
        self._blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, kind: str, indices: Sequence[object], tiles: Sequence[object]) -> None:
        """Tasks of one kind: their indices and tiles, arrays that are broadcast."""
        self.add_mixed(self.kinds.index(kind), indices, tiles)

    def add_mixed(self, kind: object, indices: Sequence[object], tiles: Sequence[object]) -> None:
        """Tasks whose kinds (numbers) differ; `NONE` stands for no index and no tile."""
        indices = [*indices, *[NONE] * (self._indices - len(indices))]
        tiles = [*tiles, *[NONE] * (self._most - len(tiles))]
        columns = np.broadcast_arrays(kind, *indices, *tiles)
        table = np.stack([np.ravel(c) for c in columns], 1).astype(np.int32)
        self._blocks.append(np.split(table, [1, 1 + self._indices], axis=1))

    def graph(self, name: str, *, unit: str, types: Sequence[str],
              duration: np.ndarray, tiles: Sequence[str], tile_bytes: np.ndarray) -> Graph:
        """The graph; `duration` in ticks, a row per kind, or per task."""
        kind, indices, operands = (np.concatenate(part) for part in zip(*self._blocks, strict=True))
        kind = kind[:, 0]
        kinds, kind_of = self._used(kind)
        accessed = operands != NONE
        return Graph.from_columns(
            name, unit=unit, ids=self._ids(kind, indices), kinds=kinds, kind=kind_of, types=types,
            duration=duration[kind] if len(duration) == len(self.kinds) else duration,
            tiles=tiles, tile_bytes=tile_bytes,
            operand_first=np.append(0, np.cumsum(accessed.sum(1))).astype(np.int32),
            operand_tile=operands[accessed], operand_mode=self._modes[kind][accessed])

    def _used(self, kind: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """The kinds that occur, in order of first appearance, and each task's among them."""
        found, first = np.unique(kind, return_index=True)
        order = found[np.argsort(first)]
        place = np.full(len(self.kinds), NONE, np.int32)
        place[order] = np.arange(len(order))
        return tuple(self.kinds[k] for k in order), place[kind]

    def _ids(self, kind: np.ndarray, indices: np.ndarray) -> tuple[str, ...]:
        ids = np.empty(len(kind), object)
        for number, name in enumerate(self.kinds):
            rows = np.flatnonzero(kind == number)
            own = indices[rows]
            columns = [own[:, i].tolist() for i in range(self._indices) if (own[:1, i] >= 0).all()]
            ids[rows] = [name + "".join(f"_{i}" for i in row)
                         for row in zip(*columns, strict=True)]
        return tuple(ids.tolist())
