"""Deeper networks: an identity block, or a residual block that starts at zero."""
from __future__ import annotations

import operator
from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from envs.core.errors import nearest
from envs.net2net.operators.blocks import (
    activation_layer,
    default_batchnorm,
    fresh_layer,
    identity_layer,
    insert,
    matched_batchnorm,
    redirect,
    zeroed,
)
from envs.net2net.operators.draft import Draft, Edit, Example
from envs.net2net.operators.points import Form, form_at, require_fixed_point
from envs.net2net.operators.refused import Refused
from envs.net2net.operators.run_graph import moments


def deepen_identity(module: nn.Module, after: str, example: Example, *,
                    calibration: Example | None = None, batchnorm: str = "matched",
                    weights: str = "identity", name: str | None = None, seed: int = 0) -> Edit:
    """Insert a layer, its BatchNorm and activation that together are the identity.

    `calibration` is the batch that the BatchNorm is matched to. For ablation `batchnorm` may be
    "default" and `weights` "fresh" (drawn with `seed`). The layers are called `<name>.layer`,
    `<name>.norm` and `<name>.act`. Raises `Refused`.
    """
    _known(batchnorm, "batchnorm", ("matched", "default"))
    _known(weights, "weights", ("identity", "fresh"))
    draft = Draft(module, example)
    node = draft.node(after)
    require_fixed_point(draft, node)
    form, prefix = form_at(draft, node), name or _free(draft, node)
    layer = identity_layer(form) if weights == "identity" else fresh_layer(form, _draws(seed))
    norm = default_batchnorm(form)
    if norm is not None and batchnorm == "matched":
        norm = matched_batchnorm(form, _moments(draft, node, calibration))
    block = insert(draft, node, {"layer": layer, "norm": norm,
                                 "act": activation_layer(draft, form.activation)}, prefix)
    redirect(node, block)
    return draft.finish(operator="deepen_identity", name=prefix, nodes=[n.name for n in block])


def deepen_residual_zero(module: nn.Module, after: str, example: Example, *,
                         name: str | None = None, seed: int = 0) -> Edit:
    """Add f2(act(f1(p))) to the value p of a node, where f2 ends in zeros: exact in both modes.

    The layers are called `<name>.layer1`, `.norm1`, `.act`, `.layer2`, `.norm2`. Raises `Refused`.
    """
    draft = Draft(module, example)
    node = draft.node(after)
    form, prefix, draws = form_at(draft, node), name or _free(draft, node), _draws(seed)
    block = insert(draft, node, _residual(draft, form, draws), prefix)
    with draft.module.graph.inserting_after(block[-1]):
        block.append(draft.module.graph.call_function(operator.add, (node, block[-1])))
    redirect(node, block)
    return draft.finish(operator="deepen_residual_zero", name=prefix,
                        nodes=[n.name for n in block])


def remove(module: nn.Module, nodes: Sequence[str]) -> Edit:
    """Take out the block of a deepening, by the node names that it reported.

    The function stays only while the block is still what it was. Raises `Refused`.
    """
    draft = Draft(module)
    block = [draft.node(name) for name in nodes]
    inputs = {n for node in block for n in node.all_input_nodes if n not in block}
    ends = [node for node in block if any(user not in block for user in node.users)]
    if len(inputs) != 1 or len(ends) != 1:
        raise Refused("the nodes are no block of one input and one output", str(list(nodes)),
                      "name the nodes that the deepening reported")
    ends[0].replace_all_uses_with(inputs.pop())
    for node in [n for n in reversed(draft.module.graph.nodes) if n in block]:
        draft.module.graph.erase_node(node)
    return draft.finish(operator="remove", nodes=list(nodes))


def _residual(draft: Draft, form: Form, draws: torch.Generator) -> dict[str, nn.Module | None]:
    norms = [default_batchnorm(form), default_batchnorm(form)]
    last = fresh_layer(form, draws)
    if norms[1] is None:
        zeroed(last)
    else:
        zeroed(norms[1])
    return {"layer1": fresh_layer(form, draws), "norm1": norms[0],
            "act": activation_layer(draft, form.activation), "layer2": last, "norm2": norms[1]}


def _moments(draft: Draft, node: fx.Node, calibration: Example | None) -> tuple[Tensor, Tensor]:
    if calibration is None:
        raise Refused("a matched BatchNorm needs a calibration batch", node.name,
                      "give calibration, or batchnorm=\"default\"")
    inputs = (calibration,) if isinstance(calibration, Tensor) else tuple(calibration)
    return moments(draft.module, node, inputs)


def _known(value: str, name: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise Refused(f'unknown value "{value}"', name, nearest(value, known))


def _free(draft: Draft, node: fx.Node) -> str:
    taken = {name for name, _ in draft.module.named_modules()}
    number = 0
    while f"{node.name}_deeper{number}" in taken:
        number += 1
    return f"{node.name}_deeper{number}"


def _draws(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
