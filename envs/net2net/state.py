"""The memory of a replica: one job under way, its network's stages and the actions taken."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.core.jit import records

NONE = -1
UNKNOWN = np.nan        # an accuracy or loss that was not measured

RUN = np.dtype([
    ("seed", "u8"),             # x, behind noise and variation
    ("node", "i8"),             # heap number of the actions taken
    ("steps", "i8"),            # trained so far
    ("parameters", "i8"),       # of the present network
    ("macs", "i8"),
    ("clock", "f8"),            # ms of the budget clock
    ("error", "f8"),            # latent
    ("floor", "f8"),            # E_x: asymptote of the present network
    ("pace", "f8"),             # T_x: its time constant
    ("e0", "f8"),               # the model's parameters, varied
    ("einf", "f8"),
    ("tau0", "f8"),
    ("beta", "f8"),
    ("c", "f8"),
    ("accuracy", "f8"),         # validation accuracy now, with noise; nan: not measured
    ("previous", "f8"),         # at the decision before; nan: none
    ("val_loss", "f8"),         # nan: not measured
    ("train_loss", "f8"),
    ("edited", "f8"),           # clock after the last edit; below 0: none
    ("slowness", "f8"),         # measured step cost over the profile's; 1 but on real clocks
    ("gpu_ms", "f8"),           # GPU time of the last action and the segment after it
    ("gpu_total", "f8"),
    ("never", "f8"),            # accuracies of the references of `gain`; nan: none
    ("oracle", "f8"),
    ("cell", "i4"),
    ("row", "i4"),              # recorded seed by its position
    ("convolutions", "i4"),
    ("decision", "i4"),         # j: actions taken so far
    ("edits", "i4"),            # those that were not 0
    ("depth", "i4"),            # actions in force, on the stack
    ("illegal", "i4"),
], align=True)

STAGE = np.dtype([
    ("layers", "i4"), ("width", "i4"), ("kernel", "i4"),
    ("rung", "i4"),             # place of the width on the ladder, NONE: off it
], align=True)
COEFFICIENT = np.dtype([("kappa", "f8"), ("lam", "f8")], align=True)
TAKEN = np.dtype([
    ("action", "i4"),           # the j-th action taken
    ("force", "i4"),            # the k-th action in force
], align=True)

MOMENT = np.dtype([             # what is known of a job at a decision, or at its end
    ("clock", "f8"), ("steps", "f8"), ("val_accuracy", "f8"), ("val_loss", "f8"),
    ("train_loss", "f8"),
    ("latent", "f8"),           # the model's error, without what is observed of it
    ("observed", "f8"),         # and with it, but without noise; nan: no model
    ("step_ms", "f8"),
    ("gpu_ms", "f8"),           # GPU time so far
    ("macs", "i8"), ("parameters", "i8"),
    ("gpus", "i4"),
], align=True)


class State(NamedTuple):
    """Views of the blocks of a batch."""

    run: np.ndarray             # (E,)
    stage: np.ndarray           # (E, S)
    coefficient: np.ndarray     # (E, 3S)
    taken: np.ndarray           # (E, D)


class Replica(NamedTuple):
    """Views of one replica, as rules take them."""

    run: np.ndarray             # (1,)
    stage: np.ndarray
    coefficient: np.ndarray
    taken: np.ndarray


def make_block(envs: int, stages: int, decisions: int) -> np.ndarray:
    """One zeroed record per replica; `block.copy()` snapshots, `block[:] = copy` restores."""
    return np.zeros(envs, np.dtype([
        ("run", RUN), ("stage", STAGE, (stages,)), ("coefficient", COEFFICIENT, (3 * stages,)),
        ("taken", TAKEN, (decisions,)),
    ], align=True))


def views(block: np.ndarray) -> State:
    """The arrays that drivers work on."""
    return State(*(records(block[name]) for name in State._fields))
