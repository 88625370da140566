"""A new graph: the policy that does best on it goes on learning, without forgetting the rest.

Half of the episodes come from the new graph, half from the parent's families, and a step away from
the parent costs KL(parent || policy).
"""
from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from agents.library import aliases as names
from agents.library import families, versions
from agents.library.choosing import Tried, asked, best_version, choose
from agents.library.distilling import divergence
from agents.library.library import Added, Library
from agents.library.recognition import family_of
from agents.library.versions import RULE
from agents.reinforce import Reinforce
from agents.schema import ReinforceConfig
from envs.core.errors import PolicyError
from envs.dag.scenario import APART

if TYPE_CHECKING:
    from agents.library.families import Family
    from agents.networks.acting import NetworkPolicy
    from envs.dag.scenario import Scenario

FIRST_HELD_OUT = 500_000        # training seeds stay below


@dataclass(frozen=True)
class Course:
    """How a policy is fine-tuned."""

    steps: int = 50_000             # of the environments, all replicas together
    divergence: float = 0.1         # weight of KL(parent || policy)
    num_envs: int = 32
    group: int = 8
    learning_rate: float = 3e-4
    seed: int = 0


class Updated(NamedTuple):
    """What was tried, the family of the graph, and the new version."""

    tried: list[Tried]
    family: str
    added: Added


def update(library: Library, graph: str, machine: str | None = None,
           course: Course | None = None) -> Updated:
    """Choose, fine-tune, gate. A graph whose signature is known is an update of its family's own
    specialist; another makes a family, and its parent is the best that was tried."""
    scenario = scenario_of(library, graph, machine)
    tried, new = choose(library, scenario), family_of(scenario)
    known = families.known(library.root, new.signatures)
    own = RULE if known is None else library.accuracies().specialist(known.name)
    parent = own if own != RULE else best_version(tried)
    before = versions.read(library.root, parent).families
    rehearsed = [library.families[d] for d in before if known is None or d != known.name]
    policy = fine_tune(library, versions.load(library.root, parent), new, rehearsed,
                       course or Course())
    family = families.make_or_join(library.root, new).name
    added = library.add(policy, op="finetune", parents=[parent], family=family,
                        trained=sorted({family, *before}),
                        card=f"# Version {parent} fine-tuned\n\nOn `{graph}`, family {family}.\n")
    return Updated(tried, family, added)


def scenario_of(library: Library, graph: str, machine: str | None) -> Scenario:
    """The graph under the options of a family that the library serves, on its machine unless
    another is given."""
    serving = names.serving(library.aliases, "")
    newest = max(versions.versions(library.root), default=RULE)
    version = serving or newest
    if version == RULE and machine is None:
        raise PolicyError("no version says on which machine", "machine",
                          "give machine=FILE, or train a first version")
    if version == RULE:
        return asked(graph, machine)
    trained = versions.read(library.root, version).families
    base = dict(families.read(library.root, trained[0]).scenario)
    own = base.pop("machine")
    options = {key: base[key] for key in base if key not in APART}
    return asked(graph, own if machine is None else machine, options)


def fine_tune(library: Library, parent: NetworkPolicy, new: Family, rehearsed: Sequence[Family],
              course: Course) -> NetworkPolicy:
    """A copy of the parent after episodes of both kinds, turn by turn in equal number."""
    torch.manual_seed(course.seed)
    policy, turns = deepcopy(parent), []
    config = ReinforceConfig(num_envs=course.num_envs, group=course.group,
                             learning_rate=course.learning_rate, gamma=1.0, entropy=0.0)
    try:
        for family in (new, *rehearsed):
            env = library.judge.batch(policy, family, course.num_envs)
            turns.append(NearParent(config, env, policy.network, parent.network, course))
            turns[-1].optimiser = turns[0].optimiser
        learn(turns, course.steps)
    finally:
        for turn in turns:
            turn.env.close()
    policy.network.eval()
    return policy


def learn(turns: Sequence[NearParent], steps: int) -> None:
    """Every other update on the first, those between on the rest in turn."""
    first, rest, count, done = turns[0], turns[1:] or turns, 0, 0
    while done < steps:
        turn = first if count % 2 == 0 else rest[count // 2 % len(rest)]
        before = turn.steps
        turn.update()
        done, count = done + turn.steps - before, count + 1


class NearParent(Reinforce):
    """REINFORCE that stays near its parent."""

    def __init__(self, config: ReinforceConfig, env: Any, network: Any, parent: Any,
                 course: Course):
        super().__init__(config, env, network, seed=course.seed, steps=course.steps)
        self.parent, self.weight = parent.eval(), course.divergence

    def update(self) -> dict[str, float]:
        """One batch of episodes, both networks bound to this environment."""
        self.network.start(self.env)
        self.parent.start(self.env)
        return super().update()

    def window_seeds(self) -> list[int]:
        """Seeds of the training range."""
        return [seed % FIRST_HELD_OUT for seed in super().window_seeds()]

    def losses(self, observation: Tensor, mask: Tensor | None, action: Tensor, advantage: Tensor,
               target: Tensor) -> dict[str, Tensor]:
        """The usual ones and the distance to the parent."""
        parts = super().losses(observation, mask, action, advantage, target)
        with torch.no_grad():
            told = self.parent(observation, mask)[0].logp
        parts["divergence"] = divergence(told, self.network(observation, mask)[0])
        return {**parts, "loss": parts["loss"] + self.weight * parts["divergence"]}
