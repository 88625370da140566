"""Which edit a growing network gets: its layers read in order by a recurrent encoder, after the
published agent and EAS (H. Cai et al., AAAI 2018).

A layer is a token of kind, inputs, outputs and kernel, by their places on a ladder of half octaves
and not by a printed name, so weights read any depth and width. Replicas of a batch share most of
their architectures: each distinct one is encoded once. A decider sees the code, the clock, and what
the environment says of accuracies, costs and counts; `blind` leaves the last out.

In the fixed units of an observation two cells look nearly alike, and a policy settles before it
tells them apart. So a fresh network plays some random episodes and keeps centre and spread of what
it decides by; they belong to the weights.
"""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agents.networks.categorical import Categoricals, Choices
from agents.networks.network import Network, NetworkConfig, layers, setting
from envs.core.errors import PolicyError

GLOBAL, STAGE, ACTION, SLOTS, SLOT = 20, 4, 2, 9, 8     # entries; slots a stage has, of 8 each
KINDS = 3                           # conv block, pool, head: the first entries of a slot
SIZES, KERNELS = 65, 32             # places on the ladders: up to 2^32, the limit of an observation
PER_OCTAVE = 16                     # log2(size)/8 to half octaves: 4, 6, 8, 12 are 4, 5, 6, 7
PER_KERNEL = 7                      # kernel/7 to the kernel
TOKEN, READ, CODE = 16, 50, 16      # numbers of a token, of each direction, of an architecture
EPISODES = 64                       # random ones, by which a fresh network sets its units
LEAST, FAR = 1e-3, 5.0              # deviation that counts as one, and deviations that count
WAVES = 4                           # of the clock, each a sine and a cosine


@dataclass(frozen=True)
class LayersConfig(NetworkConfig):
    """`actions` and `shown` (entries of a task's one-hot) belong to the weights."""

    hidden: int = setting(128, 1, 1024)
    actions: int = setting(4, 2, 4096)
    shown: int = setting(0, 0, 4096)
    choices: tuple[int, ...] = setting((4,), 1, 4096)


@dataclass(frozen=True)
class Layout:
    """Where the parts of an observation lie, in its documented order."""

    stages: int
    actions: int
    width: int

    @property
    def per_action(self) -> slice:
        """What each action would cost."""
        first = GLOBAL + STAGE * self.stages
        return slice(first, first + ACTION * self.actions)

    @property
    def slots(self) -> slice:
        """The layers."""
        first = self.per_action.stop
        return slice(first, first + SLOTS * SLOT * self.stages)

    @property
    def shown(self) -> int:
        """Entries of the task's one-hot, 0 if it is not shown; negative where nothing fits."""
        return self.width - self.slots.stop


def layout_of(env: Any) -> Layout:
    """The layout of an environment's observation, from its cells and its width."""
    cell, width = env.system.first, env.single_observation_space.shape[0]
    found = Layout(cell.stages, cell.actions, width)
    if found.shown < 0:
        raise PolicyError(f"{width} entries hold no {cell.stages} stages and {cell.actions} "
                          "actions", "network", "give the environment of net2net")
    return found


