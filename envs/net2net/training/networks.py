"""Modules of stages and their initial weights."""
from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from envs.net2net.architectures import Architecture, Network
from envs.net2net.draws import STREAMS, u

MOMENTUM, EPSILON = 0.1, 1e-5       # of BatchNorm


def build(network: Network, architecture: Architecture) -> nn.Sequential:
    """The module of an architecture, weights not yet set.

    Blocks are `conv{s}_{v}`, `norm{s}_{v}`, `relu{s}_{v}` of stage s, in order; then `pool{s}`
    after every stage but the last, `gap` (heads of that kind), `flatten` and `linear`.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = network.cin
    for stage, (depth, width, kernel) in enumerate(architecture):
        for layer in range(depth):
            at = f"{stage}_{layer}"
            layers[f"conv{at}"] = nn.Conv2d(inputs, width, kernel, padding=kernel // 2, bias=False)
            layers[f"norm{at}"] = nn.BatchNorm2d(width, eps=EPSILON, momentum=MOMENTUM)
            layers[f"relu{at}"] = nn.ReLU()
            inputs = width
        if network.pools[stage]:
            layers[f"pool{stage}"] = nn.MaxPool2d(2)
    if network.head == "gap":
        layers["gap"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["linear"] = nn.Linear(network.features(architecture), network.classes)
    return nn.Sequential(layers).to(memory_format=torch.channels_last)


def initial(network: Network, seed: int) -> nn.Sequential:
    """The base network with the weights of a seed: the convolutions in order, linear, its bias."""
    module = build(network, network.base)
    number = 0
    for layer in module:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan_in = layer.weight[0].numel()
            for tensor in (layer.weight, layer.bias):
                if tensor is not None:
                    _draw(tensor, seed, number, fan_in)
                    number += 1
    return module


def _draw(tensor: torch.Tensor, seed: int, number: int, fan_in: int) -> None:
    """Uniform within 1/sqrt(fan_in) either way, element by element."""
    draws = 2.0 * u(seed, STREAMS["weights"], number, np.arange(tensor.numel())) - 1.0
    values = (draws / np.sqrt(fan_in)).astype(np.float32).reshape(tuple(tensor.shape))
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(values))
