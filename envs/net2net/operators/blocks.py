"""New layers: identities, fresh ones and zeros, in the form of their place."""
from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor, fx, nn

from envs.net2net.operators.draft import Draft
from envs.net2net.operators.kinds import ACTIVATIONS, BATCHNORMS, CONVOLUTIONS
from envs.net2net.operators.points import Form
from envs.net2net.operators.refused import Refused


def weight_layer(form: Form) -> nn.Module:
    """A convolution or linear layer C -> C whose values are not set yet."""
    place = {"device": form.like.weight.device, "dtype": form.like.weight.dtype}
    if not form.kernel:
        return nn.utils.skip_init(nn.Linear, form.channels, form.channels, form.bias, **place)
    return nn.utils.skip_init(
        CONVOLUTIONS[len(form.kernel) - 1], form.channels, form.channels, form.kernel,
        padding=tuple(side // 2 for side in form.kernel), bias=form.bias, **place)


@torch.no_grad()
def identity_layer(form: Form) -> nn.Module:
    """A layer that hands its input on."""
    layer = weight_layer(form)
    nn.init.dirac_(layer.weight) if form.kernel else nn.init.eye_(layer.weight)
    if layer.bias is not None:
        layer.bias.zero_()
    return layer


@torch.no_grad()
def fresh_layer(form: Form, generator: torch.Generator) -> nn.Module:
    """A layer with weights drawn uniformly within 1/sqrt(fan in)."""
    layer = weight_layer(form)
    bound = 1 / math.sqrt(layer.weight[0].numel())
    for parameter in layer.parameters():
        draws = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.copy_((2 * draws - 1) * bound)
    return layer


def default_batchnorm(form: Form) -> nn.Module | None:
    """A new batch normalisation, where the form has one."""
    if form.batchnorm is None:
        return None
    norm = BATCHNORMS[len(form.kernel) - 1](form.channels, form.batchnorm.eps,
                                            form.batchnorm.momentum)
    return norm.to(form.like.weight)


@torch.no_grad()
def matched_batchnorm(form: Form, moments: tuple[Tensor, Tensor]) -> nn.Module:
    """A batch normalisation that undoes itself for the given mean and biased variance."""
    norm, (mean, variance) = default_batchnorm(form), moments
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    return norm


@torch.no_grad()
def zeroed(layer: nn.Module) -> nn.Module:
    """The layer with all parameters 0."""
    for parameter in layer.parameters():
        parameter.zero_()
    return layer


def activation_layer(draft: Draft, node: fx.Node) -> nn.Module:
    """A layer of its own that does what an activation does."""
    layer = draft.layer(node)
    if layer is not None:
        return copy.deepcopy(layer)
    if any(isinstance(value, fx.Node) for value in node.args[1:]):
        raise Refused("unknown operation: a functional activation with weights", node.name,
                      "use a layer")
    kwargs = {key: value for key, value in node.kwargs.items() if key != "input"}
    return getattr(nn, ACTIVATIONS[draft.operation(node)])(*node.args[1:], **kwargs)


def insert(draft: Draft, after: fx.Node, layers: Mapping[str, nn.Module | None],
           prefix: str) -> list[fx.Node]:
    """Call layers one after the other behind a node, whose readers are left as they are."""
    nodes = [after]
    for name, layer in layers.items():
        if layer is not None:
            path = draft.put(f"{prefix}.{name}", layer)
            with draft.module.graph.inserting_after(nodes[-1]):
                nodes.append(draft.module.graph.call_module(path, (nodes[-1],)))
    return nodes[1:]


def redirect(after: fx.Node, nodes: list[fx.Node]) -> None:
    """All readers of a node, but the new nodes, read the last of the new nodes."""
    after.replace_all_uses_with(nodes[-1], delete_user_cb=lambda user: user not in nodes)
