"""What `scripts/import_trace.py env=blis` does."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envs.blis.generator.measure import describe
from envs.blis.replay import read_trace, write_trace
from envs.core.options import as_number

KEYS = ("default_slo_ms", "rename", "time_scale", "qos_levels")


def run(keys: Any) -> Iterator[str]:
    """Read, check, write; lines for a person."""
    as_number(keys.time_scale, "time_scale", low=1e-9, high=1e9)
    trace = read_trace(keys.source, default_slo_ms=keys.default_slo_ms, rename=keys.rename,
                       qos_levels=keys.qos_levels, time_scale=keys.time_scale)
    write_trace(trace, keys.out)
    yield describe(trace)
    yield f"wrote {keys.out} ({keys.out.stat().st_size / 1000:.0f} kB)"
