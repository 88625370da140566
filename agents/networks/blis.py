"""A family, then its counts given the family: weights fit any families, types, levels, counts.

A count is scored by a few basis functions of its share of the type's devices and of its distance
to the present count, so that a type of another size needs no other weights.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from agents.networks.categorical import Categoricals, Distribution, KeepOrChange, draw
from agents.networks.network import Network, NetworkConfig, compress, layers, setting

CENTRES = 6                 # bumps over the share of the type's devices
BASIS = CENTRES + 4         # and: none, one more or fewer, signed and absolute distance
PAIR = 7                    # columns of a (family, level, type)


@dataclass(frozen=True)
class BlisConfig(NetworkConfig):
    """`keep` are the log-odds at the start of keeping the present count."""

    hidden: int = setting(32, 1, 1024)
    keep: float = setting(1.0, -20, 20)


class FamilyThenCounts(Distribution):
    """Categorical over families (B, K), and for each family its counts (B K rows)."""

    def __init__(self, family: Tensor, counts: Categoricals):
        self.family, self.given = family.log_softmax(-1), counts
        self.counts = counts.logp.unflatten(0, family.shape)        # (B, K, parts, width)

    def _of(self, family: Tensor, values: Tensor) -> Tensor:
        return values[torch.arange(len(family), device=family.device), family]

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A family, then its counts."""
        family = draw(self.family, generator)
        return torch.cat([family[:, None], draw(self._of(family, self.counts), generator)], 1)

    def mode(self) -> Tensor:
        """The most probable family and the preferred counts given it."""
        family = self.family.argmax(-1)
        preferred = self.given.mode().unflatten(0, self.family.shape)
        return torch.cat([family[:, None], self._of(family, preferred)], 1)

    def log_prob(self, actions: Tensor) -> Tensor:
        """Of the family and of the counts given it."""
        actions = actions.long()
        family = actions[:, 0]
        counts = self._of(family, self.counts).gather(-1, actions[:, 1:, None]).sum((-1, -2))
        return self.family.gather(1, family[:, None]).squeeze(1) + counts

    def entropy(self) -> Tensor:
        """Exact: of the family, plus the expected entropy of the counts."""
        inner = self.given.entropy().unflatten(0, self.family.shape)
        return (self.family.exp() * (inner - self.family)).sum(-1)


class Encoded(NamedTuple):
    """Embeddings of pairs (family, level and type), families and the whole."""

    pair: Tensor        # (B, K, Q T, H)
    family: Tensor      # (B, K, H)
    context: Tensor     # (B, H)


