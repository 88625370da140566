"""The task graph of a PyTorch model: one task per call of its torch.fx trace.

    graph = graph_of(model, torch.zeros(32, 784))

Durations are roofline figures of two devices, not measurements.
"""
from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp, TensorMetadata

from envs.core.errors import TraceError
from envs.dag.formats.draft import Draft
from envs.dag.graph import Graph, cleaned

CALLS = ("call_module", "call_function", "call_method")
PRODUCTS = ("matmul", "bmm")
VIEWS = ("flatten", "Flatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze",
         "getitem", "contiguous", "Identity", "Dropout")     # Dropout: the model runs in eval mode


@dataclass(frozen=True)
class Roofline:
    """A device: a call takes launch_s + max(flops / flops_per_s, bytes / bytes_per_s)."""

    launch_s: float
    flops_per_s: float
    bytes_per_s: float

    def seconds(self, flops: float, size: float) -> float:
        """Duration of a call."""
        return self.launch_s + max(flops / self.flops_per_s, size / self.bytes_per_s)


CPU = Roofline(2e-6, 5e10, 2e10)
GPU = Roofline(1e-5, 7e12, 4.5e11)


def graph_of(model: nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...],
             cpu: Roofline = CPU, gpu: Roofline = GPU, name: str = "") -> Graph:
    """The graph of a model in eval mode on an example input (a tensor, or one per argument).

    Tensors are tiles: inputs, parameters and buffers lie on the host, results are written.
    """
    traced = _traced(model, example if isinstance(example, tuple) else (example,))
    draft = Draft(name or cleaned(type(model).__name__), "s", source=name)
    for node in traced.graph.nodes:
        if node.op in CALLS:
            operands = _operands(traced, node)
            for tile, (size, _) in operands.items():
                if tile not in draft.tiles:
                    draft.tile(tile, size)
            flops, size = _work(traced, node, sum(size for size, _ in operands.values()))
            draft.task(node.name, _kind(traced, node),
                       {"cpu": cpu.seconds(flops, size), "gpu": gpu.seconds(flops, size)},
                       [(tile, mode) for tile, (_, mode) in operands.items()])
    return draft.graph()


def _traced(model: nn.Module, example: tuple[torch.Tensor, ...]) -> fx.GraphModule:
    """The trace of a copy, with the shape of every result."""
    try:
        traced = fx.symbolic_trace(copy.deepcopy(model).eval())
        with torch.no_grad():
            ShapeProp(traced).propagate(*example)
    except Exception as problem:    # whatever the model's own code raises
        raise TraceError(f"cannot be traced ({str(problem).splitlines()[0]})",
                         type(model).__name__, "torch.fx follows no control flow that depends on "
                         "data; the example must fit forward()") from None
    return traced


def _operands(traced: fx.GraphModule, node: fx.Node) -> dict[str, tuple[int, str]]:
    """Tile -> (bytes, mode) in order: what flows in, parameters and buffers, the result."""
    operands = {before.name: (_bytes(before), "R") for before in node.all_input_nodes}
    if node.op == "call_module":
        operands |= {f"{node.target}.{name}": (_size(t.numel(), t.dtype), "R")
                     for name, t in _state(traced.get_submodule(node.target))}
    return {**operands, node.name: (_bytes(node), "W")}


def _state(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _result(node: fx.Node) -> TensorMetadata:
    found = node.meta.get("tensor_meta")
    if not isinstance(found, TensorMetadata):
        raise TraceError(f"the result of node '{node.name}' is not one tensor", "torch.fx",
                         "a task writes one tile; split or wrap this call in the model")
    return found


def _bytes(node: fx.Node) -> int:
    return _size(math.prod(_result(node).shape), _result(node).dtype)


def _size(count: int, dtype: torch.dtype) -> int:
    return max(1, count * dtype.itemsize)


def _kind(traced: fx.GraphModule, node: fx.Node) -> str:
    """Class of a module, or name of a function or method."""
    if node.op == "call_module":
        return type(traced.get_submodule(node.target)).__name__
    return node.target if node.op == "call_method" else node.target.__name__


def _work(traced: fx.GraphModule, node: fx.Node, size: int) -> tuple[int, int]:
    """Floating-point operations of a call and bytes that it moves, `size` at most."""
    kind, results = _kind(traced, node), math.prod(_result(node).shape)
    if kind in VIEWS:
        return 0, 0
    if kind in PRODUCTS:
        return 2 * results * _result(node.all_input_nodes[0]).shape[-1], size
    module: Any = traced.get_submodule(node.target) if node.op == "call_module" else None
    if isinstance(module, nn.Linear):
        return 2 * results * module.in_features, size
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        inner = module.in_channels // module.groups * math.prod(module.kernel_size)
        return 2 * results * inner, size
    return results, size
