"""A training on disk: one safetensors file, so that a run that is killed goes on."""
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from envs.core.errors import TraceError
from envs.core.files import write_whole
from envs.net2net.architectures import Architecture
from envs.net2net.training.learner import Distillation, adam, take_state
from envs.net2net.training.networks import build
from envs.net2net.training.trainer import InForce, Progress, Trainer

SCHEMA = "net2net-session/1"
MODULE, TEACHER, ADAM = "module.", "teacher.", "adam."


def write_trainer(path: Path, trainer: Trainer, key: str, more: Any) -> None:
    """Write the whole state; `key` says of which run, `more` (JSON) goes with it."""
    learner = trainer.learner
    lesson = learner.distillation
    tensors = _named(MODULE, learner.module) | _adam(learner.module, learner.optimiser)
    about = {"schema": SCHEMA, "key": key, "progress": asdict(trainer.progress),
             "steps": learner.steps, "loss": learner.loss, "more": more}
    if lesson:
        tensors |= _named(TEACHER, lesson.teacher)
        about["distillation"] = [lesson.architecture, lesson.steps]
    write_whole(path, save(tensors, {"about": json.dumps(about)}))


def read_trainer(path: Path, trainer: Trainer, key: str) -> Any:
    """Bring a fresh trainer to the state in a file; returns what was kept with it.

    Raises `TraceError` for a file of another run, and for one that is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as problem:
        raise TraceError(f"cannot be read ({problem})", str(path), "delete it to start anew"
                         ) from None
    if about["schema"] != SCHEMA or about["key"] != key:
        raise TraceError("is the state of another run", str(path),
                         f"expected {key}, found {about['key']}; delete it or use another folder")
    _restore(trainer, about, tensors)
    return about["more"]


def _restore(trainer: Trainer, about: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    learner, progress = trainer.learner, Progress(**about["progress"])
    progress.architecture = _architecture(progress.architecture)
    progress.force = [InForce(action, decision, _architecture(before))
                      for action, decision, before in progress.force]
    trainer.progress = progress
    learner.module = _module(trainer, progress.architecture, tensors, MODULE)
    learner.optimiser = adam(learner.module)
    for name, parameter in learner.module.named_parameters():
        prefix = f"{ADAM}{name}/"
        state = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()
                 if key.startswith(prefix)}
        if state:
            take_state(learner.optimiser, parameter, state)
    learner.steps, learner.loss, learner.distillation = about["steps"], about["loss"], None
    if "distillation" in about:
        architecture, steps = about["distillation"]
        teacher = _module(trainer, _architecture(architecture), tensors, TEACHER).eval()
        learner.distillation = Distillation(teacher, _architecture(architecture), steps)


def _module(trainer: Trainer, architecture: Architecture, tensors: dict[str, torch.Tensor],
            prefix: str) -> nn.Sequential:
    module = build(trainer.cell.network, architecture)
    module.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in tensors.items()
                            if name.startswith(prefix)})
    return module


def _named(prefix: str, module: nn.Module) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor.contiguous() for name, tensor in module.state_dict().items()}


def _adam(module: nn.Module, optimiser: torch.optim.Adam) -> dict[str, torch.Tensor]:
    return {f"{ADAM}{name}/{key}": tensor.contiguous()
            for name, parameter in module.named_parameters()
            for key, tensor in optimiser.state.get(parameter, {}).items()}


def _architecture(rows: Any) -> Architecture:
    return tuple(tuple(row) for row in rows)
