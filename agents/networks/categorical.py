"""Discrete and MultiDiscrete actions as one masked, factored categorical.

All parts go through one log-softmax over a padded table; a list of categoricals, one for each
part, costs a multiple of it.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

NEVER = -1e9        # log-probability of a masked choice; finite, so that 0 * log 0 is 0


def draw(logp: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A draw from the categorical of the last axis, by its running sum; never a masked choice."""
    reached = logp.exp().cumsum(-1)
    place = 1 - torch.rand(logp.shape[:-1], generator=generator, device=logp.device)   # in (0, 1]
    return (reached < (place * reached[..., -1])[..., None]).sum(-1)


class Distribution:
    """What a network says about the actions of a batch."""

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One action per row."""
        raise NotImplementedError

    def mode(self) -> Tensor:
        """The action that the network prefers."""
        raise NotImplementedError

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log-probability of each row's action."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """Entropy of each row in nats."""
        raise NotImplementedError


class Categoricals(Distribution):
    """Independent choices: `logits` (B, parts, width), NEVER where a choice does not exist."""

    def __init__(self, logits: Tensor, discrete: bool):
        self.logp, self.discrete = logits.log_softmax(-1), discrete

    def _shaped(self, actions: Tensor) -> Tensor:
        return actions[:, 0] if self.discrete else actions

    def probabilities(self) -> Tensor:
        """Of every action of a Discrete space (B, A)."""
        return self.logp[:, 0].exp()

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One action per row."""
        return self._shaped(draw(self.logp, generator))

    def mode(self) -> Tensor:
        """The most probable choice of every part."""
        return self._shaped(self.logp.argmax(-1))

    def log_prob(self, actions: Tensor) -> Tensor:
        """Sum over the parts."""
        chosen = actions.long().reshape(len(self.logp), -1, 1)
        return self.logp.gather(-1, chosen).sum((-1, -2))

    def entropy(self) -> Tensor:
        """Sum over the parts."""
        return -(self.logp.exp() * self.logp).sum((-1, -2))


class Choices:
    """The parts of an action space and where each choice stands in a flat row of logits."""

    def __init__(self, space):
        self.discrete = not hasattr(space, "nvec")
        self.sizes = [int(space.n)] if self.discrete else [int(n) for n in space.nvec]
        self.flat, self.width = sum(self.sizes), max(self.sizes)
        first = np.cumsum([0, *self.sizes[:-1]])
        place = np.arange(self.width)[None, :]
        exists = place < np.array(self.sizes)[:, None]
        self.even = bool(exists.all())
        self._index = torch.as_tensor(np.where(exists, first[:, None] + place, 0))
        self._absent = torch.as_tensor(~exists)

    def table(self, flat: Tensor, absent: float | bool) -> Tensor:
        """Rows (B, flat) as (B, parts, width) with `absent` in the padding."""
        if self.even:
            return flat.reshape(len(flat), len(self.sizes), self.width)
        padded = flat[:, self._index.to(flat.device)]
        return padded.masked_fill(self._absent.to(flat.device), absent)

    def distribution(self, logits: Tensor, mask: Tensor | None) -> Categoricals:
        """The masked factored categorical of flat logits (B, flat)."""
        table = self.table(logits, NEVER)
        if mask is not None:
            table = table.masked_fill(~self.table(mask.bool(), False), NEVER)
        return Categoricals(table, self.discrete)


class KeepOrChange(Categoricals):
    """Choices one of which changes nothing: whether to change, then to what.

    `odds` (B, parts) are the log-odds of keeping, whatever the number of alternatives. The
    preferred action changes as many parts as are expected to change, the likeliest first: where
    one of many equal parts should change, no single one of them would by its own majority.
    """

    def __init__(self, scores: Tensor, legal: Tensor, keep: Tensor, odds: Tensor, discrete: bool):
        self.keep = keep
        place = keep[..., None]
        others = legal.bool().expand_as(scores).scatter(-1, place, False)
        change = scores.masked_fill(~others, NEVER).log_softmax(-1).masked_fill(~others, NEVER)
        super().__init__(change.scatter(-1, place, odds[..., None]), discrete)

    def mode(self) -> Tensor:
        """The expected number of changes, each the most probable one of its part."""
        place = self.keep[..., None]
        change = 1 - self.logp.gather(-1, place).squeeze(-1).exp()
        order = torch.argsort(change, dim=-1, descending=True, stable=True)
        rank = order.argsort(-1)
        chosen = (rank < change.sum(-1, keepdim=True).round()) & (change > 0)
        best = self.logp.scatter(-1, place, 2 * NEVER).argmax(-1)
        return self._shaped(torch.where(chosen, best, self.keep))
