"""Layers brought to a new width."""
from __future__ import annotations

from torch import fx

from envs.net2net.operators.draft import Draft
from envs.net2net.operators.nodes import is_depthwise, require_plain
from envs.net2net.operators.refused import Refused
from envs.net2net.operators.region import Region
from envs.net2net.operators.surgery import Columns, Rows

CARRIED = ("weight", "bias", "running_mean", "running_var")
SIZES = {"out": ("out_channels", "out_features"), "in": ("in_channels", "in_features"),
         "carried": ("num_features", "num_channels", "num_parameters", "groups", "in_channels",
                     "out_channels")}


def producer(draft: Draft, target: str) -> fx.Node:
    """The node of a layer whose width can change; raises `Refused`."""
    node = draft.node(target)
    if draft.kind(node) not in ("conv", "linear"):
        raise Refused("is no convolution or linear layer", target, "name one")
    if draft.kind(node) == "conv" and is_depthwise(draft.layer(node)):
        raise Refused("depthwise convolution follows its producer; widen the producer", target)
    require_plain(draft, node)
    return node


def units_of(draft: Draft, node: fx.Node) -> int:
    """The units that a convolution or linear layer has."""
    return draft.shapes[node][1 if draft.kind(node) == "conv" else -1]


def resize(draft: Draft, region: Region) -> None:
    """Give every layer that a change of width reaches its new values and size."""
    for node in {**region.producers, **region.carried, **region.consumers}:
        draft.own(node)
    for node, remap in region.producers.items():
        for name in ("weight", "bias"):
            draft.change(node, name, Rows(remap))
        _set_size(draft, node, "out", remap.new)
    for node, remap in region.carried.items():
        for name in CARRIED:
            draft.change(node, name, Rows(remap))
        _set_size(draft, node, "carried", remap.new)
    for node, remap in region.consumers.items():
        draft.change(node, "weight", Columns(remap))
        _set_size(draft, node, "in", remap.new)


def _set_size(draft: Draft, node: fx.Node, side: str, size: int) -> None:
    layer = draft.layer(node)
    for name in SIZES[side]:
        if hasattr(layer, name):
            setattr(layer, name, size)
    if hasattr(layer, "normalized_shape"):
        layer.normalized_shape = (size, *layer.normalized_shape[1:])


def names_of(region: Region) -> list[str]:
    """The layers whose units change together."""
    return sorted(n.target for n in region.producers)
