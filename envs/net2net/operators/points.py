"""Where a block may be inserted, and the form that it has there."""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch import fx, nn

from envs.net2net.operators.draft import Draft
from envs.net2net.operators.refused import Refused

IDEMPOTENT = {"relu": (0.0, math.inf), "relu6": (0.0, 6.0)}     # fixed points of activations
KEEPING = ("pool", "flatten", "mean", "same")      # values stay between the bounds of their input
ANY = (-math.inf, math.inf)


@dataclass(frozen=True)
class Form:
    """What a new block is made of."""

    channels: int
    kernel: tuple[int, ...]             # () for a linear layer
    bias: bool
    batchnorm: nn.Module | None         # the one to take after
    activation: fx.Node
    like: nn.Module                     # the nearest producer: dtype and device


def form_at(draft: Draft, node: fx.Node) -> Form:
    """The form of a block after a node."""
    producers, norms = _above(draft, node)
    activation = activation_above(draft, node)
    if not producers or activation is None:
        raise Refused("no convolution or linear layer above" if activation else
                      "no activation above", node.name, "choose a later node")
    layers = [draft.layer(p) for p in producers]
    shape = draft.shapes[node]
    pixels = len(shape) - 2 if any(draft.kind(p) == "conv" for p in producers) else 0
    kernel = _kernel(layers, pixels, node)
    return Form(shape[1] if pixels else shape[-1], kernel,
                any(layer.bias is not None for layer in layers),
                draft.layer(norms[0]) if norms and pixels else None, activation, layers[0])


def _kernel(layers: list[nn.Module], pixels: int, node: fx.Node) -> tuple[int, ...]:
    """The largest sides of the producers' kernels; () where the value has no pixels."""
    sides = [layer.kernel_size for layer in layers if hasattr(layer, "kernel_size")]
    if not pixels:
        return ()
    if any(len(kernel) != pixels for kernel in sides):
        raise Refused("the value has not the pixels of its convolutions", node.name,
                      "choose another node")
    kernel = tuple(map(max, *sides)) if len(sides) > 1 else sides[0]
    if any(side % 2 == 0 for side in kernel):
        raise Refused(f"a kernel of {kernel} has no middle", node.name, "use odd kernels")
    return kernel


def require_fixed_point(draft: Draft, node: fx.Node) -> None:
    """Refuse a node whose value the activation above it would change."""
    activation = activation_above(draft, node)
    name = draft.operation(activation) if activation is not None else "relu"
    if name not in IDEMPOTENT:
        raise Refused(f"activation {name} is not idempotent", node.name,
                      "use deepen_residual_zero")
    low, high = _bounds(draft, node)
    if low < IDEMPOTENT[name][0] or high > IDEMPOTENT[name][1]:
        what = "can be negative and" if low < 0 else "can exceed 6 and"
        raise Refused(f"value {what} is not a fixed point of the activation", node.name,
                      "choose a node behind the activation")


def activation_above(draft: Draft, node: fx.Node) -> fx.Node | None:
    """The node itself or the nearest one above it that is an activation."""
    return next((n for n in _upwards(node) if draft.kind(n) == "activation"), None)


def _above(draft: Draft, node: fx.Node) -> tuple[list[fx.Node], list[fx.Node]]:
    """The producers met first going up, and the batch normalisations on the way."""
    producers, norms, row, seen = [], [], [node], {node}
    while row:
        at = row.pop(0)
        kind = draft.kind(at)
        if kind in ("unknown", "size"):
            raise Refused(f"unknown operation {draft.operation(at)}", at.name,
                          "choose a node above it")
        if kind in ("conv", "linear"):
            producers.append(at)
            continue
        norms += [at] if kind == "batchnorm" else []
        fresh = [n for n in at.all_input_nodes if n not in seen and draft.kind(n) != "size"]
        seen.update(fresh)
        row += fresh
    return producers, norms


def _upwards(node: fx.Node) -> Iterator[fx.Node]:
    """Nodes that this one depends on, itself first, nearest first."""
    row, seen = [node], {node}
    while row:
        at = row.pop(0)
        yield at
        fresh = [n for n in at.all_input_nodes if n not in seen]
        seen.update(fresh)
        row += fresh


def _bounds(draft: Draft, node: fx.Node) -> tuple[float, float]:
    kind = draft.kind(node)
    if kind == "activation":
        return IDEMPOTENT.get(draft.operation(node), ANY)
    if kind not in (*KEEPING, "add", "concat"):
        return ANY
    inputs = node.all_input_nodes[:1] if kind in KEEPING else node.all_input_nodes
    below = [_bounds(draft, n) for n in (node.args[:2] if kind == "add" else inputs)]
    if kind == "add":
        return sum(low for low, _ in below), sum(high for _, high in below)
    return min(low for low, _ in below), max(high for _, high in below)
