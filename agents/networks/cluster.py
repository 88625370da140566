"""Which listed job gets GPUs now: learned scores on top of the walk that the scenario would make.

Jobs are encoded one by one, pooled, and scored each in the light of the whole. The weights fit any
number of slots, sizes, GPU types and GPUs; only the number of candidates of `policy` is fixed.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from agents.networks.categorical import Categoricals, Choices
from agents.networks.network import Network, NetworkConfig, layers, setting
from agents.observations import places
from envs.core.errors import PolicyError

JOB, CLUSTER, TYPE = 16, 12, 3                  # features of the environment
USED, GPUS, PLACEABLE, RUNNING = 0, 1, 10, 12   # columns of a job


@dataclass(frozen=True)
class ClusterConfig(NetworkConfig):
    """`prior` is how firmly the walk is followed at first, `idle` how unlikely an early end is."""

    hidden: int = setting(32, 1, 1024)
    candidates: int = setting(0, 0, 1024)       # of control `policy`; 0: jobs are scored
    prior: float = setting(2.0, 0.01, 100)
    idle: float = setting(0.5, 0, 100)


class Seen(NamedTuple):
    """Parts of an observation."""

    jobs: Tensor        # (B, K, 16)
    cluster: Tensor     # (B, 12)
    types: Tensor       # (B, J, 3)


class ClusterNetwork(Network):
    """`sched/Cluster-v0`, every control."""

    Config = ClusterConfig

    def __init__(self, config: ClusterConfig):
        super().__init__(config)
        h = config.hidden
        self.encode_job = layers(JOB + 1, h, h, activation=nn.ReLU)
        self.encode_type = layers(TYPE, h)
        self.encode_cluster = layers(CLUSTER, h)
        self.pool = layers(4 * h, h)
        self.critic = layers(h, h, 1, last_gain=1.0, activation=nn.ReLU)
        if config.candidates:
            self.choose = layers(h, h, config.candidates, last_gain=0.01, activation=nn.ReLU)
        else:
            self.score = layers(2 * h + 2, h, 1, last_gain=0.01, activation=nn.ReLU)
            self.finish = layers(h, h, 1, last_gain=0.01, activation=nn.ReLU)
            self.log_prior = nn.Parameter(torch.tensor(math.log(config.prior)))

    @classmethod
    def settings(cls, env: Any) -> dict[str, Any]:
        """The number of candidates, where there are any."""
        chosen = env.system.scenario.options.env.control == "policy"
        return {"candidates": int(env.single_action_space.n) if chosen else 0}

    def start(self, env: Any) -> None:
        """Where the parts of an observation lie, and the sizes that can be chosen."""
        found = self.settings(env)["candidates"]
        if found != self.config.candidates:
            raise PolicyError(
                f"a policy for {_choices(self.config.candidates)} meets {_choices(found)}",
                "network", "keep the control and the candidates that it was trained with")
        self.choices = Choices(env.single_action_space)
        self.places = places(env.single_observation_space)
        system = env.system
        options = system.scenario.options.env
        total = math.log2(1 + int(system.node_gpus.sum()))
        sizes = options.sizes if options.control == "resize" else ()
        self.table("sizes", [math.log2(1 + size) / total for size in sizes], torch.float32)

    def forward(self, observation: Tensor, mask: Tensor | None = None
                ) -> tuple[Categoricals, Tensor]:
        """A categorical over launches, sizes or candidates, and the value."""
        seen = self.split(observation)
        code, context = self.encode(seen)
        logits = self._logits(seen, code, context, mask)
        return self.choices.distribution(logits, mask), self.critic(context).squeeze(-1)

    def scores(self, observation: Tensor) -> Tensor:
        """One number per action."""
        seen = self.split(observation)
        return self._logits(seen, *self.encode(seen), None)

    def split(self, rows: Tensor) -> Seen:
        """The parts of flat observations (B, W)."""
        parts = {name: rows[:, place].unflatten(1, shape)
                 for name, (place, shape) in self.places.items()}
        return Seen(parts["jobs"], parts["cluster"], parts["types"])

    def encode(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Embeddings of the jobs (B, K, H) and of the whole (B, H)."""
        place = torch.arange(seen.jobs.shape[1], device=seen.jobs.device).float().log1p() / 5
        jobs = torch.cat([seen.jobs, place[:, None].expand_as(seen.jobs[..., :1])], -1)
        used = seen.jobs[..., USED, None]
        code = self.encode_job(jobs).relu() * used
        mean = code.sum(1) / used.sum(1).clamp_min(1)
        kinds = self.encode_type(seen.types).relu().mean(1)
        whole = torch.cat([mean, code.amax(1), kinds, self.encode_cluster(seen.cluster).relu()], -1)
        return code, self.pool(whole).relu()

    def _logits(self, seen: Seen, code: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        if self.config.candidates:
            return self.choose(context)
        sizes = self._sizes(seen)                                       # (B, K, S)
        legal = (seen.jobs[..., PLACEABLE, None].expand_as(sizes) > 0 if mask is None
                 else mask[:, :-1].bool().view_as(sizes))
        pair = torch.stack([sizes, sizes - seen.jobs[..., GPUS, None]], -1)
        known = torch.cat([code, context[:, None].expand_as(code)], -1)
        known = known[:, :, None].expand(*sizes.shape, -1)
        own = self.score(torch.cat([known, pair], -1)).squeeze(-1)
        last = self.finish(context)
        prior = walk(legal, seen.jobs[..., RUNNING] == 0, self.config.idle)
        return torch.cat([own.flatten(1), last], 1) + self.log_prior.exp() * prior

    def _sizes(self, seen: Seen) -> Tensor:
        """Sizes on the scale of the observation; without a choice, what each job asks for."""
        if not len(self.sizes):
            return seen.jobs[..., GPUS, None]
        return self.sizes.expand(*seen.jobs.shape[:2], -1)


def walk(legal: Tensor, waiting: Tensor, idle: float) -> Tensor:
    """(B, K S + 1) preferences of who goes down the list: the smallest legal size of each waiting
    job in turn, then no more, then all else. `legal` (B, K, S), `waiting` (B, K)."""
    smallest = legal & (legal.cumsum(-1) == 1) & waiting[..., None]
    launchable = smallest.any(-1)
    before = launchable.cumsum(-1) - 1
    last = -(launchable.sum(-1).float().log1p() + idle)[:, None]
    ranked = -before.clamp_min(0).float().log1p()[..., None].expand_as(smallest)
    return torch.cat([torch.where(smallest, ranked, last[..., None] - 1).flatten(1), last], 1)


def _choices(candidates: int) -> str:
    return f"{candidates} candidates" if candidates else "listed jobs"
