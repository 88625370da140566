"""REINFORCE on short episodes with one outcome, of several cells: the unit is the episode.

    update:  play every replica to the end of its episode
             b = running mean of the returns of the episode's cell, as it was before the batch, or
                 the mean return of the others that play the very same job (`window`)
             advantage = return-to-go - b, divided by the batch's deviation of R - b
             loss = -mean over episodes of sum over steps of advantage * log pi - beta * entropy
             norm clipped, Adam; beta falls to 0 linearly over the run

A sum over the steps of an episode, so a batch gives the gradient of the mean of its episodes
exactly. Returns of two cells may differ more than those of two policies, hence a baseline for each
cell (`preset=mended`). Where the jobs of a cell vary too, only those who play the same job compare.
`preset=published` is the published learner: one episode per update, no baseline, no entropy, a mean
over steps, a rate that falls by episodes.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from agents.learner import rate
from agents.networks.network import Network
from agents.reinforce import Batch, Reinforce, leave_one_out, returns_to_go
from agents.schema import ReinforceConfig
from agents.tracking import Tally

STEP = 0.05                         # of a running mean towards a return
LEAST = 1e-3                        # added to the deviation of a batch
FALL, EVERY = 0.99, 500             # published: of the learning rate, in episodes


class EpisodeReinforce(Reinforce):
    """The learner; `update` is the algorithm."""

    known = ("cell", "window", "none")

    def __init__(self, config: ReinforceConfig, env: Any, network: Network, *, seed: int,
                 steps: int, tally: Tally | None = None):
        super().__init__(config, env, network, seed=seed, steps=steps, tally=tally)
        self.optimiser = torch.optim.Adam(network.parameters(), config.learning_rate)
        self.means: dict[str, float] = {}       # running mean return by cell

    def update(self) -> dict[str, float]:
        """One batch of episodes, each used once."""
        self.network.train()
        left = 1 - self.steps / self.total
        self.optimiser.param_groups[0]["lr"] = self.rate(left)
        batch = self.play()
        advantage = self.advantage(batch)
        return self.settle(self.improve(batch, advantage, max(0.0, left)), batch)

    def rate(self, left: float) -> float:
        """The learning rate of this update."""
        if self.config.preset == "published":
            return self.config.learning_rate * FALL**(self.updates // EVERY)
        return rate(self.config, left)

    def advantage(self, batch: Batch) -> Tensor:
        """(T, E) return-to-go less the baseline of the episode's cell, 0 after the end."""
        returns = returns_to_go(batch.reward, self.config.gamma)
        baseline = self.baseline(batch, returns[0])
        found = (returns - baseline) * batch.alive
        if self.config.normalise:
            found = found / ((returns[0] - baseline).std(correction=0) + LEAST)
        return found

    def baseline(self, batch: Batch, returns: Tensor) -> Tensor:
        """(E,) what the return of each episode is compared with."""
        if self.config.baseline == "cell":
            return self.follow([str(c) for c in batch.cell], returns)
        if self.config.baseline == "window":
            return leave_one_out(returns[None], self.config.group)[0]
        return torch.zeros_like(returns)

    def follow(self, cells: Sequence[str], returns: Tensor) -> Tensor:
        """Baselines (E,) as they were before the batch, which then moves them episode by episode;
        that of a cell never met is its first return."""
        first: dict[str, float] = {}
        for cell, value in zip(cells, returns.tolist(), strict=True):
            known = self.means.get(cell, value)
            first.setdefault(cell, known)
            self.means[cell] = known + STEP * (value - known)
        return torch.tensor([first[cell] for cell in cells])

    def improve(self, batch: Batch, advantage: Tensor, left: float) -> dict[str, float]:
        """A gradient step for each part of the episodes."""
        config, sums = self.config, {}
        order = torch.randperm(self.env.num_envs, generator=self._shuffler())
        for episodes in order.chunk(config.minibatches):
            losses = self.losses_of(batch, advantage, episodes, config.entropy * left)
            self.descend(losses, sums)
        return sums

    def losses_of(self, batch: Batch, advantage: Tensor, episodes: Tensor,
                  beta: float) -> dict[str, Tensor]:
        """The surrogate of these episodes and the mean entropy of their steps."""
        alive = batch.alive[:, episodes].flatten()
        seen, mask, action, weight = (
            None if x is None else x[:, episodes].flatten(0, 1)[alive].to(self.device)
            for x in (batch.observation, batch.mask, batch.action, advantage))
        distribution, _ = self.network(seen, mask)
        gained = weight * distribution.log_prob(action)
        published = self.config.preset == "published"
        policy = -gained.mean() if published else -gained.sum() / len(episodes)
        entropy = distribution.entropy().mean()
        return {"policy_loss": policy, "entropy": entropy, "loss": policy - beta * entropy}

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Weights, moments, means, generator and counters."""
        tensors, numbers = super().state()
        return tensors, {**numbers, "means": dict(self.means)}

    def restore(self, tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
        """The next update is the one that would have followed."""
        super().restore(tensors, numbers)
        self.means = dict(numbers["means"])
