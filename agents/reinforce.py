"""REINFORCE on whole batches of whole episodes (Williams 1992), top to bottom on one page.

    update:  seed groups of replicas alike, so that a group meets the same window
             play every replica to the end of its episode
             advantage = return-to-go - baseline, divided by its deviation
             one pass over the samples: -advantage * log pi - entropy, norm clipped, Adam

Traces differ more by window than policies do, so the default baseline of a replica is the mean
return of the others in its group at the same step (leave one out): what the window alone decides
cancels (`window`). Where steps of a group are not simultaneous (the environment tells `now_s`), it
is that of the others' returns-to-go at the same time (`clock`). Every update begins with a seeded
reset and all draws come from one generator, so a run that is resumed equals one that was never
interrupted, bit for bit.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from agents.checkpoints import pack, pack_optimiser, unpack, unpack_optimiser
from agents.learner import Learner, rate
from agents.networks.network import Network
from agents.observations import flat
from agents.schema import ReinforceConfig
from agents.tracking import Tally
from envs.core.errors import PolicyError
from envs.core.workloads import FIRST_SEED

LOOKAHEAD = "lookahead"     # imitate what looking ahead from every action says
BASELINES = ("auto", "window", "clock", "value", "moving", "none")


class Batch(NamedTuple):
    """Episodes of an update; first axes step (T) and replica (E)."""

    observation: Tensor
    mask: Tensor | None
    action: Tensor
    reward: Tensor      # (T, E), 0 after the end
    alive: Tensor       # (T, E) the episode had not ended before this step
    clock: np.ndarray   # (T, E) simulated time of the step (s), zeros if it is not told
    cost: Tensor | None = None      # (T, E, A) where each action leads, when looking ahead
    cell: np.ndarray | None = None  # (E,) which of several tasks each episode is


class Reinforce(Learner):
    """The learner; `update` is the algorithm."""

    known = BASELINES       # what `agent.baseline` may be

    def __init__(self, config: ReinforceConfig, env: Any, network: Network, *, seed: int,
                 steps: int, tally: Tally | None = None):
        check(config, env, self.known)
        self.config, self.env, self.network, self.seed, self.tally = (
            config, env, network, seed, tally)
        self.device = next(network.parameters()).device
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.optimiser = torch.optim.Adam(network.parameters(), config.learning_rate, eps=1e-5)
        self.total = steps
        self.moving = torch.full((config.max_steps,), torch.nan)     # mean return by step
        self.scale = torch.ones(())                      # of returns, for the critic
        self.updates = 0

    def update(self) -> dict[str, float]:
        """One batch of episodes, each sample used once."""
        self.network.train()
        self.optimiser.param_groups[0]["lr"] = rate(self.config, 1 - self.steps / self.total)
        expert = self.config.imitate if self.steps < self.config.imitate_steps else None
        batch = self.play(expert)
        if batch.cost is not None:
            return self.settle(self.look_ahead(batch), batch)
        returns = returns_to_go(batch.reward, self.config.gamma)
        advantage, target = self.advantages(batch, returns)
        if expert is not None:      # every answer of the expert is to become likelier
            advantage = batch.alive.float()
        return self.settle(self.learn(batch, advantage, target), batch)

    def settle(self, losses: dict[str, float], batch: Batch) -> dict[str, float]:
        """Count the update and say how it went."""
        self.updates += 1
        episode = batch.reward.sum(0)
        return {**losses, "return": float(episode.mean()), "return_deviation": float(episode.std()),
                "episode_length": float(batch.alive.sum(0).float().mean())}

    def window_seeds(self) -> list[int]:
        """One seed per group, below those of validation and tests; they depend on the run's seed
        and the update alone."""
        sequence = np.random.SeedSequence([self.seed, self.updates])
        groups = sequence.generate_state(self.env.num_envs // self.config.group)
        return [int(s) % FIRST_SEED["validation"] for s in np.repeat(groups, self.config.group)]

    @torch.no_grad()
    def play(self, expert: str | None = None) -> Batch:
        """All replicas to the end of their first episode, by the network or by an expert."""
        observation, info = self.env.reset(seed=self.window_seeds())
        alive = np.ones(self.env.num_envs, bool)
        rows: list[tuple] = []
        costs: list[Tensor] = []
        now = np.zeros(self.env.num_envs)
        cell = np.asarray(info.get("cell", now))
        while alive.any() and len(rows) < self.config.max_steps:
            seen, mask = self._tensor(observation), self._mask(info)
            if expert in (None, LOOKAHEAD):
                action = self.network(seen, mask)[0].sample(self.generator)
            else:
                action = torch.as_tensor(self.env.advice(expert), device=self.device)
            if expert == LOOKAHEAD:
                costs.append(self._costs())
            observation, reward, terminated, truncated, info = self.env.step(action.cpu().numpy())
            rows.append((seen, mask, action, reward * alive, alive, now))
            now = info.get("now_s", info.get("time", now))
            alive = alive & ~(terminated | truncated)
            if self.tally:
                self.tally.add(info)
        self.steps += int(sum(row[4].sum() for row in rows))
        seen, mask, action, reward, living, clock = zip(*rows, strict=True)
        return Batch(torch.stack(seen), None if mask[0] is None else torch.stack(mask),
                     torch.stack(action), torch.as_tensor(np.stack(reward), dtype=torch.float32),
                     torch.as_tensor(np.stack(living)), np.stack(clock),
                     torch.stack(costs) if costs else None, cell)

    def _costs(self) -> Tensor:
        """Where each action leads, with a little on top where it leaves the roll-out's policy."""
        cost = self.env.action_values()
        usual = self.env.advice(self.env.options.rollout_policy)
        cost[np.arange(len(cost)), usual] -= self.config.imitate_margin
        return torch.as_tensor(cost, dtype=torch.float32)

    def advantages(self, batch: Batch, returns: Tensor) -> tuple[Tensor, Tensor]:
        """Return-to-go less its baseline, 0 after the end; and the critic's target."""
        kind = self.config.baseline
        if kind == "auto":
            kind = "clock" if batch.clock.any() else "window"
        if kind == "window":
            baseline = leave_one_out(returns, self.config.group)
        elif kind == "clock":
            baseline = simultaneous(returns, batch.alive, batch.clock, self.config.group)
        elif kind == "moving":
            baseline = self._moving(batch, returns)
        elif kind == "value":
            baseline = self._values(batch) * self.scale
            self.scale += (0.1 if self.updates else 1.0) * (returns.std() + 1e-6 - self.scale)
        else:
            baseline = torch.zeros_like(returns)
        advantage = (returns - baseline) * batch.alive
        if self.config.normalise:
            living = advantage[batch.alive]
            advantage = advantage / (living.square().mean().sqrt() + 1e-8)
        return advantage, returns / self.scale

    def learn(self, batch: Batch, advantage: Tensor, target: Tensor) -> dict[str, float]:
        """Gradient steps over disjoint parts of the batch."""
        config, living = self.config, batch.alive.flatten().nonzero().squeeze(1)
        order = living[torch.randperm(len(living), generator=self._shuffler())]
        flat = [None if x is None else x.flatten(0, 1)
                for x in (batch.observation, batch.mask, batch.action, advantage, target)]
        sums: dict[str, float] = {}
        for part in order.chunk(config.minibatches):
            losses = self.losses(*(None if x is None else x[part].to(self.device) for x in flat))
            self.descend(losses, sums)
        return sums

    def descend(self, losses: dict[str, Tensor], sums: dict[str, float]) -> None:
        """One gradient step, its norm clipped; `sums` gathers the means over the minibatches."""
        self.optimiser.zero_grad(set_to_none=True)
        losses["loss"].backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self.optimiser.step()
        for key, value in {**losses, "gradient_norm": norm}.items():
            sums[key] = sums.get(key, 0.0) + float(value.detach()) / self.config.minibatches

    def look_ahead(self, batch: Batch) -> dict[str, float]:
        """Gradient steps on the regret that the network expects of its own choices, where every
        action's cost is known: no draw decides what is learned."""
        regret = batch.cost - batch.cost.amin(-1, keepdim=True)
        regret = torch.where(regret.isfinite(), regret, 0.0).flatten(0, 1)
        living = (batch.alive.flatten() & (regret > 0).any(-1)).nonzero().squeeze(1)
        shuffler, config = self._shuffler(), self.config
        parts = [living[order] for _ in range(config.imitate_epochs) for order in torch.randperm(
            len(living), generator=shuffler).chunk(config.minibatches)]
        seen, mask = batch.observation.flatten(0, 1), batch.mask.flatten(0, 1)
        sums = {"expected_regret": 0.0, "entropy": 0.0}
        scale = regret[living].mean()
        for part in parts:
            distribution, _ = self.network(seen[part], mask[part])
            expected = (distribution.probabilities() * regret[part].to(self.device)).sum(-1).mean()
            entropy = distribution.entropy().mean()
            self.optimiser.zero_grad(set_to_none=True)
            (expected / scale - config.entropy * entropy).backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), config.clip_norm)
            self.optimiser.step()
            sums["expected_regret"] += float(expected.detach()) / len(parts)
            sums["entropy"] += float(entropy.detach()) / len(parts)
        return sums

    def losses(self, observation: Tensor, mask: Tensor | None, action: Tensor, advantage: Tensor,
               target: Tensor) -> dict[str, Tensor]:
        """The policy gradient's surrogate, the entropy and the critic's error."""
        distribution, value = self.network(observation, mask)
        policy = -(advantage * distribution.log_prob(action)).mean()
        entropy = distribution.entropy().mean()
        loss = policy - self.config.entropy * entropy
        parts = {"policy_loss": policy, "entropy": entropy}
        if self.config.baseline == "value":
            parts["value_loss"] = (value - target).square().mean()
            loss = loss + self.config.value_weight * parts["value_loss"]
        return {**parts, "loss": loss}

    def _moving(self, batch: Batch, returns: Tensor) -> Tensor:
        mean = (returns * batch.alive).sum(1) / batch.alive.sum(1)
        known = self.moving[:len(mean)]
        baseline = torch.where(known.isnan(), mean, known)
        self.moving[:len(mean)] = baseline + 0.1 * (mean - baseline)
        return baseline[:, None].expand_as(returns)

    @torch.no_grad()
    def _values(self, batch: Batch) -> Tensor:
        rows = [self.network(batch.observation[t], None if batch.mask is None else batch.mask[t])[1]
                for t in range(len(batch.observation))]
        return torch.stack(rows).cpu()

    def _shuffler(self) -> torch.Generator:
        return torch.Generator().manual_seed((self.seed << 20) + self.updates)

    def _tensor(self, observation: Any) -> Tensor:
        return torch.as_tensor(flat(observation), device=self.device)

    def _mask(self, info: Mapping[str, Any]) -> Tensor | None:
        mask = info.get("action_mask")
        return None if mask is None else torch.as_tensor(mask, device=self.device).bool()

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Weights, moments, baselines, generator and counters."""
        tensors = {"moving": self.moving, "scale": self.scale, **pack(
            "network", self.network.state_dict()), **pack("adam", pack_optimiser(self.optimiser)),
            "generator": self.generator.get_state()}
        return tensors, {"steps": self.steps, "updates": self.updates}

    def restore(self, tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
        """The next update is the one that would have followed."""
        self.network.load_state_dict(unpack("network", tensors))
        unpack_optimiser(self.optimiser, unpack("adam", tensors))
        self.generator.set_state(tensors["generator"])
        self.moving, self.scale = tensors["moving"].clone(), tensors["scale"].clone()
        self.steps, self.updates = numbers["steps"], numbers["updates"]


def returns_to_go(reward: Tensor, gamma: float) -> Tensor:
    """(T, E) discounted sums of the rewards from each step on."""
    total = torch.zeros_like(reward)
    running = torch.zeros_like(reward[0])
    for t in range(len(reward) - 1, -1, -1):
        running = reward[t] + gamma * running
        total[t] = running
    return total


def leave_one_out(returns: Tensor, group: int) -> Tensor:
    """The mean of the other replicas of each group, step by step."""
    grouped = returns.unflatten(1, (-1, group))
    return ((grouped.sum(-1, keepdim=True) - grouped) / (group - 1)).flatten(1)


def simultaneous(returns: Tensor, alive: Tensor, clock: np.ndarray, group: int) -> Tensor:
    """The mean return-to-go of the other replicas of each group at the time of each step."""
    values, total = returns.numpy(), np.zeros(returns.shape, np.float32)
    lengths = alive.sum(0).tolist()
    for e, length in enumerate(lengths):
        first = e - e % group
        for other in range(first, first + group):
            if other != e:
                n = lengths[other]
                total[:length, e] += np.interp(clock[:length, e], clock[:n, other],
                                               values[:n, other], right=0.0)
    return torch.as_tensor(total / (group - 1))


def check(config: ReinforceConfig, env: Any, known: Sequence[str] = BASELINES) -> None:
    """Settings that cannot work are one error each."""
    num_envs = env.num_envs
    if config.imitate is not None and not hasattr(env, "advice"):
        raise PolicyError("this environment has no policy to imitate", "agent.imitate",
                          "leave it out, or say env=dag")
    if config.baseline not in known:
        raise PolicyError(f'unknown baseline "{config.baseline}"', "agent.baseline",
                          "known: " + ", ".join(known))
    if config.group < 1 or num_envs % config.group:
        raise PolicyError(f"{num_envs} replicas do not fall into groups of {config.group}",
                          "agent.group", "let it divide agent.num_envs")
    if config.baseline in ("auto", "window", "clock") and config.group < 2:
        raise PolicyError("the window baseline compares replicas of one window", "agent.group",
                          "give at least 2")
