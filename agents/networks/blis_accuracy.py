"""Variants for devices, scored pair by pair: weights fit any cluster, families and profile.

A device's score for a variant is the sum of what is factored, so that no perceptron runs over
all D x V pairs: an affinity of its own state with the pair (type, variant), one with the
variant's family, a score of (type, variant) that sees the family's state, and one of a change
inside the family. All of them see head-room: planned capacity by demand, before and after.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from agents.networks.categorical import KeepOrChange
from agents.networks.network import Network, NetworkConfig, compress, layers, setting

FAMILY, DEVICE, PAIR = 10, 5, 6     # columns of a family, a device (observed), a pair (static)
DERIVED = 3                         # columns of a family that follow from the observed ones
INSIDE = 4                          # what a change of variant inside a family is judged by
ROOM = 3                            # columns of a device: head-room of its family without it


MOST_ROOM = 3.0                     # head-room beyond this is all the same


@dataclass(frozen=True)
class BlisAccuracyConfig(NetworkConfig):
    """`keep` and `stay`: log-odds at the start of keeping a device's target, of no swap at all."""

    hidden: int = setting(32, 1, 1024)
    keep: float = setting(4.0, -20, 20)
    stay: float = setting(0.0, -20, 20)
    none: float = setting(-3.0, -20, 20)        # score of no target, against variants


