"""Questions about single nodes of a network, and refusals that name them."""
from __future__ import annotations

from torch import fx, nn

from envs.net2net.operators.draft import Draft
from envs.net2net.operators.refused import Refused


def unknown(draft: Draft, node: fx.Node) -> Refused:
    """The refusal of an operation that edits do not know."""
    return Refused(f"unknown operation {draft.operation(node)}", node.name,
                   "widen a layer that does not reach it")


def unlike(node: fx.Node) -> Refused:
    """The refusal where values meet whose units cannot be the same."""
    return Refused("the terms of an addition cannot widen alike", node.name,
                   "widen another layer")


def is_depthwise(layer: nn.Module) -> bool:
    """Whether a convolution keeps its channels apart."""
    return layer.groups > 1 and layer.groups == layer.in_channels == layer.out_channels


def require_plain(draft: Draft, node: fx.Node) -> None:
    """Refuse convolutions with groups."""
    groups = getattr(draft.layer(node), "groups", 1)
    if groups != 1:
        raise Refused(f"{groups} groups, neither 1 nor one per channel", node.name,
                      "widen another layer")


def parts_of(node: fx.Node) -> list[fx.Node]:
    """The values that a concatenation joins, in order."""
    return list(node.args[0] if node.args else node.kwargs["tensors"])


def axis_after_mean(draft: Draft, node: fx.Node, axis: int) -> int:
    """Where the axis of the units lies after a mean over others."""
    given = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    rank = len(draft.shapes[node.all_input_nodes[0]])
    over = {d % rank for d in ((given,) if isinstance(given, int) else given or range(rank))}
    if axis in over:
        raise unknown(draft, node)
    keep = len(draft.shapes[node]) == rank
    return axis if keep else axis - sum(d < axis for d in over)
