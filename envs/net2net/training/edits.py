"""Edits of a stage's network: the operators' work, brought back to the form of `networks`."""
from __future__ import annotations

import torch
from torch import fx, nn

from envs.net2net.architectures import Architecture, edited
from envs.net2net.cells import Cell
from envs.net2net.operators import Edit, crop, deepen_identity, kernel_grow, merge, remove, widen
from envs.net2net.operators.widen import copied_units
from envs.net2net.training.batches import calibration_of
from envs.net2net.training.learner import adam, take_state
from envs.net2net.training.networks import build

LEARNING = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)


class Edits:
    """Edits one after the other; the network and optimiser that it starts from stay as they are."""

    def __init__(self, module: nn.Sequential, optimiser: torch.optim.Adam,
                 architecture: Architecture, cell: Cell, seed: int):
        self.module, self.optimiser, self.architecture = module, optimiser, architecture
        self.cell, self.seed = cell, seed
        self.calibration = calibration_of(cell.task)
        self.example = self.calibration[:1]

    def grow(self, edit: str, stage: int, decision: int) -> Architecture:
        """Deepen, widen or enlarge the kernels of a stage; raises `Refused`."""
        depth, after = self.architecture[stage][0], edited(self.architecture, edit, stage)
        if edit == "deepen":
            self._keep(deepen_identity(self.module, f"relu{stage}_{depth - 1}", self.example,
                                       calibration=self.calibration))
        elif edit == "widen":
            for layer, name in enumerate(self._convolutions(stage)):
                self._keep(widen(self.module, name, after[stage][1], self.example, seed=self.seed,
                                 ids=(decision, layer)))
        else:
            self._keep(kernel_grow(self.module, self._convolutions(stage)))
        return self._settle(after)

    def shrink(self, edit: str, stage: int, decision: int, before: Architecture) -> Architecture:
        """Take back what `grow` did at a decision, so that `before` is left; raises `Refused`."""
        depth, width, _ = self.architecture[stage]
        if edit == "deepen":
            self._keep(remove(self.module, [f"{kind}{stage}_{depth - 1}"
                                            for kind in ("conv", "norm", "relu")]))
        elif edit == "widen":
            for layer, name in enumerate(self._convolutions(stage)):
                copies = copied_units(before[stage][1], width, self.seed, (decision, layer))
                self._keep(merge(self.module, name, copies, self.example))
        else:
            self._keep(crop(self.module, self._convolutions(stage)))
        return self._settle(before)

    def _convolutions(self, stage: int) -> list[str]:
        return [f"conv{stage}_{layer}" for layer in range(self.architecture[stage][0])]

    def _keep(self, edit: Edit) -> None:
        """Go on with the network and the optimiser that an operator made."""
        self.optimiser = edit.surgery.apply(self.optimiser, self.module, edit.module)
        self.module = edit.module

    def _settle(self, after: Architecture) -> Architecture:
        """The same weights and states under the names of the architecture."""
        module = build(self.cell.network, after)
        optimiser = adam(module)
        layers = [layer for layer in module if isinstance(layer, LEARNING)]
        for old, new in zip(_in_order(self.module), layers, strict=True):
            new.load_state_dict(old.state_dict())
            for before, parameter in zip(old.parameters(), new.parameters(), strict=True):
                if before in self.optimiser.state:
                    take_state(optimiser, parameter, self.optimiser.state[before])
        self.module, self.optimiser, self.architecture = module, optimiser, after
        return after


def _in_order(module: fx.GraphModule) -> list[nn.Module]:
    """The layers with weights, as data meets them."""
    called = [module.get_submodule(node.target) for node in module.graph.nodes
              if node.op == "call_module"]
    return [layer for layer in called if isinstance(layer, LEARNING)]
