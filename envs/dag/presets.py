"""Accelerators by name: links and memory as measured, in the unit of the machine that uses them."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envs.core.errors import ScenarioError, nearest
from envs.dag.units import factor, is_whole

TILE_BYTES = 3_686_400      # 960 x 960 single precision
# microseconds and bytes per microsecond; k40 and m2070 from StarPU's tools/perfmodels/sampling,
# v100 an assumption for PCIe 3
PRESETS: dict[str, dict[str, Any]] = {
    "k40": {"memory": 12_079_136_768, "in": (10.3, 10_500), "out": (10.3, 10_500),
            "peer": (10.3, 10_200)},
    "m2070": {"memory": 6_000_000_000, "in": (11, 6_000), "out": (11, 6_500)},
    "v100": {"memory": 16_000_000_000, "in": (10, 12_000), "out": (10, 12_000)},
}


def worker_entry(entry: Mapping[str, Any], unit: str, place: str, where: str) -> dict[str, Any]:
    """The entry of a worker with `preset` and `memory_tiles` (of `tile_bytes`) written out."""
    out = {key: value for key, value in entry.items()
           if key not in ("preset", "memory_tiles", "tile_bytes")}
    if "preset" in entry:
        preset = _preset(entry["preset"], unit, f"{place}.preset", where)
        given = {key: _link(preset[key], unit) for key in ("in", "out")}
        out = {"memory": preset["memory"], **given, **out}
    if "memory_tiles" in entry:
        tiles, size = entry["memory_tiles"], entry.get("tile_bytes", TILE_BYTES)
        for key, value in (("memory_tiles", tiles), ("tile_bytes", size)):
            if value is not None and (not is_whole(value) or value < 1):
                raise ScenarioError(f"{place}.{key}: must be an integer >= 1 or null, "
                                    f"found {value}", where)
        out["memory"] = None if tiles is None else tiles * (size or TILE_BYTES)
    elif "tile_bytes" in entry:
        raise ScenarioError(f"{place}.tile_bytes: no effect without memory_tiles", where,
                            "remove it")
    return out


def peer_entry(value: Any, unit: str, where: str) -> Any:
    """The link between accelerators; a name stands for the one of a preset."""
    if not isinstance(value, str):
        return value
    preset = _preset(value, unit, "peer", where)
    if "peer" not in preset:
        raise ScenarioError(f"peer: no link is known for {value!r}", where,
                            "write {latency: ..., bandwidth: ...}")
    return _link(preset["peer"], unit)


def _preset(name: Any, unit: str, place: str, where: str) -> dict[str, Any]:
    if name not in PRESETS:
        raise ScenarioError(f"{place}: unknown value {name!r}", where, nearest(name, PRESETS))
    if unit == "1":
        raise ScenarioError(f"{place}: {name} is measured in time, the machine has unit '1'", where,
                            "write unit: us, or the links and memory in full")
    return PRESETS[name]


def _link(figures: tuple[float, float], unit: str) -> dict[str, float]:
    latency, bandwidth = figures
    per_us = factor(unit) / factor("us")
    return {"latency": latency if per_us == 1 else latency / per_us,
            "bandwidth": bandwidth if per_us == 1 else bandwidth * per_us}
