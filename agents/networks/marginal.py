"""One change at a time, scored by what it adds to accurate answers in time.

The network learns what the demand of a family will be and how uncertain that is; the rest is
arithmetic that holds for any cluster. A family with capacity C is expected to serve
E[min(demand, C)] requests a second (the newsvendor's formula), at the capacity-weighted accuracy
of its devices. A change is worth the difference that it makes, less the time of its load.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from agents.networks.categorical import NEVER, Categoricals
from agents.networks.network import Network, NetworkConfig, compress, layers, setting
from envs.core.errors import PolicyError

FAMILY, DEVICE = 10, 5      # observed columns of a family, and of a device beside its family
LEAST = 0.5                 # req/s that every family is expected to bring
SECONDS = 1000.0            # ms


@dataclass(frozen=True)
class MarginalConfig(NetworkConfig):
    """`gain` sharpens the choice, `stay` and `worth` are the head start of changing nothing."""

    hidden: int = setting(32, 1, 1024)
    gain: float = setting(6000.0, 1, 1e6)
    stay: float = setting(8.0, -20, 40)
    worth: float = setting(0.0005, 0, 1)        # least improvement, as a share of the demand
    spread: float = setting(0.2, 0.01, 2)       # deviation of the demand / its mean, at first
    amortise_s: float = setting(10.0, 0.1, 1000)    # a load is paid back over this time, at first


class Demand(NamedTuple):
    """Requests a second to come, per family."""

    mean: Tensor        # (B, K)
    deviation: Tensor   # (B, K)


class Hosted(NamedTuple):
    """What devices give their families now."""

    family: Tensor      # (B, D) index, 0 without a target
    any: Tensor         # (B, D) has a target
    rate: Tensor        # (B, D) req/s
    accurate: Tensor    # (B, D) req/s times accuracy
    capacity: Tensor    # (B, K) req/s
    weighted: Tensor    # (B, K) req/s times accuracy


class MarginalNetwork(Network):
    """`sched/BlisAccuracy-v0` with `env.action=swap`."""

    Config = MarginalConfig

    def __init__(self, config: MarginalConfig):
        super().__init__(config)
        h = config.hidden
        self.encode = layers(FAMILY + 5, h, h, activation=nn.ReLU)
        self.forecast = layers(2 * h, h, 4, last_gain=0.01)
        self.patience = layers(2 * h, 2, last_gain=0.01)
        self.critic = layers(2 * h + 2, h, 1, last_gain=1.0)
        self.log_gain = nn.Parameter(torch.tensor(math.log(config.gain)))
        self.log_amortise = nn.Parameter(torch.tensor(math.log(config.amortise_s)))

    def start(self, env: Any) -> None:
        """Rates, loads and accuracies of the pairs, from `env.system`."""
        system = env.system
        if hasattr(env.single_action_space, "nvec"):
            raise PolicyError("one change at a time needs a Discrete action", "agent.network",
                              "say env.action=swap, or agent.network=set")
        self.families, self.devices = len(system.families), len(system.device_type)
        variants = len(system.variants)
        own = [np.flatnonzero(system.variant_family == k) for k in range(self.families)]
        members = np.full((self.families + 1, max(map(len, own))), variants)
        for k, found in enumerate(own):
            members[k, :len(found)] = found
        load = np.where(np.isfinite(system.load_ms), system.load_ms, 0) / SECONDS
        self.table("members", members)              # variants of a family, V where there is none
        self.table("device_type", system.device_type)
        self.table("variant_family", system.variant_family)
        self.table("rate", padded(np.asarray(system.peak, float)))
        self.table("load_s", padded(load))
        self.table("accuracy", np.append(np.asarray(system.accuracy) / 100, 0.0))
        self.table("hostable", np.asarray(system.hostable)[system.device_type], torch.bool)
        self.table("slo_s", np.asarray(system.slo_ms) / SECONDS)

    def split(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Families (B, K, FAMILY), families of devices (B, D, K), devices (B, D, DEVICE)."""
        k, d = self.families, self.devices
        family, device, _ = observation.split([FAMILY * k, (k + DEVICE) * d, 1], 1)
        device = device.view(-1, d, k + DEVICE)
        return family.view(-1, k, FAMILY), device[..., :k], device[..., k:]

    def hosted(self, assigned: Tensor, device: Tensor) -> Hosted:
        """Capacities of families from what the devices show."""
        rate = device[..., 1] * 100
        accurate = rate * device[..., 0]
        across = assigned.transpose(1, 2)
        return Hosted(assigned.argmax(-1), assigned.sum(-1) > 0, rate, accurate,
                      (across @ rate[..., None])[..., 0], (across @ accurate[..., None])[..., 0])

    def contexts(self, family: Tensor, now: Hosted) -> Tensor:
        """(B, K, 2H): each family beside the mean of all."""
        arrivals, demand = family[..., 0], family[..., 1]
        capacity = now.capacity / 100
        derived = torch.stack([
            arrivals / (demand + 0.05), demand / (capacity + 0.05), arrivals / (capacity + 0.05),
            family[..., 6] / (demand + 0.05), self.slo_s.expand_as(arrivals)], -1)
        code = self.encode(torch.cat([compress(family), compress(derived)], -1)).relu()
        return torch.cat([code, code.mean(1, keepdim=True).expand_as(code)], -1)

    def expect(self, family: Tensor, context: Tensor) -> Demand:
        """A mean between the last window and the running average, scaled; and a spread."""
        scale, spread, blend, queue = self.forecast(context).unbind(-1)
        share = blend.sigmoid()
        base = 100 * (share * family[..., 0] + (1 - share) * family[..., 1])
        base = base + 30 * functional.softplus(queue) * family[..., 6]
        mean = base * scale.clamp(-3, 3).exp() + LEAST
        return Demand(mean, mean * self.config.spread * spread.clamp(-3, 3).exp())

    def worths(self, now: Hosted, demand: Demand) -> tuple[Tensor, Tensor]:
        """(B, D, V) what each change adds, and (B, D) what giving a device back takes away,

        as shares of the demand.
        """
        total = demand.mean.sum(1)[:, None]
        own = Demand(*(x.gather(1, now.family) for x in demand))
        capacity, weighted = now.capacity.gather(1, now.family), now.weighted.gather(1, now.family)
        before = served(capacity, weighted, own)
        left, left_weighted = capacity - now.rate, weighted - now.accurate
        lost = (before - served(left, left_weighted, own)) * now.any
        ready = (1 - self.load_s / self.log_amortise.exp()).clamp_min(0)
        rate = self.rate * ready                                            # (T, V + 1)
        gained = self._gained(now, demand, rate[:, :-1]).index_select(1, self.device_type)
        worth = functional.pad(gained - lost[..., None], (0, 1))
        index = self.members[torch.where(now.any, now.family, self.families)]       # (B, D, M)
        more = rate[self.device_type[:, None], index]
        within = served(left[..., None] + more, left_weighted[..., None]
                        + more * self.accuracy[index], Demand(*(x[..., None] for x in own)))
        worth = worth.scatter(2, index, within - before[..., None])
        return worth[..., :-1] / total[..., None], lost / total

    def _gained(self, now: Hosted, demand: Demand, rate: Tensor) -> Tensor:
        """(B, T, V): what one more device of a type adds to the family of a variant."""
        kin = Demand(*(x.index_select(1, self.variant_family)[:, None] for x in demand))
        there, weighted = (x.index_select(1, self.variant_family)[:, None]
                           for x in (now.capacity, now.weighted))
        alone = served(there, weighted, kin)
        return served(there + rate, weighted + rate * self.accuracy[:-1], kin) - alone

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[Categoricals, Tensor]:
        """One change or none, and the value."""
        family, assigned, device = self.split(observation)
        now = self.hosted(assigned, device)
        context = self.contexts(family, now)
        demand = self.expect(family, context)
        pooled = context.mean(1)
        stay, worth = self.patience(pooled).unbind(-1)
        gain = self.log_gain.exp()
        stay = self.config.stay + stay + gain * self.config.worth * worth.exp()
        added, lost = self.worths(now, demand)
        added = torch.where(self.hostable, gain * added, NEVER)
        table = torch.cat([added, -gain * lost[..., None]], -1).flatten(1)
        logits = torch.cat([stay[:, None], table], 1)
        if mask is not None:
            logits = logits.masked_fill(~mask, NEVER)
        return Categoricals(logits[:, None], discrete=True), self.value(pooled, now, demand)

    def value(self, pooled: Tensor, now: Hosted, demand: Demand) -> Tensor:
        """What the rest of the episode brings."""
        total = demand.mean.sum(1)
        share = served(now.capacity, now.weighted, demand).sum(1) / total
        facts = torch.stack([share, (total / 100).log1p()], -1)
        return self.critic(torch.cat([pooled, facts], -1)).squeeze(-1)

    def scores(self, observation: Tensor) -> Tensor:
        """One number per choice."""
        distribution, _ = self(observation)
        return distribution.logp[:, 0]


def padded(table: np.ndarray) -> np.ndarray:
    """A last column of zeros, for the variant that does not exist."""
    return np.pad(table, ((0, 0), (0, 1)))


def served(capacity: Tensor, weighted: Tensor, demand: Demand) -> Tensor:
    """Expected requests a second served, times their accuracy: E[min(demand, capacity)] * mean.

    Demand is normal; capacities are not negative, and nothing is served without one.
    """
    capacity = capacity.clamp_min(0)
    z = (capacity - demand.mean) / demand.deviation
    below = 0.5 * (1 + torch.erf(z / math.sqrt(2)))
    density = torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    amount = demand.mean * below - demand.deviation * density + capacity * (1 - below)
    return amount * torch.where(capacity > 1e-3, weighted / capacity.clamp_min(1e-3), 0.0)
