"""A smaller student learns what its teacher knew before it shrank."""
from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

STEPS = 100
TEMPERATURE = 2.0
HARD = .25              # share of the labels in the loss; the teacher has the rest


def distillation_loss(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """.25·cross-entropy + .75·T²·KL(teacher || student) of logits (n, classes), T = 2."""
    soft = functional.kl_div(functional.log_softmax(student / TEMPERATURE, -1),
                             functional.log_softmax(teacher / TEMPERATURE, -1),
                             reduction="batchmean", log_target=True)
    hard = functional.cross_entropy(student, labels)
    return HARD * hard + (1 - HARD) * TEMPERATURE**2 * soft


def distil(student: nn.Module, teacher: nn.Module, batches: Iterable[tuple[Tensor, Tensor]],
           optimiser: Optimizer, steps: int = STEPS) -> list[float]:
    """Train the student on at most so many batches (inputs, labels); the losses of the steps.

    The teacher is asked in eval mode and left as it was.
    """
    mode, losses = teacher.training, []
    teacher.eval()
    for inputs, labels in islice(batches, steps):
        with torch.no_grad():
            target = teacher(inputs)
        loss = distillation_loss(student(inputs), target, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    teacher.train(mode)
    return losses
