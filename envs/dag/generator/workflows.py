"""Synthetic workflows in the shape of Montage and Epigenomics; base values are illustrative.

Every task writes one tile `o_<id>` and reads those of its predecessors.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.core.philox import fixed, normals
from envs.dag.generator.kernel_times import TYPES
from envs.dag.graph import READ, WRITE, Graph
from envs.dag.units import factor, ticks_of

COSTS, FACTOR = 3, 3        # stream, what is drawn
BASE = {    # kind: seconds on a cpu, speed-up of a gpu (0: it cannot run), bytes written
    "project": (12, 8, 4e6), "diff": (3, 4, 1e6), "concat": (2, 0, 1e5), "bgmodel": (9, 0, 5e4),
    "background": (3, 6, 4e6), "imgtbl": (2, 0, 1e5), "add": (20, 5, 4e7), "shrink": (6, 10, 2e6),
    "split": (8, 0, 2e6), "filter": (6, 0, 2e6), "convert": (2, 0, 1.5e6), "bfq": (2, 0, 1e6),
    "map": (60, 15, 5e5), "merge": (10, 0, 4e6), "index": (7, 0, 2e6), "pileup": (12, 3, 3e6)}


def montage(w: int, seed: int = 0, cv: float = 0.2) -> Graph:
    """A mosaic of w >= 2 images: 4w + 2 tasks."""
    flow = _Flow()
    projects = [flow.task("project", (i,)) for i in range(w)]
    pairs = [(a, a + step) for step in (1, 2) for a in range(w - step)]
    diffs = [flow.task("diff", pair, [projects[a] for a in pair]) for pair in pairs]
    model = flow.task("bgmodel", (), [flow.task("concat", (), diffs)])
    images = [flow.task("background", (i,), [projects[i], model]) for i in range(w)]
    table = flow.task("imgtbl", (), images)
    flow.task("shrink", (), [flow.task("add", (), [table, *images])])
    return flow.graph(f"montage_{w}", seed, cv)


def epigenomics(lanes: int, splits: int, seed: int = 0, cv: float = 0.2) -> Graph:
    """Chains of four tasks per split and lane: lanes(4 splits + 2) + 3 tasks."""
    flow = _Flow()
    merged = []
    for lane in range(lanes):
        split = flow.task("split", (lane,))
        maps = []
        for s in range(splits):
            last = split
            for kind in ("filter", "convert", "bfq", "map"):
                last = flow.task(kind, (lane, s), [last])
            maps.append(last)
        merged.append(flow.task("merge", (lane,), maps))
    index = flow.task("index", (), [flow.task("merge", ("all",), merged)])
    flow.task("pileup", (), [index])
    return flow.graph(f"epigenomics_{lanes}_{splits}", seed, cv)


class _Flow:
    """Tasks in order, with the tasks that each reads from."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._kinds: list[str] = []
        self._reads: list[Sequence[int]] = []

    def task(self, kind: str, index: Sequence[object], reads: Sequence[int] = ()) -> int:
        """The number of a new task."""
        self._ids.append("_".join([kind, *map(str, index)]))
        self._kinds.append(kind)
        self._reads.append(reads)
        return len(self._ids) - 1

    def graph(self, name: str, seed: int, cv: float) -> Graph:
        """Durations and sizes: the base values, durations times a factor of the task."""
        kinds = tuple(dict.fromkeys(self._kinds))
        operands = [[*reads, i] for i, reads in enumerate(self._reads)]
        count = [len(tiles) for tiles in operands]
        modes = [[READ] * (c - 1) + [WRITE] for c in count]
        return Graph.from_columns(
            name, unit="s", ids=self._ids, kinds=kinds, kind=[kinds.index(k) for k in self._kinds],
            types=TYPES, duration=self._durations(seed, cv), tiles=[f"o_{i}" for i in self._ids],
            tile_bytes=[BASE[k][2] for k in self._kinds],
            operand_first=np.append(0, np.cumsum(count)), operand_tile=np.concatenate(operands),
            operand_mode=np.concatenate(modes))

    def _durations(self, seed: int, cv: float) -> np.ndarray:
        spread = np.sqrt(np.log(1 + cv**2))
        z = normals(seed, COSTS, np.arange(len(self._ids)), FACTOR, 0)
        base = np.array([BASE[k] for k in self._kinds], float)
        seconds = base[:, 0] * fixed(np.exp(spread * z - spread**2 / 2))
        fast = base[:, 1] > 0
        gpu = ticks_of(seconds / np.where(fast, base[:, 1], 1), factor("s"))
        return np.stack([ticks_of(seconds, factor("s")), np.where(fast, gpu, -1)], 1)
