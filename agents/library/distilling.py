"""One student of several teachers (A. Rusu et al., *Policy distillation*, 2015).

The student minimises KL(teacher || student) of masked action distributions, on states that the
family's teacher visits and, in equal number, on those that it visits itself.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from agents.library import versions
from agents.library.accuracy import Accuracies
from agents.library.library import Added, Library
from agents.observations import flat

if TYPE_CHECKING:
    from agents.networks.acting import NetworkPolicy
    from agents.networks.categorical import Categoricals


@dataclass(frozen=True)
class Lessons:
    """How long and how a student learns."""

    states: int = 20_000            # at least, of each family
    num_envs: int = 32              # replicas; half of them follow the teacher
    steps: int = 64                 # of the batch before each lesson
    epochs: int = 10                # over the states of a lesson
    batch: int = 512
    learning_rate: float = 1e-3
    clip_norm: float = 0.5
    seed: int = 0


def divergence(told: Tensor, student: Categoricals) -> Tensor:
    """KL(teacher || student), mean over the batch; `told` are the teacher's log-probabilities."""
    return (told.exp() * (told - student.logp)).sum((-1, -2)).mean()


def merge(library: Library, parents: Sequence[int], lessons: Lessons | None = None) -> Added:
    """A student of these versions, gated like any candidate."""
    numbers = sorted(set(parents))
    versions.same_schema(library.root, numbers)
    table = library.accuracies()
    teachers = teachers_of(table, numbers, library.trained(numbers))
    first = min(numbers, key=lambda n: (sum(table.row(n, teachers).values()), n))
    student = distill(library, deepcopy(table.actor(first)),
                      {d: table.actor(n) for d, n in teachers.items()}, lessons or Lessons())
    told = ", ".join(f"{d} by {n}" for d, n in teachers.items())
    return library.add(student, op="distill", parents=numbers, trained=[*teachers],
                       card=f"# Distilled from {', '.join(map(str, numbers))}\n\n"
                            f"Begun from version {first}; teachers: {told}.\n")


def teachers_of(table: Accuracies, numbers: Sequence[int], families: Sequence[str]
                ) -> dict[str, int]:
    """Family -> the best of the parents that know it (ties: lower version)."""
    trained = {n: versions.read(table.root, n).families for n in numbers}
    return {d: min((n for n in numbers if d in trained[n]), key=lambda n: (table.of(n, d), n))
            for d in families}


def distill(library: Library, student: NetworkPolicy, teachers: dict[str, NetworkPolicy],
            lessons: Lessons) -> NetworkPolicy:
    """Lessons of the families in turn until each has shown its states."""
    torch.manual_seed(lessons.seed)
    optimiser = torch.optim.Adam(student.network.parameters(), lessons.learning_rate, eps=1e-5)
    rooms = {d: Room(library.judge.batch(student, library.families[d], lessons.num_envs),
                     teacher, student, lessons.seed) for d, teacher in teachers.items()}
    try:
        while any(room.seen < lessons.states for room in rooms.values()):
            for room in rooms.values():
                if room.seen < lessons.states:
                    learn(student.network, optimiser, [*room.visit(lessons.steps)], lessons)
    finally:
        for room in rooms.values():
            room.env.close()
    student.network.eval()
    return student


class Room:
    """A family's batch of replicas: the first half goes where the teacher goes."""

    def __init__(self, env: Any, teacher: NetworkPolicy, student: NetworkPolicy, seed: int):
        self.env, self.teacher, self.student, self.seen = env, teacher, student, 0
        self.draws = torch.Generator().manual_seed(seed)
        self.observation, self.info = env.reset(seed=seed)

    def visit(self, steps: int) -> Iterator[tuple[Tensor, Tensor | None, Tensor]]:
        """Observation, mask and the teacher's log-probabilities of every step of the batch."""
        self.teacher.network.start(self.env)
        self.student.network.start(self.env)
        for _ in range(steps):
            seen, mask = torch.as_tensor(flat(self.observation)), self.info.get("action_mask")
            mask = None if mask is None else torch.as_tensor(mask).bool()
            with torch.no_grad():
                told = self.teacher.network(seen, mask)[0]
                own = self.student.network(seen, mask)[0].sample(self.draws)
                action = told.sample(self.draws)
            action[len(action) // 2:] = own[len(action) // 2:]
            yield seen, mask, told.logp
            self.observation, _, _, _, self.info = self.env.step(action.numpy())
            self.seen += len(action)


def learn(network: nn.Module, optimiser: torch.optim.Optimizer,
          visits: Sequence[tuple[Tensor, Tensor | None, Tensor]], lessons: Lessons) -> float:
    """Some epochs over the states of a lesson; the last mean divergence."""
    seen, mask, told = (None if part[0] is None else torch.cat(part)
                        for part in zip(*visits, strict=True))
    network.train()
    for _ in range(lessons.epochs):
        losses = []
        for part in torch.randperm(len(seen)).split(lessons.batch):
            found, _ = network(seen[part], None if mask is None else mask[part])
            loss = divergence(told[part], found)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), lessons.clip_norm)
            optimiser.step()
            losses.append(float(loss.detach()))
    return float(np.mean(losses))
