"""A traced network run node by node, so that values on the way can be seen."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg
from torch.nn import functional

from envs.net2net.operators.refused import Refused


def values(module: fx.GraphModule, inputs: Sequence[Tensor]) -> Iterator[tuple[fx.Node, Any]]:
    """Every node with its value, in order."""
    known: dict[fx.Node, Any] = {}
    given = iter(inputs)
    for node in module.graph.nodes:
        known[node] = _value(module, node, known, given)
        yield node, known[node]


def shapes(module: fx.GraphModule, inputs: Sequence[Tensor]) -> dict[fx.Node, tuple[int, ...]]:
    """The shape of every node's value, () where it is no tensor; found in eval mode."""
    with in_mode(module, False), torch.no_grad():
        return {node: tuple(value.shape) if isinstance(value, Tensor) else ()
                for node, value in values(module, inputs)}


def moments(module: fx.GraphModule, node: fx.Node,
            inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and biased variance per channel of a node's value in train mode, over a batch."""
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    with in_mode(module, True), torch.no_grad(), torch.random.fork_rng(_devices(module)):
        value = next(value for at, value in values(module, inputs) if at is node)
        for buffer, before in buffers:
            buffer.copy_(before)
    return _statistics(value)


@contextmanager
def in_mode(module: fx.GraphModule, training: bool) -> Iterator[None]:
    """All of a network in train or eval mode, each part as it was afterwards."""
    before = [(part, part.training) for part in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode


def _value(module: fx.GraphModule, node: fx.Node, known: dict[fx.Node, Any],
           given: Iterator[Tensor]) -> Any:
    if node.op == "placeholder":
        return _input(node, given)
    if node.op == "get_attr":
        return _attribute(module, node.target)
    args, kwargs = map_arg((node.args, node.kwargs), known.__getitem__)
    if node.op == "output":
        return args[0]
    if node.op == "call_module":
        return module.get_submodule(node.target)(*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], node.target)(*args[1:], **kwargs)
    return node.target(*args, **kwargs)


def _input(node: fx.Node, given: Iterator[Tensor]) -> Any:
    value = next(given, None)
    if value is None and not node.args:
        raise Refused("the example has too few inputs", node.name, "give a tuple of all inputs")
    return node.args[0] if value is None else value


def _attribute(module: fx.GraphModule, path: str) -> Any:
    parent, _, name = path.rpartition(".")
    return getattr(module.get_submodule(parent), name)


def _statistics(value: Tensor) -> tuple[Tensor, Tensor]:
    """As a batch normalisation itself rounds them, so that it undoes what it sees."""
    channels = value.shape[1]
    mean, variance = value.new_zeros(channels), value.new_ones(channels)
    functional.batch_norm(value, mean, variance, training=True, momentum=1.0)
    samples = value.numel() // channels
    return mean, variance * ((samples - 1) / samples)


def _devices(module: fx.GraphModule) -> list[torch.device]:
    return list({p.device for p in module.parameters() if p.device.type == "cuda"})
