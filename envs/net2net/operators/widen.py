"""Wider networks by copied units, and the way back."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, fx, nn

from envs.net2net.draws import STREAMS, perm, u
from envs.net2net.operators.draft import Draft, Edit, Example
from envs.net2net.operators.refused import Refused
from envs.net2net.operators.region import Region, Unbalanced, is_depthwise, require_plain
from envs.net2net.operators.remap import Remap
from envs.net2net.operators.surgery import Columns, Rows

CARRIED = ("weight", "bias", "running_mean", "running_var")
SIZES = {"out": ("out_channels", "out_features"), "in": ("in_channels", "in_features"),
         "carried": ("num_features", "num_channels", "num_parameters", "groups", "in_channels",
                     "out_channels")}
Numbers = Sequence[float] | np.ndarray | Tensor


def widen(module: nn.Module, target: str, width: int, example: Example, *,
          index_map: Numbers | None = None, split: Numbers | None = None, seed: int = 0,
          ids: Sequence[int] = (0, 0), noise: float | None = None) -> Edit:
    """Give a layer more units, copies of those it has, whose readers share them.

    `index_map[i]` is the unit that unit i copies, `split[i]` its share of it; by default both are
    drawn with `seed` and `ids` (decision, convolution), so that copies differ. `noise` instead
    shares equally and disturbs the copies by so many standard deviations of the weights (.01; not
    exact). Raises `Refused`.
    """
    draft = Draft(module, example)
    node = _producer(draft, target)
    units = draft.shapes[node][1 if draft.kind(node) == "conv" else -1]
    if width <= units:
        raise Refused(f"width {width} is not above the present {units}", target,
                      "give a larger one")
    region, copies = _region(draft, node, units, width, index_map, split, seed, ids, noise)
    _apply(draft, region)
    if noise is not None:
        _disturb(draft, region, noise, seed)
    remap = region.producers[node]
    return draft.finish(operator="widen", target=target, index_map=copies.tolist(),
                        split=remap.share.tolist(), widened_together=_names(region))


def merge(module: nn.Module, target: str, index_map: Numbers, example: Example) -> Edit:
    """Make one unit of all units with the same entry of the index map; undoes `widen`.

    Exact while the copies compute the same. Raises `Refused`.
    """
    draft = Draft(module, example)
    node = _producer(draft, target)
    copies, units = torch.as_tensor(index_map, dtype=torch.int64), draft.shapes[node][
        1 if draft.kind(node) == "conv" else -1]
    if len(copies) != units or len(copies.unique()) != int(copies.max()) + 1:
        raise Refused(f"the index map must name {units} units, each original at least once",
                      target, "give the one that the widening reported")
    region = Region(draft, node, Remap.merging(copies))
    _apply(draft, region)
    return draft.finish(operator="merge", target=target, merged_together=_names(region))


def copied_units(units: int, width: int, seed: int, ids: Sequence[int]) -> np.ndarray:
    """The default index map: a random order of the units, again and again; i8 (width,)."""
    order = perm(units, seed, STREAMS["copies"], *ids)
    return np.concatenate([np.arange(units), order[np.arange(width - units) % units]])


def shares(index_map: np.ndarray, seed: int, ids: Sequence[int]) -> np.ndarray:
    """The default split: unequal shares that sum to 1 over the copies of a unit; f8 (width,)."""
    raw = .5 + u(seed, STREAMS["shares"], *ids, np.arange(len(index_map)))
    return raw / np.bincount(index_map, raw)[index_map]


def _producer(draft: Draft, target: str) -> fx.Node:
    node = draft.node(target)
    if draft.kind(node) not in ("conv", "linear"):
        raise Refused("is no convolution or linear layer", target, "name one")
    if draft.kind(node) == "conv" and is_depthwise(draft.layer(node)):
        raise Refused("depthwise convolution follows its producer; widen the producer", target)
    require_plain(draft, node)
    return node


def _region(draft: Draft, node: fx.Node, units: int, width: int, index_map: Numbers | None,
            split: Numbers | None, seed: int, ids: Sequence[int],
            noise: float | None) -> tuple[Region, np.ndarray]:
    """The region of the given or drawn copies; behind a GroupNorm each unit has as many."""
    given = copied_units(units, width, seed, ids) if index_map is None else np.asarray(
        index_map, np.int64)
    for copies in (given, np.arange(width) * units // width):
        remap = _remap(copies, split, units, width, seed, ids, noise)
        try:
            return Region(draft, node, remap), copies
        except Unbalanced:
            if index_map is not None or width % units or copies is not given:
                raise
    raise AssertionError


def _remap(copies: np.ndarray, split: Numbers | None, units: int, width: int, seed: int,
           ids: Sequence[int], noise: float | None) -> Remap:
    if copies.shape != (width,) or set(copies.tolist()) != set(range(units)):
        raise Refused(f"the index map must name each of the {units} units in {width} entries",
                      "index_map", "copies are given by the number of their original")
    if split is None:
        split = shares(copies, seed, ids) if noise is None else 1 / np.bincount(copies)[copies]
    split = np.asarray(split, np.float64)
    if split.shape != (width,) or np.abs(np.bincount(copies, split) - 1).max() > 1e-9:
        raise Refused("the split must sum to 1 over the copies of each unit", "split",
                      "divide by the sum")
    return Remap.widening(torch.from_numpy(copies), torch.from_numpy(split), units)


def _apply(draft: Draft, region: Region) -> None:
    for node in {**region.producers, **region.carried, **region.consumers}:
        draft.own(node)
    for node, remap in region.producers.items():
        for name in ("weight", "bias"):
            draft.change(node, name, Rows(remap))
        _resize(draft, node, "out", remap.new)
    for node, remap in region.carried.items():
        for name in CARRIED:
            draft.change(node, name, Rows(remap))
        _resize(draft, node, "carried", remap.new)
    for node, remap in region.consumers.items():
        draft.change(node, "weight", Columns(remap))
        _resize(draft, node, "in", remap.new)


def _resize(draft: Draft, node: fx.Node, side: str, size: int) -> None:
    layer = draft.layer(node)
    for name in SIZES[side]:
        if hasattr(layer, name):
            setattr(layer, name, size)
    if hasattr(layer, "normalized_shape"):
        layer.normalized_shape = (size, *layer.normalized_shape[1:])


@torch.no_grad()
def _disturb(draft: Draft, region: Region, noise: float, seed: int) -> None:
    draws = torch.Generator().manual_seed(seed)
    for node, remap in region.producers.items():
        weight = draft.layer(node).weight
        first = torch.full((remap.old,), remap.new).scatter_reduce(
            0, remap.pick, torch.arange(remap.new), "amin")
        copies = torch.ones(remap.new, dtype=torch.bool).index_fill_(0, first, False)
        rows = torch.randn(weight.shape, generator=draws, dtype=torch.float64)[copies]
        weight[copies] += (noise * weight.std() * rows.to(weight))


def _names(region: Region) -> list[str]:
    return sorted(n.target for n in region.producers)