class BlisNetwork(Network):
    """Pairs see their counts and figures, families pool them, counts are scored by a basis.

    It acts by drawing: an action is about one family, and the preferred one would be named again
    and again while the others wait.
    """

    Config = BlisConfig
    sampled = True

    def __init__(self, config: BlisConfig):
        super().__init__(config)
        h = config.hidden
        self.encode_pair = layers(PAIR, h, h, activation=nn.ReLU)
        self.encode_level = layers(3, h)
        self.encode_family = layers(2 * h + 4, h, h, activation=nn.ReLU)
        self.family_score = layers(2 * h, h, 1, last_gain=0.1, activation=nn.ReLU)
        self.count_head = layers(3 * h, h, BASIS + 1, last_gain=0.1, activation=nn.ReLU)
        self.critic = layers(2 * h, h, 1, last_gain=1.0)

    def start(self, env: Any) -> None:
        """Counts and default variants of the types from `env.system`."""
        system = env.system
        self.families, self.types = len(system.families), len(system.types)
        parts = [int(n) - 1 for n in env.single_action_space.nvec[1:]]
        self.levels = len(parts) // self.types
        self.table("limit", np.array(parts, np.float32))
        self.table("static", default_features(system, self.levels))
        self.table("family_static", np.log1p(np.asarray(system.slo_ms, np.float32) / 1000))
        choice = np.arange(max(parts) + 1, dtype=np.float32)
        self.table("choice", choice)

    def encode(self, rows: Tensor) -> Encoded:
        """From the observed table (B, K + 1, F)."""
        k, parts = self.families, len(self.limit)
        family, free = rows[:, :k], rows[:, k, :self.types]
        counts, latency = family[..., :parts], family[..., parts:2 * parts]
        free = free.repeat(1, self.levels)[:, None].expand_as(counts)
        seen = torch.stack([counts, latency, free, (latency == 0).float()], -1)
        static = self.static.expand(len(rows), -1, -1, -1)
        pair = self.encode_pair(torch.cat([compress(seen), static], -1)).relu()
        own = self._families(family[..., 2 * parts:], pair)
        return Encoded(pair, own, own.mean(1))

    def _families(self, load: Tensor, pair: Tensor) -> Tensor:
        levels = self.levels
        place = torch.linspace(0, 1, levels, device=load.device).expand(*load.shape[:2], levels)
        pairs = load[..., :2 * levels].unflatten(-1, (levels, 2))      # requests, misses
        level = torch.cat([compress(pairs * 10), place[..., None]], -1)
        pooled = self.encode_level(level).relu().mean(2)
        arrived, failed = load[..., -2:-1], load[..., -1:]
        share = failed / arrived.clamp_min(1e-3)
        slo = self.family_static[None, :, None].expand_as(share)
        totals = torch.cat([compress(arrived * 10), compress(failed * 10), share, slo], -1)
        return self.encode_family(torch.cat([pair.mean(2), pooled, totals], -1)).relu()

    def basis(self, present: Tensor) -> Tensor:
        """(B, K, parts, width, BASIS): what is known of a count before anything is learned."""
        limit = self.limit[:, None].clamp_min(1)
        share = self.choice / limit                                     # (parts, width)
        centres = torch.linspace(0, 1, CENTRES, device=share.device)
        bumps = torch.exp(-((share[..., None] - centres) * CENTRES) ** 2)
        step = self.choice - present.round()[..., None]                 # (B, K, parts, width)
        none = (self.choice == 0).float().expand_as(step)
        relative = torch.stack([none, (step.abs() == 1).float(), step / limit,
                                step.abs() / limit], -1)
        return torch.cat([bumps.expand(*step.shape, CENTRES), relative], -1)

    def count_choices(self, rows: Tensor, code: Encoded) -> KeepOrChange:
        """Keep or change each count; more than the free devices allow is the same as all of them.
        """
        parts, levels = len(self.limit), self.levels
        wide = [x[:, :, None].expand_as(code.pair)
                for x in (code.family, code.context[:, None].expand_as(code.family))]
        weight = self.count_head(torch.cat([code.pair, *wide], -1))     # (B, K, parts, BASIS + 1)
        held = rows[..., :parts] * self.limit.clamp_min(1)
        present, free = held[:, :-1], held[:, -1:, :self.types].repeat(1, 1, levels)
        scored = (self.basis(present) @ weight[..., :-1, None]).squeeze(-1)
        most = (present + free).round().minimum(self.limit)
        legal = self.choice <= most[..., None]
        return KeepOrChange(*(x.flatten(0, 1) for x in (
            scored, legal, present.round().long(), weight[..., -1] + self.config.keep)),
            discrete=False)

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[FamilyThenCounts, Tensor]:
        """The mask is all ones in this environment: counts are targets."""
        code = self.encode(observation)
        wide = code.context[:, None].expand_as(code.family)
        family = self.family_score(torch.cat([code.family, wide], -1)).squeeze(-1)
        value = self.critic(torch.cat([code.context, code.family.amax(1)], -1)).squeeze(-1)
        return FamilyThenCounts(family, self.count_choices(observation, code)), value


def default_features(system: Any, levels: int) -> np.ndarray:
    """(1, K, Q T, 3): accuracy and peak rate of the type's default variant, size of the type."""
    chosen = np.asarray(system.default_variant)                         # (K, T)
    type_index = np.arange(chosen.shape[1])[None, :]
    exists = chosen >= 0
    accuracy = np.where(exists, np.asarray(system.accuracy)[chosen], 0) / 100
    peak = np.where(exists, system.peak[type_index, chosen], 0) / 100
    size = np.broadcast_to(np.log1p(np.asarray(system.count)), chosen.shape) / 3
    table = np.stack([accuracy, np.log1p(peak), size], -1)
    return np.tile(table, (1, levels, 1))[None].astype(np.float32)
