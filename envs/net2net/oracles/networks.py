"""Networks written as lists of nodes, as modules."""
from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from envs.core.oracles import OracleError

LAYERS: dict[str, Callable[[Mapping[str, Any], tuple[int, ...]], nn.Module]] = {
    "conv2d": lambda node, shape: nn.Conv2d(
        shape[1], node["out"], node["kernel"], node["stride"], node["padding"],
        groups=node["groups"], bias=node["bias"]),
    "linear": lambda node, shape: nn.Linear(shape[1], node["out"], node["bias"]),
    "batchnorm2d": lambda _, shape: nn.BatchNorm2d(shape[1]),
    "groupnorm": lambda node, shape: nn.GroupNorm(node["groups"], shape[1]),
    "maxpool2d": lambda node, _: nn.MaxPool2d(node["kernel"]),
    "avgpool2d": lambda node, _: nn.AvgPool2d(node["kernel"]),
    "relu": lambda *_: nn.ReLU(),
    "tanh": lambda *_: nn.Tanh(),
    "gelu": lambda *_: nn.GELU(),
    "flatten": lambda *_: nn.Flatten(),
}
FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "add": operator.add,
    "concat": lambda *values: torch.cat(values, 1),
    "globalavgpool": lambda value: value.mean((2, 3)),
}
TRACED = {"add": "add", "concat": "cat", "globalavgpool": "mean"}


class Listed(nn.Module):
    """A network of `input_shape`, `nodes` and `output`; layers bear the names of the nodes.

    Weights are always the same random ones.
    """

    def __init__(self, net: Mapping[str, Any]):
        super().__init__()
        self.nodes, self.output = net["nodes"], net["output"]
        values = {"x": torch.zeros(2, *net["input_shape"])}
        with torch.random.fork_rng(()):
            torch.manual_seed(0)
            for node in self.nodes:
                self._put(node, values)
                values[node["name"]] = self._value(node, values)

    def forward(self, x: Tensor) -> Tensor:
        """The value of the output node."""
        values = {"x": x}
        for node in self.nodes:
            values[node["name"]] = self._value(node, values)
        return values[self.output]

    def _put(self, node: Mapping[str, Any], values: Mapping[str, Tensor]) -> None:
        if node["op"] in LAYERS:
            shape = tuple(values[node["input"][0]].shape)
            self.add_module(node["name"], LAYERS[node["op"]](node, shape))
        elif node["op"] not in FUNCTIONS:
            raise OracleError(f"unknown operation {node['op']}", node["name"], "see the schema")

    def _value(self, node: Mapping[str, Any], values: Mapping[str, Tensor]) -> Tensor:
        run = FUNCTIONS[node["op"]] if node["op"] in FUNCTIONS else getattr(self, node["name"])
        return run(*(values[name] for name in node["input"]))


def place(net: Mapping[str, Any], name: str) -> str:
    """What a traced network calls a node: functions are named by kind, and counted."""
    op = next((node["op"] for node in net["nodes"] if node["name"] == name), None)
    if op not in FUNCTIONS:
        return name
    alike = [node["name"] for node in net["nodes"] if node["op"] == op]
    number = alike.index(name)
    return TRACED[op] + (f"_{number}" if number else "")


def example_of(net: Mapping[str, Any], batch: int = 2, seed: int = 0) -> Tensor:
    """Random inputs of a network, float32 (batch, *input_shape)."""
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(batch, *net["input_shape"], generator=draws)
