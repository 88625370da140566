"""What a change of width reaches: who makes the units, who carries them on, who reads them."""
from __future__ import annotations

import math
from dataclasses import dataclass, replace

from torch import fx

from envs.net2net.operators.draft import Draft
from envs.net2net.operators.kinds import reads_rows_only
from envs.net2net.operators.nodes import (
    axis_after_mean,
    is_depthwise,
    parts_of,
    require_plain,
    unknown,
    unlike,
)
from envs.net2net.operators.refused import Refused, Unbalanced
from envs.net2net.operators.remap import Remap

PASSING = ("activation", "pool", "same", "mean", "batchnorm")
GROUPING = ("groupnorm", "layernorm")
BALANCE = "GroupNorm needs a whole multiple of the width"


@dataclass(frozen=True)
class Units:
    """The units of a value, along one of its axes."""

    remap: Remap
    axis: int

    def same(self, other: Units | None) -> bool:
        """Whether both say the same."""
        return other is not None and self.axis == other.axis and self.remap.same(other.remap)


class Region:
    """The nodes that change with the width of `producers`; raises `Refused`."""

    def __init__(self, draft: Draft, target: fx.Node, remap: Remap):
        self.draft = draft
        self.producers = {target: remap}
        self._sweep()

    @property
    def grouped(self) -> bool:
        """Whether the units are normalised in groups."""
        return any(self.draft.kind(node) in GROUPING for node in self.carried)

    def _sweep(self) -> None:
        """Go down the graph; start again where an addition needs another producer to follow."""
        known = -1
        while known < len(self.producers):
            known = len(self.producers)
            self.units: dict[fx.Node, Units] = {}
            self.carried: dict[fx.Node, Remap] = {}
            self.consumers: dict[fx.Node, Remap] = {}
            for node in self.draft.module.graph.nodes:
                self._visit(node)
                if len(self.producers) > known:
                    break

    def _visit(self, node: fx.Node) -> None:
        read = next((self.units[n] for n in node.all_input_nodes if n in self.units), None)
        if read is not None:
            made = self._read(node, read)
            if made is not None:
                self.units[node] = made
        if node in self.producers:
            axis = 1 if self.draft.kind(node) == "conv" else len(self.draft.shapes[node]) - 1
            self.units[node] = Units(self.producers[node], axis)

    def _read(self, node: fx.Node, read: Units) -> Units | None:
        kind = self.draft.kind(node)
        if kind == "output":
            raise Refused("output units are fixed", node.all_input_nodes[0].name,
                          "choose another layer")
        if kind == "dropout":
            raise Refused("dropout would mask copies apart", node.name, "widen another layer")
        if kind in ("conv", "linear"):
            return self._layer(node, kind, read)
        if kind in PASSING:
            return self._passed(node, kind, read)
        if kind in GROUPING:
            return self._grouped(node, kind, read)
        if kind == "flatten":
            return self._flattened(node, read)
        if kind == "size" and reads_rows_only(node):
            return None
        if kind == "add":
            return self._added(node, read)
        if kind == "concat":
            return self._concatenated(node, read)
        raise unknown(self.draft, node)

    def _layer(self, node: fx.Node, kind: str, read: Units) -> Units | None:
        if read.axis != (1 if kind == "conv" else len(self.draft.shapes[node]) - 1):
            raise unknown(self.draft, node)
        if kind == "conv" and is_depthwise(self.draft.layer(node)):
            self.carried[node] = read.remap
            return read
        require_plain(self.draft, node)
        self.consumers[node] = read.remap
        return None

    def _passed(self, node: fx.Node, kind: str, read: Units) -> Units:
        layer, axis = self.draft.layer(node), read.axis
        if kind == "batchnorm" or getattr(layer, "num_parameters", 1) > 1:
            if axis != 1:
                raise unknown(self.draft, node)
            self.carried[node] = read.remap
        if kind == "pool" and (axis != 1 or len(self.draft.shapes[node]) < 3):
            raise unknown(self.draft, node)
        if kind == "mean":
            axis = axis_after_mean(self.draft, node, axis)
        return replace(read, axis=axis)

    def _grouped(self, node: fx.Node, kind: str, read: Units) -> Units:
        layer, rank = self.draft.layer(node), len(self.draft.shapes[node])
        over = rank - len(layer.normalized_shape) if kind == "layernorm" else 1
        if over != read.axis:
            raise unknown(self.draft, node)
        if not read.remap.balanced(layer.num_groups if kind == "groupnorm" else 1):
            raise Unbalanced(BALANCE.replace("GroupNorm", type(layer).__name__), node.name,
                             "choose a multiple, and equal numbers of copies")
        self.carried[node] = read.remap
        return read

    def _flattened(self, node: fx.Node, read: Units) -> Units:
        before, after = (self.draft.shapes[n] for n in (node.all_input_nodes[0], node))
        if len(after) != 2 or (read.axis != 1) or after[0] != before[0]:
            raise unknown(self.draft, node)
        return Units(read.remap.repeated(math.prod(before[2:])), 1)

    def _added(self, node: fx.Node, read: Units) -> Units:
        shapes = self.draft.shapes
        for term in node.args[:2]:
            if shapes[term] != shapes[node]:
                raise Refused("unknown operation: an addition that broadcasts", node.name,
                              "widen another layer")
            if term not in self.units:
                known = len(self.producers)
                self._demand(term, read)
                if len(self.producers) == known:
                    raise unlike(node)
            elif not read.same(self.units[term]):
                raise unlike(node)
        return read

    def _concatenated(self, node: fx.Node, read: Units) -> Units:
        axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        rank = len(self.draft.shapes[node])
        if axis % rank != read.axis:
            raise unknown(self.draft, node)
        parts = [self.units[n].remap if n in self.units
                 else Remap.identity(self.draft.shapes[n][read.axis]) for n in parts_of(node)]
        return Units(Remap.joined(parts), read.axis)

    def _demand(self, node: fx.Node, wanted: Units) -> None:
        """Have the producers above a term of an addition widen as its other term does."""
        kind = self.draft.kind(node)
        if kind in ("conv", "linear") and not (kind == "conv"
                                               and is_depthwise(self.draft.layer(node))):
            require_plain(self.draft, node)
            self.producers[node] = wanted.remap
        elif kind == "concat":
            self._demand_parts(node, wanted)
        elif kind == "input":
            raise Refused("output units are fixed", node.name, "they belong to the input")
        elif kind in ("conv", *PASSING, *GROUPING, "add", "flatten"):
            if not self._keeps_units(node, kind, wanted):
                raise unlike(node)
            for above in node.all_input_nodes:
                if above not in self.units and self.draft.kind(above) != "size":
                    self._demand(above, wanted)
        else:
            raise unknown(self.draft, node)

    def _keeps_units(self, node: fx.Node, kind: str, wanted: Units) -> bool:
        """Whether the units of a value are those of the value above it, on the same axis."""
        if kind == "mean":
            return axis_after_mean(self.draft, node, wanted.axis) == wanted.axis
        before = self.draft.shapes[node.all_input_nodes[0]]
        return kind != "flatten" or math.prod(before[2:]) == 1

    def _demand_parts(self, node: fx.Node, wanted: Units) -> None:
        start = 0
        for part in parts_of(node):
            end = start + self.draft.shapes[part][wanted.axis]
            remap = wanted.remap.segment(start, end)
            if remap is None:
                raise unlike(node)
            if part not in self.units and not remap.is_identity():
                self._demand(part, replace(wanted, remap=remap))
            start = end
