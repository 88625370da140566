"""Block-sparse matrix product: the block GEMMs whose operands are both present.

Application: T. Herault et al., IPDPS 2021.
"""
from __future__ import annotations

import numpy as np

from envs.core.errors import ScenarioError
from envs.core.philox import uniforms
from envs.dag.generator.kernel_times import TYPES
from envs.dag.generator.program import RW, Program, R
from envs.dag.graph import Graph
from envs.dag.units import factor, ticks_of

STRUCTURE = 5               # stream
LAUNCH_S = np.array([0.0, 1e-5])
RATES = np.array([3e10, 4e12])      # operations per second
DOUBLE = 8                  # bytes
INNER, OUTER, LEFT, RIGHT = 1, 2, 5, 6      # what is drawn: sizes of dimensions, presence of blocks


class NothingDrawn(ScenarioError):
    """No task under this seed; another may have some."""


def spgemm(m: int, n: int, k: int, seed: int = 0, density: float = 0.3, bmin: int = 256,
           bmax: int = 1024, pattern: str = "random", band: int = 1) -> Graph:
    """C += AB over m x k and k x n blocks of random sizes; `pattern` random or banded."""
    if bmax < bmin:
        raise ScenarioError(f"{bmin} to {bmax} is no range", "spgemm: bmin, bmax", "exchange them")
    rows, inner, columns = (
        bmin + np.floor(uniforms(seed, STRUCTURE, np.arange(count), which, 4)
                        * (bmax - bmin + 1)).astype(np.int64)
        for which, count in ((0, m), (INNER, k), (OUTER, n)))
    if pattern == "banded":
        left, right = _banded(m, k, band), _banded(k, n, band)
    else:
        left, right = (_present(seed, shape, which, density)
                       for which, shape in ((LEFT, (m, k)), (RIGHT, (k, n))))
    products = np.nonzero(left[:, None, :] & right.T[None, :, :])
    if not len(products[0]):
        raise NothingDrawn(f"no product of two blocks is present under seed {seed}", "spgemm",
                            "raise density, or take another seed")
    return _graph(f"spgemm_{m}_{n}_{k}", products, (rows, inner, columns))


def _present(seed: int, shape: tuple[int, int], which: int, density: float) -> np.ndarray:
    return uniforms(seed, STRUCTURE, *np.indices(shape), which) < density


def _banded(rows: int, columns: int, band: int) -> np.ndarray:
    row, column = np.indices((rows, columns))
    return np.abs(row - column) <= band


def _graph(name: str, products: tuple[np.ndarray, ...], sizes: tuple[np.ndarray, ...]) -> Graph:
    (i, j, inside), (rows, inner, columns) = products, sizes
    tiles, operands, tile_bytes = [], [], []
    matrices = (("A", i, inside, rows, inner), ("B", inside, j, inner, columns),
                ("C", i, j, rows, columns))
    for letter, x, y, high, wide in matrices:
        used, place = np.unique(x * len(wide) + y, return_inverse=True)
        x, y = np.divmod(used, len(wide))
        operands.append(place + len(tiles))
        tiles += [f"{letter}_{a}_{b}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        tile_bytes.append(DOUBLE * high[x] * wide[y])
    program = Program({"gemm": [R, R, RW]}, 3)
    program.add("gemm", [i, j, inside], operands)
    work = 2.0 * rows[i] * inner[inside] * columns[j]
    duration = ticks_of(LAUNCH_S + work[:, None] / RATES, factor("s"))
    return program.graph(name, unit="s", types=TYPES, duration=np.maximum(1, duration),
                         tiles=tiles, tile_bytes=np.concatenate(tile_bytes))
