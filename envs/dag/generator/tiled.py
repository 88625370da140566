"""Tiled linear algebra: Cholesky, LU without pivoting, QR with a flat tree, matrix product.

The order of the tasks is that of the loops. V_k and T_i_k of QR are tiles of their own, as in
PLASMA and PaRSEC, so that updates need not wait for the next panel step.
"""
from __future__ import annotations

import numpy as np

from envs.dag.generator.kernel_times import TYPES, kernel_times
from envs.dag.generator.program import NONE, RW, Program, R, W
from envs.dag.graph import Graph

TILE_BYTES = 3_686_400      # 960^2 in fp32


def cholesky(n: int, table: str = "readys_cholesky", tile_bytes: int = TILE_BYTES) -> Graph:
    """n x n tiles: n(n+1)(n+2)/6 tasks."""
    program = Program({"potrf": [RW], "trsm": [R, RW], "syrk": [R, RW], "gemm": [R, R, RW]}, 3)
    for k in range(n):
        i = np.arange(k + 1, n)
        program.add("potrf", [k], [_lower(k, k)])
        program.add("trsm", [i, k], [_lower(k, k), _lower(i, k)])
        row, column = np.tril_indices(n - k - 1)
        i, j, first = k + 1 + row, k + column, column == 0
        program.add_mixed(
            np.where(first, 2, 3), [i, np.where(first, k, j), np.where(first, NONE, k)],
            [_lower(i, k), np.where(first, _lower(i, i), _lower(j, k)),
             np.where(first, NONE, _lower(i, j))])
    return _graph(program, "cholesky", n, table, _triangle("A", n), tile_bytes)


def lu(n: int, table: str = "readys_lu", tile_bytes: int = TILE_BYTES) -> Graph:
    """n x n tiles without pivoting: n(n+1)(2n+1)/6 tasks."""
    program = Program({"getrf": [RW], "trsm_l": [R, RW], "trsm_u": [R, RW], "gemm": [R, R, RW]}, 3)
    for k in range(n):
        later = np.arange(k + 1, n)
        program.add("getrf", [k], [k * n + k])
        program.add("trsm_l", [k, later], [k * n + k, k * n + later])
        program.add("trsm_u", [later, k], [k * n + k, later * n + k])
        i, j = later[:, None], later[None, :]
        program.add("gemm", [i, j, k], [i * n + k, k * n + j, i * n + j])
    return _graph(program, "lu", n, table, _rectangle("A", n, n), tile_bytes)


def qr(n: int, table: str = "readys_qr", tile_bytes: int = TILE_BYTES) -> Graph:
    """n x n tiles, flat tree: n(n+1)(2n+1)/6 tasks."""
    program = Program({"geqrt": [RW, W, W], "unmqr": [R, R, RW], "tsqrt": [RW, RW, W],
                       "tsmqr": [R, R, RW, RW]}, 3)
    reflector, factors = n * n, n * n + n       # where V_k and T_i_k begin
    for k in range(n):
        j = np.arange(k + 1, n)
        v, t = reflector + k, factors + _lower(k, k)
        program.add("geqrt", [k], [k * n + k, v, t])
        program.add("unmqr", [k, j], [v, t, k * n + j])
        i, column = np.arange(k + 1, n)[:, None], np.arange(k, n)[None, :]
        first, t = column == k, factors + _lower(i, k)
        program.add_mixed(
            np.where(first, 2, 3), [i, np.where(first, k, column), np.where(first, NONE, k)],
            [np.where(first, k * n + k, i * n + k), np.where(first, i * n + k, t),
             np.where(first, t, k * n + column), np.where(first, NONE, i * n + column)])
    tiles = [*_rectangle("A", n, n), *[f"V_{k}" for k in range(n)], *_triangle("T", n)]
    return _graph(program, "qr", n, table, tiles, tile_bytes)


def gemm(m: int, n: int, k: int, tile_bytes: int = TILE_BYTES) -> Graph:
    """C += AB in mnk tasks of 6 on a cpu, 1 on a gpu."""
    program = Program({"gemm": [R, R, RW]}, 3)
    i, j, inner = np.arange(m)[:, None, None], np.arange(n)[None, :, None], np.arange(k)
    b, c = m * k, m * k + k * n                 # where B and C begin
    program.add("gemm", [i, j, inner], [i * k + inner, b + inner * n + j, c + i * n + j])
    tiles = [*_rectangle("A", m, k), *_rectangle("B", k, n), *_rectangle("C", m, n)]
    return program.graph(f"gemm_{m}_{n}_{k}", unit="1", types=TYPES, duration=np.array([[6, 1]]),
                         tiles=tiles, tile_bytes=np.full(len(tiles), tile_bytes))


def _graph(program: Program, algorithm: str, n: int, table: str, tiles: list[str],
           tile_bytes: int) -> Graph:
    times = kernel_times(table, algorithm, program.kinds)
    return program.graph(f"{algorithm}_{n}", unit=times.unit, types=TYPES, duration=times.duration,
                         tiles=tiles, tile_bytes=np.full(len(tiles), tile_bytes))


def _lower(i: object, j: object) -> object:
    """The number of tile (i, j) of a lower triangle."""
    return i * (i + 1) // 2 + j


def _triangle(name: str, n: int) -> list[str]:
    return [f"{name}_{i}_{j}" for i in range(n) for j in range(i + 1)]


def _rectangle(name: str, rows: int, columns: int) -> list[str]:
    return [f"{name}_{i}_{j}" for i in range(rows) for j in range(columns)]
