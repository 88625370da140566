"""PyTorch models from the text of an expression, read without running it."""
from __future__ import annotations

import ast
from typing import Any

import torch
from torch import nn

from envs.core.oracles import OracleError


class Residual(nn.Module):
    """Two convolutions around a batch norm, and a way past them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.n = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.b = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.b(torch.relu(self.n(self.a(x)))) + x)


class Attention(nn.Module):
    """One head."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(32, 32) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w = torch.matmul(self.q(x), self.k(x).transpose(1, 2)) / 5.0
        return self.o(torch.matmul(torch.softmax(w, -1), self.v(x)))


OWN = {"Residual": Residual, "Attention": Attention}


def built(text: str) -> nn.Module:
    """The model of `nn.Sequential(nn.Linear(784, 256), ...)` or of a class above."""
    return _value(ast.parse(text, mode="eval").body, text)


def _value(node: ast.expr, text: str) -> Any:
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    arguments = [_value(argument, text) for argument in node.args]
    keywords = {k.arg: _value(k.value, text) for k in node.keywords}
    return _class(node.func, text)(*arguments, **keywords)


def _class(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Name) and node.id in OWN:
        return OWN[node.id]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) \
            and node.value.id == "nn" and _is_module(getattr(nn, node.attr, None)):
        return getattr(nn, node.attr)
    raise OracleError(f"unknown module {ast.unparse(node)}", text,
                      f"use nn.* or {', '.join(OWN)}")


def _is_module(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, nn.Module)