class LayersNetwork(Network):
    """`sched/Net2Net-v0` from the layers, the clock, and the counts and costs."""

    Config = LayersConfig
    blind = False               # see layers and clock alone

    def __init__(self, config: LayersConfig):
        super().__init__(config)
        self.encode = Encoder()
        entries = 0 if self.blind else GLOBAL + ACTION * config.actions + config.shown
        inputs = CODE + 2 * WAVES + entries
        self.register_buffer("centre", torch.zeros(inputs))
        self.register_buffer("spread", torch.ones(inputs))
        h = config.hidden
        self.decide = layers(inputs, h, h, sum(config.choices), last_gain=0.01, activation=nn.ReLU)
        self.critic = layers(inputs, h, h, 1, last_gain=1.0, activation=nn.ReLU)

    @classmethod
    def settings(cls, env: Any) -> dict[str, Any]:
        """Actions and one-hot of this environment."""
        layout = layout_of(env)
        return {"actions": layout.actions, "shown": layout.shown,
                "choices": tuple(Choices(env.single_action_space).sizes)}

    def start(self, env: Any) -> None:
        """Where the parts lie; a `PolicyError` where the actions are others."""
        found = self.settings(env)
        for key, what in (("actions", "actions"), ("choices", "choices of an action"),
                          ("shown", "tasks to tell apart")):
            if found[key] != getattr(self.config, key):
                raise PolicyError(f"made for {getattr(self.config, key)} {what}, not {found[key]}",
                                  "network", "train it on cells of this action set")
        self.layout, self.choices = layout_of(env), Choices(env.single_action_space)

    @torch.no_grad()
    def prepare(self, env: Any) -> None:
        """Set the units of what is decided by, from random episodes."""
        rows = torch.cat([self.state(seen) for seen in random_play(env, self.choices)])
        deviation = rows.std(0, correction=0)
        self.centre.copy_(rows.mean(0))
        self.spread.copy_(torch.where(deviation > LEAST, deviation, 1.0))

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[Categoricals, Tensor]:
        """A masked categorical over the actions, and the value."""
        seen = self.state(observation)
        return self.choices.distribution(self.decide(seen), mask), self.critic(seen).squeeze(-1)

    def scores(self, observation: Tensor) -> Tensor:
        """One number per action."""
        return self.decide(self.state(observation))

    def state(self, observation: Tensor) -> Tensor:
        """(B, .) all that is decided by."""
        layout = self.layout
        tokens = tokens_of(observation[:, layout.slots].unflatten(1, (-1, SLOT)))
        parts = [self.encode_distinct(tokens), waves(observation[:, 0])]
        if not self.blind:
            parts += [observation[:, :GLOBAL], observation[:, layout.per_action],
                      observation[:, layout.slots.stop:]]
        seen = torch.cat(parts, 1)
        return ((seen - self.centre) / self.spread).clamp(-FAR, FAR)

    def encode_distinct(self, tokens: Tensor) -> Tensor:
        """(B, CODE) from (B, slots, 5), each distinct row encoded once."""
        distinct, place = torch.unique(tokens.flatten(1), dim=0, return_inverse=True)
        return self.encode(distinct.unflatten(1, tokens.shape[1:]))[place]


class BlindNetwork(LayersNetwork):
    """The published state: layers and clock."""

    blind = True


class Encoder(nn.Module):
    """Tokens to a code: read in both directions, then once more, the last output kept."""

    def __init__(self):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, TOKEN) for n in (KINDS, SIZES, SIZES, KERNELS))
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.5)
        self.forwards = nn.LSTM(TOKEN, READ, batch_first=True)
        self.backwards = nn.LSTM(TOKEN, READ, batch_first=True)
        self.summary = nn.LSTM(2 * READ, CODE, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, CODE) from (N, slots, 5): used, kind, inputs, outputs, kernel."""
        length = tokens[..., 0].sum(1).clamp_min(1)
        tokens = tokens[:, :int(length.max())]
        x = sum(table(tokens[..., i + 1]) for i, table in enumerate(self.tables))
        back = reversal(length, x.shape[1])
        behind = turned(self.backwards(turned(x, back))[0], back)
        read, _ = self.summary(torch.cat([self.forwards(x)[0], behind], -1))
        return read[torch.arange(len(read), device=read.device), length - 1]


def random_play(env: Any, choices: Choices) -> Iterator[Tensor]:
    """The observations (E, F) of random episodes, always the same ones."""
    generator = torch.Generator().manual_seed(0)
    observation, info = env.reset(seed=0)
    ended = 0
    while ended < EPISODES:
        yield torch.as_tensor(observation)
        legal = torch.as_tensor(info["action_mask"])
        action = choices.distribution(torch.zeros(legal.shape), legal).sample(generator)
        observation, _, terminated, truncated, info = env.step(action.numpy())
        ended += int((terminated | truncated).sum())


def reversal(length: Tensor, width: int) -> Tensor:
    """(N, width) places that turn the first `length` entries of each row round."""
    place = torch.arange(width, device=length.device).expand(len(length), width)
    return torch.where(place < length[:, None], length[:, None] - 1 - place, place)


def turned(x: Tensor, place: Tensor) -> Tensor:
    """Rows of (N, T, .) in the order of `place`."""
    return x.gather(1, place[..., None].expand_as(x))


def tokens_of(slots: Tensor) -> Tensor:
    """(B, slots, 5) integers: used, kind, and places of inputs, outputs and kernel."""
    kinds, sizes, kernel = slots[..., :KINDS], slots[..., 3:5], slots[..., 5:6]
    found = torch.cat([kinds.sum(-1, keepdim=True), kinds.argmax(-1, keepdim=True),
                       (sizes * PER_OCTAVE).clamp(0, SIZES - 1),
                       (kernel * PER_KERNEL).clamp(0, KERNELS - 1)], -1)
    return found.round().long()


def waves(clock: Tensor) -> Tensor:
    """(B, 8) sines and cosines of i pi t/B, i = 1 ... 4: one-to-one on [0, B]."""
    angle = clock[:, None] * math.pi * torch.arange(1, WAVES + 1, device=clock.device)
    return torch.cat([angle.sin(), angle.cos()], 1)
