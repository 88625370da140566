"""Larger kernels with a ring of zeros, and the way back."""
from __future__ import annotations

from collections.abc import Sequence

from torch import fx, nn

from envs.net2net.operators.draft import Draft, Edit
from envs.net2net.operators.refused import Refused
from envs.net2net.operators.surgery import Ring


def kernel_grow(module: nn.Module, nodes: str | Sequence[str]) -> Edit:
    """Kernels of k become k + 2, zeros around them; exact. Raises `Refused`."""
    return _resized(module, nodes, 1, "kernel_grow")


def crop(module: nn.Module, nodes: str | Sequence[str]) -> Edit:
    """Kernels of k become k - 2, their outermost ring is dropped; undoes `kernel_grow`."""
    return _resized(module, nodes, -1, "crop")


def _resized(module: nn.Module, nodes: str | Sequence[str], ring: int, name: str) -> Edit:
    draft, names = Draft(module), [nodes] if isinstance(nodes, str) else list(nodes)
    for node in map(draft.node, names):
        _resize(draft, node, ring)
    return draft.finish(operator=name, nodes=names)


def _resize(draft: Draft, node: fx.Node, ring: int) -> None:
    if draft.kind(node) != "conv":
        raise Refused("is no convolution", node.name, "name one")
    layer = draft.own(node)
    kernel = tuple(side + 2 * ring for side in layer.kernel_size)
    padding = _padding(layer, ring)
    if min(kernel) < 1 or (isinstance(padding, tuple) and min(padding) < 0):
        raise Refused(f"a kernel of {layer.kernel_size} with padding {layer.padding} has no ring "
                      "to drop", node.name, "crop only what was grown")
    resized = type(layer)(
        layer.in_channels, layer.out_channels, kernel, layer.stride, padding, layer.dilation,
        layer.groups, layer.bias is not None, layer.padding_mode, device="meta")
    resized.weight, resized.bias = layer.weight, layer.bias
    resized.train(layer.training)
    draft.module.set_submodule(node.target, resized)
    draft.change(node, "weight", Ring(ring))


def _padding(layer: nn.Module, ring: int) -> str | tuple[int, ...]:
    """The padding that keeps the output where it was."""
    if layer.padding == "same":
        return "same"
    before = (0,) * len(layer.kernel_size) if layer.padding == "valid" else layer.padding
    return tuple(side + ring * step for side, step in zip(before, layer.dilation, strict=True))
