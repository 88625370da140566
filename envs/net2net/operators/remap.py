"""How the units of one axis change: what a new unit copies, and how old ones are shared."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Remap:
    """New units of an axis out of old ones.

    Values at the axis are copied by `pick`; what reads them is spread by shares, so that the sum
    over the units stays as it was.
    """

    old: int                # units before
    pick: Tensor            # (new,) i8: the old unit that a new one copies
    source: Tensor          # (pairs,) i8: old unit of a share
    target: Tensor          # (pairs,) i8: new unit of a share
    share: Tensor           # (pairs,) f8

    @classmethod
    def widening(cls, index_map: Tensor, split: Tensor, old: int) -> Remap:
        """New unit i copies `index_map[i]` and takes the share `split[i]` of it."""
        return cls(old, index_map, index_map, torch.arange(len(index_map)), split)

    @classmethod
    def merging(cls, index_map: Tensor) -> Remap:
        """Old units of the same `index_map[i]` become one; the first of them stays."""
        old, new = len(index_map), int(index_map.max()) + 1
        first = torch.full((new,), old).scatter_reduce(0, index_map, torch.arange(old), "amin")
        return cls(old, first, torch.arange(old), index_map, torch.ones(old, dtype=torch.float64))

    @classmethod
    def identity(cls, units: int) -> Remap:
        """Nothing changes."""
        every = torch.arange(units)
        return cls(units, every, every, every, torch.ones(units, dtype=torch.float64))

    @classmethod
    def joined(cls, parts: Sequence[Remap]) -> Remap:
        """The axis of a concatenation."""
        olds, news = _starts([p.old for p in parts]), _starts([p.new for p in parts])
        return cls(sum(p.old for p in parts),
                   torch.cat([p.pick + o for p, o in zip(parts, olds, strict=True)]),
                   torch.cat([p.source + o for p, o in zip(parts, olds, strict=True)]),
                   torch.cat([p.target + n for p, n in zip(parts, news, strict=True)]),
                   torch.cat([p.share for p in parts]))

    @property
    def new(self) -> int:
        """Units after."""
        return len(self.pick)

    def repeated(self, times: int) -> Remap:
        """Each unit stands for `times` neighbours, as a channel does for its flattened pixels."""
        def wide(units: Tensor) -> Tensor:
            return (units[:, None] * times + torch.arange(times)).flatten()
        return Remap(self.old * times, wide(self.pick), wide(self.source), wide(self.target),
                     self.share.repeat_interleave(times))

    def segment(self, low: int, high: int) -> Remap | None:
        """The part of a joined axis that held units low..high-1; None where it lies scattered."""
        own = torch.nonzero((self.pick >= low) & (self.pick < high)).flatten()
        start = int(own[0]) if len(own) else 0
        inside = (self.source >= low) & (self.source < high)
        target = self.target[inside] - start
        scattered = not len(own) or int(own[-1]) - start + 1 != len(own)
        if scattered or bool(((target < 0) | (target >= len(own))).any()):
            return None
        return Remap(high - low, self.pick[own] - low, self.source[inside] - low, target,
                     self.share[inside])

    def copy(self, tensor: Tensor, dim: int) -> Tensor:
        """Every new unit takes what its original has."""
        return tensor.index_select(dim, self.pick.to(tensor.device))

    def spread(self, tensor: Tensor, dim: int) -> Tensor:
        """Every new unit takes the sum of its shares."""
        view = [-1 if d == dim else 1 for d in range(tensor.dim())]
        share = self.share.to(tensor).view(view)
        size = (*tensor.shape[:dim], self.new, *tensor.shape[dim + 1:])
        shares = tensor.index_select(dim, self.source.to(tensor.device)) * share
        return tensor.new_zeros(size).index_add_(dim, self.target.to(tensor.device), shares)

    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return self.same(Remap.identity(self.old))

    def same(self, other: Remap) -> bool:
        """Whether both say the same."""
        return self.old == other.old and all(
            torch.equal(a, b) for a, b in zip(self._tensors(), other._tensors(), strict=True))

    def balanced(self, groups: int) -> bool:
        """Whether the mean over each of so many groups of equal units stays as it is."""
        if self.old % groups or self.new % groups:
            return False
        here, there = self.source // (self.old // groups), self.target // (self.new // groups)
        return torch.equal(here, there) and all(
            bool((torch.bincount(units, minlength=count).view(groups, -1).diff() == 0).all())
            for units, count in ((self.source, self.old), (self.target, self.new)))

    def _tensors(self) -> tuple[Tensor, ...]:
        return self.pick, self.source, self.target, self.share


def _starts(sizes: Sequence[int]) -> list[int]:
    return [sum(sizes[:i]) for i in range(len(sizes))]
