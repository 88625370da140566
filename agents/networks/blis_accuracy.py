"""Variants for devices, scored pair by pair: weights fit any cluster, families and profile.

A device's score for a variant is the sum of what is factored, so that no perceptron runs over
all D x V pairs: an affinity of its own state with the pair (type, variant), one with the
variant's family, and a score of (type, variant) that sees the family's state.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from agents.networks.categorical import Categoricals, Choices
from agents.networks.network import Network, NetworkConfig, compress, layers, setting

FAMILY, DEVICE, PAIR = 10, 5, 6     # columns of a family, a device (observed), a pair (static)
DERIVED = 3                         # columns of a family that follow from the observed ones
SAME = 1e-4                         # two figures of one variant in float32


@dataclass(frozen=True)
class BlisAccuracyConfig(NetworkConfig):
    """`keep_bias` is the head start of a device's present target, `none_bias` that of no target."""

    hidden: int = setting(32, 1, 1024)
    keep_bias: float = setting(6.0, -20, 20)
    none_bias: float = setting(-3.0, -20, 20)


class Seen(NamedTuple):
    """The flat observation in parts, first axis the batch."""

    family: Tensor      # (B, K, FAMILY)
    assigned: Tensor    # (B, D, K) one-hot family of the target
    device: Tensor      # (B, D, DEVICE) accuracy/100, P/100, ready, rest, queued
    clock: Tensor       # (B, 1)


class Encoded(NamedTuple):
    """Embeddings that all scores are made of."""

    family: Tensor      # (B, K, H)
    device: Tensor      # (B, D, H)
    context: Tensor     # (B, H)


