"""A private, traced copy of a network on which an edit is made."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor, fx, nn

from envs.core.errors import nearest
from envs.net2net.operators.kinds import kind_of, operation
from envs.net2net.operators.refused import Refused
from envs.net2net.operators.run_graph import shapes
from envs.net2net.operators.surgery import Step, Surgery
from envs.net2net.operators.tracing import private_copy

Example = Tensor | Sequence[Tensor]


@dataclass(frozen=True)
class Edit:
    """What an operator returns; the module that it was given is untouched."""

    module: fx.GraphModule
    surgery: Surgery                                    # of an optimiser's state
    report: dict[str, Any] = field(default_factory=dict)


class Draft:
    """A copy of a network with the record of what happened to its parameters."""

    def __init__(self, module: nn.Module, example: Example | None = None):
        self.module = private_copy(module)
        self.example = (example,) if isinstance(example, Tensor) else tuple(example or ())
        self.steps: dict[str, tuple[Step, ...]] = {
            name: () for name, _ in self.module.named_parameters()}

    @cached_property
    def shapes(self) -> dict[fx.Node, tuple[int, ...]]:
        """The shape of the value of every node before the edit."""
        return shapes(self.module, self.example)

    def node(self, name: str) -> fx.Node:
        """The node of this name, or the one that calls the layer at this path."""
        nodes = list(self.module.graph.nodes)
        found = [n for n in nodes if n.name == name] or [
            n for n in nodes if n.op == "call_module" and n.target == name]
        if not found:
            raise Refused("no such node", name, nearest(name, _names(nodes)))
        if len(found) > 1:
            raise Refused("is called more than once", name,
                          "name one of the calls: " + ", ".join(n.name for n in found))
        return found[0]

    def layer(self, node: fx.Node) -> nn.Module | None:
        """The layer that a node calls."""
        return self.module.get_submodule(node.target) if node.op == "call_module" else None

    def kind(self, node: fx.Node) -> str:
        """See `kind_of`."""
        return kind_of(node, self.layer(node))

    def operation(self, node: fx.Node) -> str:
        """See `operation`."""
        return operation(node, self.layer(node))

    def own(self, node: fx.Node) -> nn.Module:
        """The layer of a node, to be edited; refuses weights that others share."""
        layer = self.layer(node)
        calls = [n for n in self.module.graph.nodes if n.op == "call_module"
                 and self.module.get_submodule(n.target) is layer]
        names = [id(p) for _, p in self.module.named_parameters(remove_duplicate=False)]
        if len(calls) > 1 or any(names.count(id(p)) > 1 for p in layer.parameters()):
            raise Refused("its weights are shared (tied)", node.name, "give each layer its own")
        if not isinstance(layer.weight, nn.Parameter | None):
            raise Refused("its weight is parametrized", node.name, "remove the parametrization")
        return layer

    def change(self, node: fx.Node, name: str, step: Step) -> None:
        """One step of a parameter or buffer of a node's layer, where it has it."""
        layer = self.layer(node)
        tensor = getattr(layer, name, None)
        if tensor is None:
            return
        after = step.weight(tensor.detach())
        if isinstance(tensor, nn.Parameter):
            path = f"{node.target}.{name}"
            self.steps[path] = (*self.steps.get(path, ()), step)
            after = nn.Parameter(after, requires_grad=tensor.requires_grad)
        setattr(layer, name, after)

    def put(self, path: str, layer: nn.Module) -> str:
        """A new layer at a path."""
        if any(name == path for name, _ in self.module.named_modules()):
            raise Refused("there is a layer of this name", path, "choose another name")
        layer.train(self.module.training)
        self.module.add_submodule(path, layer)
        return path

    def finish(self, **report: Any) -> Edit:
        """The network after the edit, checked and compiled."""
        self.module.graph.lint()
        self.module.delete_all_unused_submodules()
        self.module.recompile()
        left = {name for name, _ in self.module.named_parameters()}
        surgery = Surgery({name: steps for name, steps in self.steps.items() if name in left})
        return Edit(self.module, surgery, report)


def _names(nodes: Sequence[fx.Node]) -> list[str]:
    """Names that `Draft.node` finds: paths of layers that are called once, else of nodes."""
    called = [n.target for n in nodes if n.op == "call_module"]
    return [n.target if n.op == "call_module" and called.count(n.target) == 1 else n.name
            for n in nodes]
