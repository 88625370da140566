"""Device counts, one change per action: families bid what a device adds to the requests they serve.

The network learns the demand of every family, how uncertain it is, and how eagerly devices change
hands. A free device goes where it adds most; while a type has none, the best bid for one more is
its price, and a family releases what it needs less than that. Weights fit any cluster.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from agents.networks.categorical import NEVER, Distribution, draw
from agents.networks.marginal import LEAST, Demand, served
from agents.networks.network import Network, NetworkConfig, compress, layers, setting

FEATURES = 5


@dataclass(frozen=True)
class PricingConfig(NetworkConfig):
    """`gain` sharpens the choice, `stay` and `worth` are the head start of changing nothing."""

    hidden: int = setting(32, 1, 1024)
    gain: float = setting(3000.0, 1, 1e6)
    stay: float = setting(6.0, -20, 40)
    worth: float = setting(0.001, 0, 1)         # least improvement, as a share of the demand
    headroom: float = setting(1.1, 0.1, 10)     # expected demand / arrivals, at first
    spread: float = setting(0.2, 0.01, 2)       # deviation of the demand / its mean, at first
    release: float = setting(0.6, 0.0, 1.0)     # price of a device / best bid, at first


class CountChange(Distribution):
    """Change nothing, or set one family's count of one (level, type) column."""

    def __init__(self, logits: Tensor, counts: Tensor):
        """`logits` (B, 1 + K C M) of nothing and of (family, column, count); `counts` (B, K, C)."""
        self.logp, self.counts = logits.log_softmax(-1), counts.round().long()
        self.columns = counts.shape[2]
        self.values = (logits.shape[1] - 1) // (counts.shape[1] * self.columns)

    def _actions(self, choice: Tensor) -> Tensor:
        place = (choice - 1).clamp_min(0)
        family, rest = place // (self.columns * self.values), place % (self.columns * self.values)
        row = torch.arange(len(choice), device=choice.device)
        counts = self.counts[row, family].clone()
        column = rest // self.values
        changed = torch.where(choice > 0, rest % self.values, counts[row, column])
        counts[row, column] = changed
        return torch.cat([family[:, None], counts], 1)

    def _choice(self, actions: Tensor) -> Tensor:
        family, counts = actions[:, 0].long(), actions[:, 1:].long()
        row = torch.arange(len(actions), device=actions.device)
        differs = counts != self.counts[row, family]
        column = differs.long().argmax(1)
        place = (family * self.columns + column) * self.values + counts[row, column]
        return torch.where(differs.any(1), 1 + place, 0)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One action per row."""
        return self._actions(draw(self.logp, generator))

    def mode(self) -> Tensor:
        """The most probable change."""
        return self._actions(self.logp.argmax(-1))

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log-probability of each row's change."""
        return self.logp.gather(1, self._choice(actions)[:, None])[:, 0]

    def entropy(self) -> Tensor:
        """Entropy of each row in nats."""
        return -(self.logp.exp() * self.logp).sum(-1)


