"""Mean times of the kernels of tiled algorithms, cpu and gpu; the number in a name is the tile.

`flops_*` are weights in nb^3/3 operations, the same for both types. `readys_*` are the means of
nathangrinsztajn/DAG-scheduling, env/utils.py. `k40_*` and `m2070_*` (fp32) are means of the sampled
models of StarPU, tools/perfmodels/sampling, where syrk is derived as half of gemm; `v100_*` (fp64)
are means of mcsweeney90/thesis-code.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.core.errors import ScenarioError, nearest
from envs.dag.units import factor, ticks

TYPES = ("cpu", "gpu")
CHOLESKY = ("potrf", "trsm", "syrk", "gemm")
SAME_TIMES = {"getrf": "potrf", "trsm_l": "trsm", "trsm_u": "trsm"}     # for lu on measured tables

OWN = {     # of one algorithm, unit 1
    "flops_cholesky": {"potrf": (1, 1), "trsm": (3, 3), "syrk": (3, 3), "gemm": (6, 6)},
    "flops_lu": {"getrf": (2, 2), "trsm_l": (3, 3), "trsm_u": (3, 3), "gemm": (6, 6)},
    "flops_qr": {"geqrt": (4, 4), "unmqr": (6, 6), "tsqrt": (6, 6), "tsmqr": (12, 12)},
    "readys_cholesky": {"potrf": (18, 11), "trsm": (52, 8), "syrk": (57, 2), "gemm": (95, 3)},
    "readys_lu": {"getrf": (18, 11), "trsm_l": (52, 8), "trsm_u": (52, 8), "gemm": (95, 3)},
    "readys_qr": {"geqrt": (4, 3), "unmqr": (6, 1), "tsqrt": (6, 3), "tsmqr": (10, 1)},
}
MEASURED = {    # potrf, trsm, syrk, gemm in us; lu uses them with `SAME_TIMES`
    "k40_320": ((439, 3294), (768, 444), (797, 29), (1594, 57)),
    "k40_640": ((2799, 5241), (5277, 1195), (5738, 131), (11477, 263)),
    "k40_960": ((7379, 8245), (17758, 2020), (17470, 375), (34940, 749)),
    "k40_1440": ((18423, 28750), (60852, 5488), (56021, 1301), (112042, 2601)),
    "m2070_960": ((18850, 5475), (45647, 6406), (43890, 1410), (87780, 2821)),
    "v100_128": ((141, 85), (75, 44), (72, 32), (90, 11)),
    "v100_512": ((2000, 402), (3186, 249), (3146, 115), (5622, 87)),
    "v100_1024": ((16220, 1185), (22206, 917), (23363, 419), (41369, 446)),
}


@dataclass(frozen=True, eq=False)
class KernelTimes:
    """Times of the kinds of one algorithm: unit, and ticks as (kinds, 2)."""

    unit: str
    duration: np.ndarray


def kernel_times(table: str, algorithm: str, kinds: Sequence[str]) -> KernelTimes:
    """The times of a table for the kinds of an algorithm, in their order."""
    unit, times = _table(table, algorithm)
    per_unit = factor(unit)
    rows = [[ticks(t, per_unit) for t in times[_known(kind, times)]] for kind in kinds]
    return KernelTimes(unit, np.array(rows, np.int64))


def _table(table: str, algorithm: str) -> tuple[str, dict[str, tuple[float, float]]]:
    tables = [name for name in OWN if name.endswith(f"_{algorithm}")]
    tables += MEASURED if algorithm in ("cholesky", "lu") else []
    if table not in tables:
        raise ScenarioError(f"no kernel times '{table}'", f"{algorithm}: table",
                            nearest(table, tables))
    if table in OWN:
        return "1", OWN[table]
    return "us", dict(zip(CHOLESKY, MEASURED[table], strict=True))


def _known(kind: str, times: dict[str, tuple[float, float]]) -> str:
    return kind if kind in times else SAME_TIMES[kind]
