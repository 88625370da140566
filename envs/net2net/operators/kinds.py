"""What the nodes of a traced network are, as far as edits know them."""
from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)        # by number of pixel axes, from 1
BATCHNORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
ACTIVATIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU",
    "selu": "SELU", "celu": "CELU", "gelu": "GELU", "silu": "SiLU", "mish": "Mish",
    "sigmoid": "Sigmoid", "logsigmoid": "LogSigmoid", "tanh": "Tanh", "hardtanh": "Hardtanh",
    "hardswish": "Hardswish", "hardsigmoid": "Hardsigmoid", "softplus": "Softplus",
    "softsign": "Softsign",
}
POOLS = [f"{kind}{d}d" for kind in ("MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
         for d in (1, 2, 3)]
POOL_FUNCTIONS = [f"{kind}{d}d" for kind in ("max_pool", "avg_pool", "adaptive_avg_pool",
                                             "adaptive_max_pool") for d in (1, 2, 3)]
DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout")


def _layer_kinds() -> dict[type, str]:
    kinds: dict[type, str] = {nn.Linear: "linear", nn.GroupNorm: "groupnorm", nn.Identity: "same",
                              nn.LayerNorm: "layernorm", nn.Flatten: "flatten"}
    kinds |= dict.fromkeys(CONVOLUTIONS, "conv") | dict.fromkeys(BATCHNORMS, "batchnorm")
    kinds |= {getattr(nn, name): "pool" for name in POOLS}
    kinds |= {getattr(nn, name): "dropout" for name in DROPOUTS}
    return kinds | {getattr(nn, name): "activation" for name in ACTIVATIONS.values()}


def _function_kinds() -> dict[Any, str]:
    kinds: dict[Any, str] = {
        operator.add: "add", operator.iadd: "add", torch.add: "add", torch.flatten: "flatten",
        torch.cat: "concat", torch.concat: "concat", torch.mean: "mean",
        torch.reshape: "view"}
    kinds |= {getattr(functional, name): "pool" for name in POOL_FUNCTIONS}
    return kinds | dict.fromkeys(_activation_functions(), "activation")


def _activation_functions() -> dict[Callable[..., Any], str]:
    named = {}
    for name in ACTIVATIONS:
        for place in (functional, torch):
            for function in (name, f"{name}_"):
                if hasattr(place, function):
                    named[getattr(place, function)] = name
    return named


LAYER_KINDS, FUNCTION_KINDS = _layer_kinds(), _function_kinds()
METHOD_KINDS = {"add": "add", "add_": "add", "flatten": "flatten", "mean": "mean",
                "view": "view", "reshape": "view", "size": "size"} | {
    f"{name}{end}": "activation" for name in ("relu", "sigmoid", "tanh") for end in ("", "_")}
LAYER_NAMES = {getattr(nn, title): name for name, title in ACTIVATIONS.items()}
FUNCTION_NAMES = _activation_functions()


def kind_of(node: fx.Node, layer: nn.Module | None) -> str:
    """input, output, conv, linear, batchnorm, activation, pool, ...; or unknown."""
    if node.op in ("placeholder", "output"):
        return {"placeholder": "input", "output": "output"}[node.op]
    if layer is not None:
        return "unknown" if getattr(layer, "return_indices", False) else LAYER_KINDS.get(
            type(layer), "unknown")
    if node.kwargs.get("return_indices") or node.kwargs.get("alpha", 1) != 1:
        return "unknown"
    table = {"call_function": FUNCTION_KINDS, "call_method": METHOD_KINDS}.get(node.op, {})
    kind = table.get(node.target, "unknown")
    if kind == "view":
        return "flatten" if _leaves_rows(node) else "unknown"
    if _is_size(node):
        return "size"
    nodes = [a for a in node.args if isinstance(a, fx.Node)]
    return "unknown" if kind == "add" and len(nodes) != 2 else kind


def reads_rows_only(node: fx.Node) -> bool:
    """Whether of a size only the number of rows (the batch) is used."""
    if node.op == "call_method" and len(node.args) == 2:
        return node.args[1] == 0
    return all(user.target is operator.getitem and user.args[1] == 0 for user in node.users)


def _is_size(node: fx.Node) -> bool:
    if node.op == "call_function" and node.target is operator.getitem:
        return isinstance(node.args[0], fx.Node) and _is_size(node.args[0])
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] == "shape"
    return node.op == "call_method" and node.target == "size"


def _leaves_rows(node: fx.Node) -> bool:
    """Whether a view flattens all but the first axis: `x.view(n, -1)`."""
    sizes = node.args[1] if isinstance(node.args[1], tuple | list) else node.args[1:]
    return len(sizes) == 2 and sizes[1] == -1


def operation(node: fx.Node, layer: nn.Module | None) -> str:
    """The name of an operation, for messages and for activations (`relu`)."""
    if layer is not None:
        return LAYER_NAMES.get(type(layer), type(layer).__name__)
    if node.op == "call_method":
        return str(node.target).rstrip("_")
    named = FUNCTION_NAMES.get(node.target) if node.op == "call_function" else None
    return named or str(getattr(node.target, "__name__", node.target))
