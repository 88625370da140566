"""A network that learns: module, Adam, batches by step number; no clock and no budget."""
from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from envs.net2net.architectures import Architecture
from envs.net2net.operators.distillation import STEPS, distillation_loss
from envs.net2net.training.batches import batch_of, split_of

RATE, BETAS, DAMPING = 0.005, (0.9, 0.999), 1e-8
FORGET = 0.9                        # of the average of training losses


class Score(NamedTuple):
    """Share of right answers and mean cross-entropy on a split."""

    accuracy: float
    loss: float


@dataclass
class Distillation:
    """What a shrunk network still learns from the one before the undo."""

    teacher: nn.Sequential          # in eval mode
    architecture: Architecture      # of the teacher
    steps: int = STEPS    # that are left


class Learner:
    """Trains one network on one task in the order of one seed."""

    def __init__(self, task: str, seed: int, module: nn.Sequential):
        self.task, self.seed, self.module = task, seed, module
        self.optimiser = adam(module)
        self.steps = 0
        self.loss: float | None = None      # running average of the training loss
        self.distillation: Distillation | None = None

    def train(self, rates: Iterable[float]) -> None:
        """A step per learning rate."""
        self.module.train()
        (group,) = self.optimiser.param_groups
        for rate in rates:
            group["lr"] = rate
            images, labels = batch_of(self.task, self.seed, self.steps)
            self.optimiser.zero_grad()
            outputs = self.module(images)
            loss = functional.cross_entropy(outputs, labels)
            self._objective(images, labels, outputs, loss).backward()
            self.optimiser.step()
            self._count(loss.item())

    def _objective(self, images: torch.Tensor, labels: torch.Tensor, outputs: torch.Tensor,
                   loss: torch.Tensor) -> torch.Tensor:
        """The loss, or a mixture with the teacher's answers while there are steps left for it."""
        lesson = self.distillation
        if lesson is None:
            return loss
        with torch.no_grad():
            taught = lesson.teacher(images)
        return distillation_loss(outputs, taught, labels)

    def _count(self, loss: float) -> None:
        self.steps += 1
        self.loss = loss if self.loss is None else FORGET * self.loss + (1 - FORGET) * loss
        if self.distillation:
            self.distillation.steps -= 1
            if not self.distillation.steps:
                self.distillation = None

    def score(self, split: str) -> Score:
        """Accuracy and mean loss on a whole split, in eval mode."""
        images, labels = split_of(self.task, split)
        self.module.eval()
        with torch.inference_mode():
            outputs = self.module(images)
            right = (outputs.argmax(1) == labels).sum().item()
            return Score(right / len(labels), functional.cross_entropy(outputs, labels).item())

    def fork(self) -> Learner:
        """An independent copy that goes on from here."""
        other = Learner(self.task, self.seed, copy.deepcopy(self.module))
        other.steps, other.loss = self.steps, self.loss
        copy_state(self.optimiser, other.optimiser)
        if self.distillation:
            other.distillation = copy.copy(self.distillation)
        return other


def adam(module: nn.Module) -> torch.optim.Adam:
    """The optimiser of every training; the learning rate is set before every step."""
    return torch.optim.Adam(module.parameters(), lr=RATE, betas=BETAS, eps=DAMPING, fused=True)


def copy_state(source: torch.optim.Adam, target: torch.optim.Adam) -> None:
    """Moments and step counts, parameter by parameter in order."""
    for old, new in zip(source.param_groups[0]["params"], target.param_groups[0]["params"],
                        strict=True):
        if old in source.state:
            take_state(target, new, source.state[old])


def take_state(optimiser: torch.optim.Adam, parameter: nn.Parameter,
               state: Mapping[str, torch.Tensor]) -> None:
    """Give a parameter a copy of a state, laid out in memory as the parameter is."""
    optimiser.state[parameter] = {
        key: torch.empty_like(parameter).copy_(tensor) if tensor.dim() else tensor.clone()
        for key, tensor in state.items()}