class Seen(NamedTuple):
    """The flat observation in parts, first axis the batch."""

    family: Tensor      # (B, K, FAMILY)
    assigned: Tensor    # (B, D, K) one-hot family of the target
    device: Tensor      # (B, D, DEVICE) accuracy/100, P/100, ready, rest, queued
    clock: Tensor       # (B, 1)

    @property
    def demand(self) -> Tensor:
        """(B, K) in 100 requests per second, never 0."""
        return self.family[..., 1] + 0.05

    @property
    def planned(self) -> Tensor:
        """(B, K) peak rate of all devices of the family, in the same unit."""
        return self.family[..., 9]

    def of_device(self, values: Tensor) -> Tensor:
        """(B, K) of families -> (B, D) of the family that each device serves, 0 for none."""
        return (self.assigned @ values[..., None]).squeeze(-1)


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
        self.device_own = nn.Linear(DEVICE + 2 + ROOM, h)
        self.device_family, self.device_context = nn.Linear(h, h, False), nn.Linear(h, h, False)
        self.encode_device = layers(h, h)
        self.mix_family = layers(3 * h + 1, h, h, activation=nn.ReLU)
        self.query = layers(h, 2 * h)
        self.group_pair, self.group_family = nn.Linear(h, g), nn.Linear(h, g, False)
        self.group_room = nn.Linear(2, g, False)
        self.group_score = layers(g, 1, last_gain=0.1)
        self.inside = layers(h, INSIDE, last_gain=0.1)
        self.keep_none = layers(h, 2, last_gain=0.1)
        self.keep_all = layers(h, h, 1, last_gain=0.1)
        self.critic = layers(3 * h + 1, h, 1, last_gain=1.0)
        self.swap = False

    def start(self, env: Any) -> None:
        """Static figures of types, families and pairs from `env.system`."""
        system = env.system
        self.swap = not hasattr(env.single_action_space, "nvec")
        self.families, self.devices = len(system.families), len(system.device_type)
        self.variants = len(system.variants)
        self.table("device_type", system.device_type)
        self.table("variant_family", system.variant_family)
        self.table("pair", pair_features(system))
        self.table("accuracy", np.asarray(system.accuracy) / 100, torch.float32)
        self.table("peak", np.asarray(system.peak) / 100, torch.float32)
        self.table("device_peak", np.asarray(system.peak)[system.device_type] / 100, torch.float32)
        self.table("family_static", family_features(system))
        hostable = np.asarray(system.hostable)[system.device_type]
        legal = np.concatenate([hostable, np.ones((self.devices, 1), bool)], 1)
        self.table("legal", legal, torch.bool)
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
        own = self.device_own(torch.cat(
            [compress(seen.device), target, share, room_without(seen)], -1))
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
        group = self.group_pair(pair)[None] + family[:, None] + self.group_room(self._rooms(seen))
        shared = self.group_score(group.relu()).squeeze(-1)               # (B, T, V)
        return (own + kin.index_select(2, self.variant_family) + self._inside(seen, code)
                + shared.index_select(1, self.device_type))

    def _rooms(self, seen: Seen) -> Tensor:
        """(B, T, V, 2): head-room of the variant's family now, and with one such device more."""
        demand, planned = (x.index_select(1, self.variant_family)[:, None]
                           for x in (seen.demand, seen.planned))
        now = (planned / demand).expand(-1, len(self.peak), -1)
        return torch.stack([now, (planned + self.peak) / demand], -1).clamp(0, MOST_ROOM)

    def _inside(self, seen: Seen, code: Encoded) -> Tensor:
        """(B, D, V): for variants of the family that the device serves already, 0 elsewhere."""
        accuracy, peak = seen.device[..., :1], seen.device[..., 1:2]
        spare = seen.of_device(seen.planned)[..., None] - peak + self.device_peak
        room = (spare / (seen.of_device(seen.demand)[..., None] + 0.05)).clamp(0, MOST_ROOM) - 1
        weight = self.inside(code.context)[:, None, None]
        judged = (room.clamp_max(0) * weight[..., 0] + room.clamp_min(0) * weight[..., 1]
                  + (self.accuracy - accuracy) * weight[..., 2] + weight[..., 3])
        return judged * seen.assigned.index_select(2, self.variant_family)

    def present(self, seen: Seen) -> Tensor:
        """(B, D): the variant that is the target, told by its figures; V where there is none."""
        accuracy, peak = seen.device[..., :1], seen.device[..., 1:2]
        differ = (accuracy - self.accuracy).abs() + (peak - self.device_peak).abs() / (1 + peak)
        differ = differ - 4 * seen.assigned.index_select(2, self.variant_family)
        free = seen.assigned.sum(-1) < 0.5
        return differ.argmin(-1).masked_fill(free, self.variants)

    def _choices(self, seen: Seen, code: Encoded) -> tuple[Tensor, Tensor]:
        """(B, D, V + 1) scores with none as the last, (B, D) odds of keeping."""
        odds, none = self.keep_none(code.device).split(1, -1)
        table = torch.cat([self.pair_scores(seen, code), none + self.config.none], -1)
        return table, odds.squeeze(-1) + self.config.keep

    def scores(self, observation: Tensor) -> Tensor:
        """One number per choice of `swap`."""
        seen = self.split(observation)
        code = self.encode(seen)
        table, _ = self._choices(seen, code)
        return torch.cat([self.keep_all(code.context), table.flatten(1)], 1)

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[KeepOrChange, Tensor]:
        """Keep or change each device (or swap one), and the value.

        What is legal follows from the system, so the mask only confirms it.
        """
        seen = self.split(observation)
        code = self.encode(seen)
        pooled = torch.cat([code.family.mean(1), code.family.amax(1), code.device.mean(1),
                            seen.clock], -1)
        value = self.critic(pooled).squeeze(-1)
        table, odds = self._choices(seen, code)
        present = self.present(seen)
        if not self.swap:
            legal = self.legal if mask is None else mask.reshape(table.shape)
            return KeepOrChange(table, legal, present, odds, discrete=False), value
        return self._swaps(table, present, code, mask), value

    def _swaps(self, table: Tensor, present: Tensor, code: Encoded, mask: Tensor | None
               ) -> KeepOrChange:
        legal = self.legal.expand_as(table).scatter(-1, present[..., None], False)
        flat = torch.cat([torch.ones_like(table[:, :1, 0]).bool(), legal.flatten(1)], 1)
        scores = torch.cat([table.new_zeros(len(table), 1), table.flatten(1)], 1)
        nothing = torch.zeros(len(table), 1, dtype=torch.long, device=table.device)
        stay = self.keep_all(code.context) + self.config.stay
        chosen = flat if mask is None else mask
        return KeepOrChange(scores[:, None], chosen[:, None], nothing, stay, discrete=True)


def room_without(seen: Seen) -> Tensor:
    """(B, D, ROOM): head-room of the device's family as it is, without the device, and without
    all its devices up to this one, the least accurate first: so equal devices can tell whose turn
    it is to leave."""
    peak = seen.device[..., 1]
    order = torch.argsort(seen.device[..., 0], dim=1, stable=True)
    turn = order[..., None].expand_as(seen.assigned)
    held = (seen.assigned * peak[..., None]).gather(1, turn).cumsum(1)
    gone = (torch.zeros_like(held).scatter(1, turn, held) * seen.assigned).sum(-1)
    planned, demand = seen.of_device(seen.planned), seen.of_device(seen.demand) + 0.05
    rooms = torch.stack([planned, planned - peak, planned - gone], -1) / demand[..., None]
    return rooms.clamp(0, MOST_ROOM)


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