class PricingNetwork(Network):
    """`sched/Blis-v0`."""

    Config = PricingConfig

    def __init__(self, config: PricingConfig):
        super().__init__(config)
        h = config.hidden
        self.encode = layers(FEATURES, h, h, activation=nn.ReLU)
        self.forecast = layers(2 * h, h, 2, last_gain=0.01)
        self.patience = layers(2 * h, 3, last_gain=0.01)
        self.critic = layers(2 * h + 2, h, 1, last_gain=1.0)
        self.log_gain = nn.Parameter(torch.tensor(math.log(config.gain)))

    def start(self, env: Any) -> None:
        """Rates of the variants that new devices get, from `env.system`."""
        system = env.system
        options = system.scenario.options
        levels, kinds = options.qos.levels, len(system.types)
        default = np.asarray(system.default_variant)                        # (K, T)
        rate = np.where(default >= 0, system.peak[np.arange(kinds), default], 0.0)
        self.families, self.columns, self.levels = len(system.families), levels * kinds, levels
        self.per_second = options.env.request_scale * 1000 / options.window_ms
        self.table("rate", np.tile(rate, levels).astype(float))             # (K, C)
        self.table("most", np.tile(np.asarray(system.count), levels).astype(float))
        self.table("slo_s", np.asarray(system.slo_ms) / 1000)
        self.table("values", np.arange(int(max(system.count)) + 1).astype(float))

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[CountChange, Tensor]:
        """One change or none, and the value; every action is legal, so no mask is needed."""
        rows, c = observation[:, :-1], self.columns
        counts = (rows[..., :c] * self.most).round()                        # (B, K, C)
        kinds = c // self.levels
        free = (observation[:, -1, :kinds] * self.most[:kinds]).round().repeat(1, self.levels)
        capacity = (counts * self.rate).sum(-1)
        context = self.contexts(rows, capacity)
        demand = self.expect(rows, context)
        pooled = context.mean(1)
        stay, worth, release = self.patience(pooled).unbind(-1)
        gain, total = self.log_gain.exp(), demand.mean.sum(1)
        table = self.worths(counts, free, capacity, demand, release) / total[:, None, None, None]
        logits = torch.where(table > NEVER / 1e6, gain * table, NEVER).flatten(1)
        stay = self.config.stay + stay + gain * self.config.worth * worth.exp()
        share = served(capacity, capacity, demand).sum(1) / total
        value = self.critic(torch.cat([pooled, torch.stack(
            [share, (total / 100).log1p()], -1)], -1)).squeeze(-1)
        return CountChange(torch.cat([stay[:, None], logits], 1), counts), value

    def contexts(self, rows: Tensor, capacity: Tensor) -> Tensor:
        """(B, K, 2H): each family beside the mean of all."""
        arrivals, failed = rows[..., -2] * self.per_second, rows[..., -1] * self.per_second
        load = arrivals / (capacity + 5)
        code = self.encode(compress(torch.stack([
            arrivals / 100, failed / (arrivals + 1), load, (capacity - arrivals) / 100,
            self.slo_s.expand_as(load)], -1))).relu()
        return torch.cat([code, code.mean(1, keepdim=True).expand_as(code)], -1)

    def expect(self, rows: Tensor, context: Tensor) -> Demand:
        """A multiple of the last window's arrivals, and a spread."""
        scale, spread = self.forecast(context).unbind(-1)
        mean = rows[..., -2] * self.per_second * self.config.headroom * scale.clamp(-3, 3).exp()
        mean = mean + LEAST
        return Demand(mean, mean * self.config.spread * spread.clamp(-3, 3).exp())

    def worths(self, counts: Tensor, free: Tensor, capacity: Tensor, demand: Demand,
               release: Tensor) -> Tensor:
        """(B, K, C, M): what each new count adds in req/s, NEVER where it cannot be had."""
        wide = Demand(*(x[..., None] for x in demand))
        before = served(capacity, capacity, demand)
        one_more = capacity[..., None] + self.rate
        bids = served(one_more, one_more, wide) - before[..., None]         # (B, K, C)
        odds = math.log(self.config.release / (1 - self.config.release + 1e-6) + 1e-6)
        price = bids.amax(1) * (release + odds).sigmoid()[:, None] * (free < 0.5)   # (B, C)
        change = self.values - counts[..., None]                            # (B, K, C, M)
        after = (capacity[..., None, None] + change * self.rate[..., None]).clamp_min(0)
        added = served(after, after, Demand(*(x[..., None, None] for x in demand)))
        worth = added - before[..., None, None] - change.clamp_max(0) * price[:, None, :, None]
        possible = (change <= free[:, None, :, None]) & (change != 0) & (
            self.rate[..., None] > 0) & (self.values <= self.most[:, None])
        return torch.where(possible, worth, NEVER)
