"""Synthetic graphs: a structure with random durations, and payloads or tiles on its edges."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from envs.core.errors import ScenarioError
from envs.core.philox import fixed, uniforms
from envs.dag.generator.structures import Structure
from envs.dag.graph import READ, WRITE, Graph

COSTS, PAYLOADS = 3, 4      # streams


def with_costs(
    structure: Structure, name: str, *, seed: int = 0, types: Sequence[str] = ("cpu", "gpu"),
    wmin: int = 10, wmax: int = 100, beta: float = 1.0, speedup: Sequence[float] = (1.0, 20.0),
    ccr: float = 1.0, data: str = "edges",
) -> Graph:
    """The graph of a structure in unit 1; `data` edges (payloads) or tiles (one per task)."""
    if wmax < wmin or len(speedup) != 2 or speedup[1] < speedup[0]:
        raise ScenarioError("a range must not end before it begins", f"{name}: wmin, wmax, speedup")
    i = np.arange(structure.n)
    work = wmin + np.floor(uniforms(seed, COSTS, i) * (wmax - wmin + 1))
    duration = np.stack([_duration(work, seed, x, beta, speedup) for x in range(len(types))], 1)
    largest = 2 * ccr * ((wmin + wmax) / 2)     # bytes
    columns = _tiles(structure, seed, largest) if data == "tiles" else {
        "listed": structure.edges, "listed_payload": _payloads(structure, seed, largest)}
    return Graph.from_columns(name, unit="1", ids=tuple(map(str, range(structure.n))), types=types,
                              duration=duration, **columns)


def _duration(work: np.ndarray, seed: int, x: int, beta: float,
              speedup: Sequence[float]) -> np.ndarray:
    i, (low, high) = np.arange(len(work)), speedup
    varied = work * (1 - beta / 2 + beta * uniforms(seed, COSTS, i, 1, x))
    factor = fixed(low * (high / low) ** uniforms(seed, COSTS, i, 2, x)) if x else 1.0
    return np.maximum(1, np.floor(varied / factor + 0.5)).astype(np.int64)


def _payloads(structure: Structure, seed: int, largest: float) -> np.ndarray:
    i, j = structure.edges.T
    return np.floor(largest * uniforms(seed, PAYLOADS, i, j, 0) + 0.5).astype(np.int64)


def _tiles(structure: Structure, seed: int, largest: float) -> dict:
    """Task i reads the tiles of its predecessors, then writes `o_<i>`."""
    i, (src, dst) = np.arange(structure.n), structure.edges.T
    tile, owner = np.concatenate([src, i]), np.concatenate([dst, i])
    mode = np.repeat(np.int8([READ, WRITE]), [len(src), len(i)])
    place = np.lexsort((tile, mode, owner))
    size = np.floor(largest * uniforms(seed, PAYLOADS, i, i, 1) + 0.5).astype(np.int64)
    return {"tiles": tuple(f"o_{k}" for k in i.tolist()), "tile_bytes": np.maximum(1, size),
            "operand_first": np.append(0, np.cumsum(np.bincount(owner, minlength=len(i)))),
            "operand_tile": tile[place], "operand_mode": mode[place]}



def synthetic(build: Callable[..., Structure]) -> Callable[..., Graph]:
    """The generator of a structure: its parameters, those of `with_costs`, and one seed."""
    own = inspect.signature(build).parameters
    costs = list(inspect.signature(with_costs).parameters.values())[2:]
    sizes = [name for name, p in own.items() if p.default is p.empty]

    def generate(**parameters: Any) -> Graph:
        shape = {name: parameters[name] for name in own if name in parameters}
        rest = {k: v for k, v in parameters.items() if k not in own or k == "seed"}
        name = "_".join([build.__name__, *(str(parameters[size]) for size in sizes)])
        return with_costs(build(**shape), name, **rest)

    shown = [p.replace(kind=p.KEYWORD_ONLY) for p in own.values() if p.name != "seed"]
    generate.__signature__ = inspect.Signature([*shown, *costs])
    generate.__doc__ = build.__doc__
    return generate