class BlisAccuracyNetwork(Network):
    """Per-family and per-device encoders, factored pair scores, pooled value."""

    Config = BlisAccuracyConfig

    def __init__(self, config: BlisAccuracyConfig):
        super().__init__(config)
        h, g = config.hidden, max(1, config.hidden // 2)
        self.encode_family = layers(FAMILY + DERIVED + 2, h, h, activation=nn.ReLU)
        self.encode_pair = layers(PAIR, h, h, activation=nn.ReLU)
        self.device_own = nn.Linear(DEVICE + 2, h)
        self.device_family, self.device_context = nn.Linear(h, h, False), nn.Linear(h, h, False)
        self.encode_device = layers(h, h)
        self.mix_family = layers(3 * h + 1, h, h, activation=nn.ReLU)
        self.query = layers(h, 2 * h)
        self.group_pair, self.group_family = nn.Linear(h, g), nn.Linear(h, g, False)
        self.group_score = layers(g, 1, last_gain=0.1)
        self.keep_none = layers(h, 2, last_gain=0.1)
        self.keep_all = layers(h, h, 1, last_gain=0.1)
        self.critic = layers(3 * h + 1, h, 1, last_gain=1.0)
        self.choices: Choices | None = None

    def start(self, env: Any) -> None:
        """Static figures of types, families and pairs from `env.system`."""
        system = env.system
        self.choices = Choices(env.single_action_space)
        self.families, self.devices = len(system.families), len(system.device_type)
        self.variants = len(system.variants)
        self.table("device_type", system.device_type)
        self.table("variant_family", system.variant_family)
        self.table("pair", pair_features(system))
        self.table("accuracy", np.asarray(system.accuracy) / 100, torch.float32)
        self.table("device_peak", np.asarray(system.peak)[system.device_type] / 100, torch.float32)
        self.table("family_static", family_features(system))
        share = np.asarray(system.count)[system.device_type] / self.devices
        self.table("type_share", share, torch.float32)

    def split(self, observation: Tensor) -> Seen:
        """The parts of the flat vector."""
        k, d = self.families, self.devices
        family, device, clock = observation.split([FAMILY * k, (k + DEVICE) * d, 1], 1)
        device = device.view(-1, d, k + DEVICE)
        return Seen(family.view(-1, k, FAMILY), device[..., :k], device[..., k:], clock)

    def encode(self, seen: Seen) -> Encoded:
        """Families see their own row, devices their family, families their devices again."""
        hosted = seen.assigned.sum(1)                                     # (B, K)
        family = self.encode_family(torch.cat([
            compress(seen.family), balance(seen.family), (hosted / self.devices)[..., None],
            self.family_static.expand(len(hosted), -1, -1)], -1)).relu()
        context = family.mean(1)
        device = self._devices(seen, family, context)
        gathered = seen.assigned.transpose(1, 2) @ device                 # (B, K, H)
        mean = gathered / hosted.clamp_min(1)[..., None]
        wide = context[:, None].expand_as(family)
        count = compress(hosted)[..., None]
        family = self.mix_family(torch.cat([family, mean, wide, count], -1)).relu()
        return Encoded(family, device, family.mean(1) + device.mean(1))

    def _devices(self, seen: Seen, family: Tensor, context: Tensor) -> Tensor:
        target = seen.assigned.sum(-1, keepdim=True)
        share = self.type_share[None, :, None].expand_as(target)
        own = self.device_own(torch.cat([compress(seen.device), target, share], -1))
        near = seen.assigned @ self.device_family(family)
        mixed = (own + near + self.device_context(context)[:, None]).relu()
        return self.encode_device(mixed).relu()

    def pair_scores(self, seen: Seen, code: Encoded) -> Tensor:
        """(B, D, V) without regard to what a device hosts now."""
        pair = self.encode_pair(self.pair).relu()                         # (T, V, H)
        to_pair, to_family = (self.query(code.device) * self.config.hidden ** -0.5).chunk(2, -1)
        own = torch.einsum("bdh,dvh->bdv", to_pair, pair.index_select(0, self.device_type))
        kin = to_family @ code.family.transpose(1, 2)                     # (B, D, K)
        family = self.group_family(code.family).index_select(1, self.variant_family)
        group = (self.group_pair(pair)[None] + family[:, None]).relu()    # (B, T, V, G)
        shared = self.group_score(group).squeeze(-1)
        return (own + kin.index_select(2, self.variant_family)
                + shared.index_select(1, self.device_type))

    def present(self, seen: Seen) -> Tensor:
        """(B, D, V): the variant that is the device's target, told by family, accuracy, peak."""
        accuracy, peak = seen.device[..., :1], seen.device[..., 1:2]
        differ = (accuracy - self.accuracy).abs() + (peak - self.device_peak).abs() / (1 + peak)
        return (differ < SAME) & seen.assigned.index_select(2, self.variant_family).bool()

    def logits(self, seen: Seen, code: Encoded) -> Tensor:
        """Flat scores in the order of the action space."""
        pairs = self.pair_scores(seen, code)
        keep, none = self.keep_none(code.device).split(1, -1)
        none = none + self.config.none_bias
        if not self.choices.discrete:
            pairs = pairs + (keep + self.config.keep_bias) * self.present(seen)
            return torch.cat([pairs, none], -1).flatten(1)
        stay = self.keep_all(code.context) + self.config.keep_bias
        return torch.cat([stay, torch.cat([pairs, none], -1).flatten(1)], 1)

    def scores(self, observation: Tensor) -> Tensor:
        """One number per choice of `swap`."""
        seen = self.split(observation)
        return self.logits(seen, self.encode(seen))

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[Categoricals, Tensor]:
        """Factored categorical over devices (or one over swaps) and the value."""
        seen = self.split(observation)
        code = self.encode(seen)
        pooled = torch.cat([code.family.mean(1), code.family.amax(1), code.device.mean(1),
                            seen.clock], -1)
        value = self.critic(pooled).squeeze(-1)
        return self.choices.distribution(self.logits(seen, code), mask), value


def balance(family: Tensor) -> Tensor:
    """Demand against planned and ready capacity, the head-room between them, all bounded."""
    demand, ready, planned = family[..., 1], family[..., 8], family[..., 9]
    room = compress(planned - 1.05 * demand)
    ratios = [(demand / (c + 0.01)).clamp(0, 4) for c in (ready, planned)]
    return torch.stack([room, *ratios], -1)


def family_features(system: Any) -> np.ndarray:
    """(1, K, 1): the allowance in seconds, compressed."""
    return np.log1p(np.asarray(system.slo_ms) / 1000)[None, :, None].astype(np.float32)


def pair_features(system: Any) -> np.ndarray:
    """(T, V, PAIR): accuracy, peak rate, load time, hostable, L(1)/allowance, share of devices."""
    accuracy = np.broadcast_to(np.asarray(system.accuracy) / 100, system.peak.shape)
    slo = np.asarray(system.slo_ms)[system.variant_family]
    latency = np.nan_to_num(system.latency[:, :, 1] / slo, nan=4.0)
    load = np.where(np.isfinite(system.load_ms), system.load_ms, 0) / 1000
    share = np.asarray(system.count)[:, None] / max(1, sum(system.count))
    columns = [accuracy, np.log1p(system.peak / 100), np.log1p(load), system.hostable,
               np.minimum(latency, 4), np.broadcast_to(share, accuracy.shape)]
    return np.stack(columns, -1).astype(np.float32)
