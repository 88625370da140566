"""Parameters and multiply-accumulates of a network."""
from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from envs.net2net.operators.draft import Example
from envs.net2net.operators.kinds import CONVOLUTIONS


def counts(module: nn.Module, example: Example) -> tuple[int, int]:
    """Trainable parameters, and MACs of one sample (convolutions and linear layers, no biases)."""
    inputs = (example,) if isinstance(example, Tensor) else tuple(example)
    parameters = sum(p.numel() for p in module.parameters() if p.requires_grad)
    found: list[int] = []

    def count(layer: nn.Module, _: object, output: Tensor) -> None:
        per_output = layer.weight[0].numel()
        found.append(output.numel() * per_output)

    hooks = [layer.register_forward_hook(count) for layer in module.modules()
             if isinstance(layer, (*CONVOLUTIONS, nn.Linear))]
    modes = [(part, part.training) for part in module.modules()]
    try:
        with torch.no_grad():
            module.eval()(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
        for part, mode in modes:
            part.training = mode
    return parameters, sum(found) // math.prod(inputs[0].shape[:1])
