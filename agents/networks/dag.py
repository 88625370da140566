"""Which ready task starts on the asking worker, or whether it waits: learned scores on top of the
rule of `mct_wait`.

Every slot is scored by the same function of its own features and the pooled whole, WAIT from the
whole alone, so weights fit any number of slots, workers and tasks. `dag_graph` also passes messages
along the edges of the visible graph (`env.view=graph`).
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agents.networks.categorical import Categoricals, Choices
from agents.networks.network import Network, NetworkConfig, layers, setting
from agents.observations import places
from envs.core.errors import PolicyError

SLOT, WORKER, WHOLE, NODE = 25, 12, 10, 20      # features of the environment
USED, MARGIN, TAIL = 0, 7, 9                    # columns of a slot
ASKS = 0                                        # column of a worker


@dataclass(frozen=True)
class DagConfig(NetworkConfig):
    """`prior` is how firmly `mct_wait` is followed at first, `idle` how far WAIT lies below a task
    that would end here first, `slope` how fast tasks that would end sooner elsewhere fall off."""

    hidden: int = setting(32, 1, 1024)
    prior: float = setting(1.0, 0.0001, 100)
    idle: float = setting(2.0, 0, 100)
    slope: float = setting(20.0, 0, 1000)


@dataclass(frozen=True)
class GraphConfig(DagConfig):
    """`rounds` of messages along the edges."""

    rounds: int = setting(2, 1, 16)


class DagNetwork(Network):
    """`sched/Dag-v0` from slots, workers and the whole."""

    Config = DagConfig
    further = 0                 # width of what a subclass adds to a slot

    def __init__(self, config: DagConfig):
        super().__init__(config)
        h = config.hidden
        self.encode_slot = layers(SLOT + self.further * h, h, h, activation=nn.ReLU)
        self.encode_worker = layers(WORKER, h)
        self.pool = layers(4 * h + WORKER + WHOLE, h)
        self.score = layers(2 * h, h, 1, last_gain=0.01, activation=nn.ReLU)
        self.wait = layers(h, h, 1, last_gain=0.01, activation=nn.ReLU)
        self.critic = layers(h, h, 1, last_gain=1.0, activation=nn.ReLU)
        self.log_prior = nn.Parameter(torch.tensor(math.log(config.prior)))

    def start(self, env: Any) -> None:
        """Where the parts of an observation lie."""
        self.choices = Choices(env.single_action_space)
        self.places = places(env.single_observation_space)

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[Categoricals, Tensor]:
        """A categorical over slots and WAIT, and the value; the mask is also in the observation."""
        parts = self.split(observation)
        logits, context = self._logits(parts)
        mask = parts["action_mask"] if mask is None else mask
        return self.choices.distribution(logits, mask), self.critic(context).squeeze(-1)

    def scores(self, observation: Tensor) -> Tensor:
        """One number per action."""
        return self._logits(self.split(observation))[0]

    def split(self, rows: Tensor) -> dict[str, Tensor]:
        """The parts of flat observations (B, W)."""
        return {name: rows[:, place].unflatten(1, shape)
                for name, (place, shape) in self.places.items()}

    def _slots(self, parts: dict[str, Tensor]) -> Tensor:
        """What is known of each slot (B, K, .)."""
        return parts["slots"]

    def _logits(self, parts: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        used = parts["slots"][..., USED, None]
        code = self.encode_slot(self._slots(parts)).relu() * used
        mean = code.sum(1) / used.sum(1).clamp_min(1)
        workers = self.encode_worker(parts["workers"]).relu()
        asking = (parts["workers"] * parts["workers"][..., ASKS, None]).sum(1)
        whole = torch.cat([mean, code.amax(1), workers.mean(1), workers.amax(1), asking,
                           parts["global"]], -1)
        context = self.pool(whole).relu()
        pair = torch.cat([code, context[:, None].expand_as(code)], -1)
        own = torch.cat([self.score(pair).squeeze(-1), self.wait(context)], 1)
        prior = waiting_rule(parts["slots"], self.config.idle, self.config.slope)
        return own + self.log_prior.exp() * prior, context


class GraphNetwork(DagNetwork):
    """The same with what lies behind each ready task: messages from successors and predecessors."""

    Config = GraphConfig
    further = 1

    def __init__(self, config: GraphConfig):
        super().__init__(config)
        h = config.hidden
        self.encode_node = layers(NODE, h)
        self.exchange = nn.ModuleList(layers(3 * h, h) for _ in range(config.rounds))

    def start(self, env: Any) -> None:
        """Where the parts lie; a `PolicyError` where there is no graph to look at."""
        super().start(env)
        if "nodes" not in self.places:
            raise PolicyError("the network reads the graph, the environment does not show it",
                              "agent.network", "say env.view=graph")

    def _slots(self, parts: dict[str, Tensor]) -> Tensor:
        slots, nodes = parts["slots"], self._nodes(parts)
        count = min(slots.shape[1], nodes.shape[1])
        code = nodes.new_zeros(*slots.shape[:2], nodes.shape[-1])
        code[:, :count] = nodes[:, :count]      # slot k is node k
        return torch.cat([slots, code], -1)

    def _nodes(self, parts: dict[str, Tensor]) -> Tensor:
        """Codes of the nodes (B, N, H) after the exchange of messages."""
        code = self.encode_node(parts["nodes"]).relu()
        batch, nodes, width = code.shape
        edges = parts["edges"].long()
        real = edges[:, 0] >= 0
        offset = torch.arange(batch, device=code.device)[:, None] * nodes
        source, target = (edges[:, 0] + offset)[real], (edges[:, 1] + offset)[real]
        code = code.flatten(0, 1)
        for exchange in self.exchange:
            later, earlier = gathered(code, target, source), gathered(code, source, target)
            code = code + exchange(torch.cat([code, later, earlier], -1)).relu()
        return code.view(batch, nodes, width)


def gathered(code: Tensor, giver: Tensor, taker: Tensor) -> Tensor:
    """For each row the mean code of its givers, 0 without one."""
    total = torch.zeros_like(code).index_add_(0, taker, code[giver])
    count = code.new_zeros(len(code)).index_add_(0, taker, code.new_ones(len(taker)))
    return total / count.clamp_min(1)[:, None]


def waiting_rule(slots: Tensor, idle: float, slope: float) -> Tensor:
    """(B, K + 1) preferences of `mct_wait`: tasks that no other worker would end sooner, by B; then
    WAIT; then the others, the less they would lose here the better."""
    margin = slots[..., MARGIN]
    best_here = (margin >= 0) & (slots[..., USED] > 0)
    listed = 20 * (slots[..., TAIL] - 1)
    others = -idle - 0.5 + slope * margin.clamp_max(0)
    wait = torch.full_like(margin[:, :1], -idle)
    top = torch.where(best_here, listed, -torch.inf).amax(1, keepdim=True)
    listed = listed - torch.where(top.isinf(), 0, top)
    return torch.cat([torch.where(best_here, listed.clamp_min(-idle / 2), others), wait], 1)
