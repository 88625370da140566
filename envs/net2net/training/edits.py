"""Edits of a learner's network: the operators' work, brought back to the form of `networks`."""
from __future__ import annotations

import torch
from torch import nn

from envs.net2net.architectures import Architecture, Network, edited
from envs.net2net.training.batches import calibration_of
from envs.net2net.training.learner import Learner, adam
from envs.net2net.training.networks import build


def grow(learner: Learner, network: Network, architecture: Architecture, edit: str, stage: int,
         decision: int) -> Architecture:
    """Deepen, widen or enlarge the kernels of a stage; returns the architecture after it."""
    after = edited(architecture, edit, stage)
    old, new = learner.module, build(network, after)
    own = dict(old.named_children())
    for name, layer in new.named_children():
        if name in own:
            layer.load_state_dict(own[name].state_dict())
    at = f"{stage}_{after[stage][0] - 1}"
    conv, norm = getattr(new, f"conv{at}"), getattr(new, f"norm{at}")
    with torch.no_grad():
        nn.init.dirac_(conv.weight)
        x = calibration_of(learner.task)
        saved = {k: v.clone() for k, v in new.state_dict().items()}
        new.train()
        for name, layer in new.named_children():
            if name == f"norm{at}":
                break
            x = layer(x)
        new.load_state_dict(saved)
        var, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        norm.weight.copy_((var + norm.eps).sqrt())
        norm.bias.copy_(mean)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
    optimiser = adam(new)
    before = dict(old.named_parameters())
    for name, parameter in new.named_parameters():
        if name in before and before[name] in learner.optimiser.state:
            optimiser.state[parameter] = learner.optimiser.state[before[name]]
    learner.module, learner.optimiser = new, optimiser
    return after
