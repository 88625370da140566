"""Networks as graphs."""
from __future__ import annotations

import copy

from torch import fx, nn

from envs.net2net.operators.refused import Refused


class _Tracer(fx.Tracer):
    def __init__(self, leaves: tuple[type[nn.Module], ...]):
        super().__init__()
        self.leaves = leaves

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self.leaves) or super().is_leaf_module(m, module_qualified_name)


def private_copy(module: nn.Module, leaves: tuple[type[nn.Module], ...] = ()) -> fx.GraphModule:
    """A traced copy of a network that shares nothing with it; layers of type `leaves` stay whole.

    Raises `Refused` where the graph cannot be traced or differs between train and eval mode.
    """
    own = copy.deepcopy(module)
    if isinstance(own, fx.GraphModule):
        return own
    if all(type(part).__module__.startswith("torch.nn.") for part in own.modules()):
        return fx.GraphModule(own, _traced(own, leaves))
    modes = [(part, part.training) for part in own.modules()]
    graphs = [_traced(own.train(training), leaves) for training in (True, False)]
    for part, mode in modes:
        part.training = mode
    if str(graphs[0]) != str(graphs[1]):
        raise Refused("the graph differs between train and eval mode", type(module).__name__,
                      "use layers (nn.Dropout, nn.BatchNorm2d) for what depends on the mode")
    return fx.GraphModule(own, graphs[0])


def _traced(module: nn.Module, leaves: tuple[type[nn.Module], ...]) -> fx.Graph:
    try:
        return _Tracer(leaves).trace(module)
    except (TypeError, RuntimeError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Refused(f"does not trace: {reason}", type(module).__name__,
                      "mark what decides on data as a leaf") from None
