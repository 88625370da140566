"""Networks before and after an edit, compared."""
import torch
from torch import nn


def in_training(module, batch, steps=3):
    """A network whose BatchNorm statistics and weights have moved from where they start."""
    draws = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += .1 * torch.randn(parameter.shape, generator=draws)
    module.train()
    for _ in range(steps):
        module(batch)
    return module


@torch.no_grad()
def drift(before, after, batch):
    """Relative distance of the outputs, without lasting effect on running statistics."""
    kept = [(b, b.clone()) for m in (before, after) for b in m.buffers()]
    y, again = before(batch), after(batch)
    for buffer, value in kept:
        buffer.copy_(value)
    return float((again - y).norm() / y.norm())


@torch.no_grad()
def same_choice(before, after, batch, margin=1e-4):
    """The same largest logit for all inputs that have a margin, in eval mode."""
    y, again = before.eval()(batch), after.eval()(batch)
    two = y.topk(2, 1).values
    clear = two[:, 0] - two[:, 1] > margin
    return bool(clear.any()) and torch.equal(y.argmax(1)[clear], again.argmax(1)[clear])


def moved(before, after):
    """Names of parameters that a step has changed."""
    return {name for name, value in after.named_parameters()
            if name not in before or not torch.equal(before[name], value)}


def step(module, optimiser, batch, labels):
    """One step of training; the loss."""
    loss = nn.functional.cross_entropy(module(batch), labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())
