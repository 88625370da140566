"""Edge sets of synthetic graphs: n tasks and pairs (source, target), sorted.

FFT and Gaussian elimination: H. Topcuoglu, S. Hariri, M. Wu, IEEE TPDS 13(3), 2002.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.core.errors import ScenarioError
from envs.core.philox import uniforms

STREAM = 5
LAYER_SIZE, PARENT, LAYERED, ERDOS = 0, 1, 2, 3     # what is drawn
CHUNK = 1 << 22     # pairs drawn at a time


@dataclass(frozen=True, eq=False)
class Structure:
    """Tasks 0 ... n-1 and edges (e, 2), sorted, each once."""

    n: int
    edges: np.ndarray


def layered(
    n: int, width: int = 8, density: float = 0.3, jump: int = 1, seed: int = 0
) -> Structure:
    """Layers of 1 to 2 width - 1 tasks; each task has a predecessor in the layer before."""
    starts = _layers(n, width, seed)
    found, step = [], max(1, CHUNK // (2 * width * jump))
    for low in range(starts[1], n, step):
        j = np.arange(low, min(n, low + step))
        layer = np.searchsorted(starts, j, "right") - 1
        before, here = starts[layer - 1], starts[layer]
        found.append((before + _drawn(here - before, uniforms(seed, STREAM, j, 0, PARENT)), j))
        earliest = starts[np.maximum(0, layer - jump)]
        i, j = _ranges(earliest, here, j)
        hit = uniforms(seed, STREAM, j, i, LAYERED) < density
        found.append((i[hit], j[hit]))
    return _structure(n, found)


def _layers(n: int, width: int, seed: int) -> np.ndarray:
    """The first task of every layer, and n."""
    size = 1 + _drawn(2 * width - 1, uniforms(seed, STREAM, np.arange(n), 0, LAYER_SIZE))
    ends = np.cumsum(size)
    return np.concatenate([[0], ends[ends < n], [n]])


def _drawn(count: int | np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """A number in 0 ... count - 1 for a uniform draw."""
    return np.floor(uniform * count).astype(np.int64)


def _ranges(low: np.ndarray, high: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All i in [low, high) for each entry of `of`, and the entry that each belongs to."""
    count = high - low
    ends = np.cumsum(count)
    place = np.arange(ends[-1]) - np.repeat(ends - count, count)
    return np.repeat(low, count) + place, np.repeat(of, count)


def erdos(n: int, p: float, seed: int = 0) -> Structure:
    """Every pair i < j with probability p."""
    found, step = [], max(1, CHUNK // n)
    for low in range(0, n, step):
        j = np.arange(low, min(n, low + step))[:, None]
        i = np.arange(low + len(j))
        row, column = np.nonzero((uniforms(seed, STREAM, j, i, ERDOS) < p) & (i < j))
        found.append((column, low + row))
    return _structure(n, found)


def fork_join(stages: int, width: int) -> Structure:
    """`stages` times `width` tasks between joins."""
    join = np.arange(stages)[:, None] * (width + 1)
    inside, after = join + 1 + np.arange(width), join + width + 1
    return _structure(1 + stages * (width + 1), [np.broadcast_arrays(join, inside),
                                                 np.broadcast_arrays(inside, after)])


def out_tree(depth: int, arity: int) -> Structure:
    """A full tree from its root."""
    n = sum(arity**level for level in range(depth + 1))
    child = np.arange(1, n)
    return _structure(n, [((child - 1) // arity, child)])


def in_tree(depth: int, arity: int) -> Structure:
    """A full tree towards its root, the last task."""
    tree = out_tree(depth, arity)
    last = tree.n - 1
    return _structure(tree.n, [(last - tree.edges[:, 1], last - tree.edges[:, 0])])


def chain(n: int) -> Structure:
    """One task after the other."""
    return _structure(n, [(np.arange(n - 1), np.arange(1, n))])


def grid(rows: int, cols: int) -> Structure:
    """Every task before its right and its lower neighbour."""
    number = np.arange(rows * cols).reshape(rows, cols)
    return _structure(rows * cols, [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])])


def fft(m: int) -> Structure:
    """A binary tree to m leaves, then log2 m stages of butterflies."""
    if m & (m - 1):
        raise ScenarioError(f"must be a power of two, found {m}", "fft: m")
    stages = m.bit_length() - 1
    child, x = np.arange(1, 2 * m - 1), np.arange(m)
    found = [((child - 1) // 2, child)]
    for stage in range(1, stages + 1):
        before, here = m - 1 + (stage - 1) * m, m - 1 + stage * m
        found += [(before + x, here + x), (before + (x ^ (1 << (stage - 1))), here + x)]
    return _structure(2 * m - 1 + m * stages, found)


def gauss_elim(m: int) -> Structure:
    """Elimination by columns: pivot (k, k), then its updates (k, j), j = k+1 ... m."""
    if m < 2:
        raise ScenarioError(f"must be at least 2, found {m}", "gauss_elim: m")
    found, pivot = [], 0
    for k in range(1, m):
        update = pivot + 1 + np.arange(m - k)
        found.append(np.broadcast_arrays(pivot, update))
        if k < m - 1:
            found.append((update, update + m - k))
        pivot += m - k + 1
    return _structure(pivot, found)


def _structure(n: int, found: list) -> Structure:
    pairs = [np.stack([np.ravel(i), np.ravel(j)], 1) for i, j in found]
    edges = np.concatenate([*pairs, np.empty((0, 2), np.int64)])
    source, target = np.divmod(np.unique(edges[:, 0] * n + edges[:, 1]), n)
    return Structure(n, np.stack([source, target], 1))
