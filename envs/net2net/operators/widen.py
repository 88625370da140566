"""Wider networks by copied units."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, fx, nn

from envs.net2net.draws import STREAMS, perm, u
from envs.net2net.operators.draft import Draft, Edit, Example
from envs.net2net.operators.refused import Refused, Unbalanced
from envs.net2net.operators.region import Region
from envs.net2net.operators.remap import Remap
from envs.net2net.operators.resize import names_of, producer, resize, units_of

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
    node = producer(draft, target)
    units = units_of(draft, node)
    if width <= units:
        raise Refused(f"width {width} is not above the present {units}", target,
                      "give a larger one")

    def remap_of(copies: np.ndarray) -> Remap:
        if split is not None:
            return _remap(copies, np.asarray(split, np.float64), units)
        equal = 1 / np.bincount(copies)[copies]
        return _remap(copies, shares(copies, seed, ids) if noise is None else equal, units)

    if index_map is None:
        region = _drawn(draft, node, copied_units(units, width, seed, ids), units, remap_of)
    else:
        region = Region(draft, node, remap_of(_checked(index_map, units, width)))
    resize(draft, region)
    if noise is not None:
        _disturb(draft, region, noise, seed)
    remap = region.producers[node]
    return draft.finish(operator="widen", target=target, index_map=remap.pick.tolist(),
                        split=remap.share.tolist(), widened_together=names_of(region))


def copied_units(units: int, width: int, seed: int, ids: Sequence[int]) -> np.ndarray:
    """The default index map: a random order of the units, again and again; i8 (width,)."""
    order = perm(units, seed, STREAMS["copies"], *ids)
    return np.concatenate([np.arange(units), order[np.arange(width - units) % units]])


def shares(index_map: np.ndarray, seed: int, ids: Sequence[int]) -> np.ndarray:
    """The default split: unequal shares that sum to 1 over the copies of a unit; f8 (width,)."""
    raw = .5 + u(seed, STREAMS["shares"], *ids, np.arange(len(index_map)))
    return raw / np.bincount(index_map, raw)[index_map]


def _drawn(draft: Draft, node: fx.Node, copies: np.ndarray, units: int,
           remap_of: Callable[[np.ndarray], Remap]) -> Region:
    """The region of drawn copies; of blocks of copies where groups of units are normalised."""
    try:
        region = Region(draft, node, remap_of(copies))
    except Unbalanced:
        if len(copies) % units:
            raise
    else:
        if not region.grouped:
            return region
    return Region(draft, node, remap_of(np.arange(len(copies)) * units // len(copies)))


def _checked(index_map: Numbers, units: int, width: int) -> np.ndarray:
    copies = np.asarray(index_map, np.int64)
    if copies.shape != (width,) or set(copies.tolist()) != set(range(units)):
        raise Refused(f"the index map must name each of the {units} units in {width} entries",
                      "index_map", "copies are given by the number of their original")
    return copies


def _remap(copies: np.ndarray, split: np.ndarray, units: int) -> Remap:
    if split.shape != copies.shape or np.abs(np.bincount(copies, split) - 1).max() > 1e-9:
        raise Refused("the split must sum to 1 over the copies of each unit", "split",
                      "divide by the sum")
    return Remap.widening(torch.from_numpy(copies), torch.from_numpy(split), units)


@torch.no_grad()
def _disturb(draft: Draft, region: Region, noise: float, seed: int) -> None:
    draws = torch.Generator().manual_seed(seed)
    for node, remap in region.producers.items():
        weight = draft.layer(node).weight
        first = torch.full((remap.old,), remap.new).scatter_reduce(
            0, remap.pick, torch.arange(remap.new), "amin")
        copies = torch.ones(remap.new, dtype=torch.bool).index_fill_(0, first, False)
        rows = torch.randn(weight.shape, generator=draws, dtype=torch.float64)[copies]
        weight[copies] += noise * weight.std() * rows.to(weight)
