"""What an edit does to parameters, and to the state that an optimiser keeps for them."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn import functional
from torch.optim import LBFGS, Optimizer

from envs.net2net.operators.refused import Refused
from envs.net2net.operators.remap import Remap

FIRST = ("exp_avg", "momentum_buffer", "grad_avg")      # moves with the gradient
SECOND = ("exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum")      # with its square
REMEDY = "use Adam, AdamW or SGD"


class Step(Protocol):
    """One change of a parameter: of its values and of first and second moments."""

    def weight(self, tensor: Tensor) -> Tensor: ...
    def first(self, tensor: Tensor) -> Tensor: ...
    def second(self, tensor: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Rows:
    """Values at remapped units: copied, so that their gradients are shared."""

    remap: Remap
    dim: int = 0

    def weight(self, tensor: Tensor) -> Tensor:
        return self.remap.copy(tensor, self.dim)

    def first(self, tensor: Tensor) -> Tensor:
        return self.remap.spread(tensor, self.dim)

    def second(self, tensor: Tensor) -> Tensor:
        return self.remap.spread(tensor.sqrt(), self.dim).square()


@dataclass(frozen=True)
class Columns:
    """What reads remapped units: shared, so that its gradients are copied."""

    remap: Remap
    dim: int = 1

    def weight(self, tensor: Tensor) -> Tensor:
        return self.remap.spread(tensor, self.dim)

    def first(self, tensor: Tensor) -> Tensor:
        return self.remap.copy(tensor, self.dim)

    second = first


@dataclass(frozen=True)
class Ring:
    """Kernels that gain a ring of zeros (1), or lose their outermost ring (-1)."""

    width: int

    def weight(self, tensor: Tensor) -> Tensor:
        return functional.pad(tensor, (self.width,) * (2 * (tensor.dim() - 2)))

    first = second = weight


@dataclass(frozen=True)
class Surgery:
    """The steps of every parameter that is kept, by name; parameters not named are new."""

    steps: Mapping[str, tuple[Step, ...]]

    def apply(self, optimiser: Optimizer, old: nn.Module, new: nn.Module) -> Optimizer:
        """An optimiser of the same kind for the module after the edit.

        Kept parameters keep group, moments and step count; new ones join the first group and have
        no state. The old optimiser is untouched. Raises `Refused` for state that is unknown.
        """
        if isinstance(optimiser, LBFGS):
            raise Refused("LBFGS keeps one state for all parameters", "", REMEDY)
        before = dict(old.named_parameters())
        group_of = {p: i for i, group in enumerate(optimiser.param_groups)
                    for p in group["params"]}
        after: list[list[nn.Parameter]] = [[] for _ in optimiser.param_groups]
        state = {}
        for name, parameter in new.named_parameters():
            origin = before[name] if name in self.steps else None
            if origin is not None and origin not in group_of:
                continue
            after[group_of.get(origin, 0)].append(parameter)
            if origin is not None and origin in optimiser.state:
                state[parameter] = moved(optimiser.state[origin], self.steps[name], origin)
        return _rebuilt(optimiser, after, state)


def moved(state: Mapping[str, Any], steps: tuple[Step, ...], of: Tensor) -> dict[str, Any]:
    """The state of a kept parameter after its steps; what has not its shape is copied."""
    out = {}
    for key, value in state.items():
        if isinstance(value, Tensor):
            value = value.clone()
            if value.shape == of.shape and of.dim():
                for step in steps:
                    value = _moment(key, step, value)
        out[key] = value
    return out


def _moment(key: str, step: Step, value: Tensor) -> Tensor:
    if key in FIRST:
        return step.first(value)
    if key in SECOND:
        return step.second(value)
    raise Refused(f"state {key} of the optimiser is unknown", "", REMEDY)


def _rebuilt(optimiser: Optimizer, after: list[list[nn.Parameter]],
             state: dict[nn.Parameter, dict[str, Any]]) -> Optimizer:
    groups = [{**group, "params": parameters}
              for group, parameters in zip(optimiser.param_groups, after, strict=True)]
    built = type(optimiser).__new__(type(optimiser))
    built.__setstate__({"state": defaultdict(dict, state), "param_groups": groups,
                        "defaults": dict(optimiser.defaults)})
    return built
