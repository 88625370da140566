"""The tables that all replicas read: cells, recordings, and the options as codes."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

PARAMETRIC, TABULAR, LIVE = range(3)
BACKENDS = ("parametric", "tabular", "live")
DEPTH, GROW, MALLEABLE, PEER = range(4)         # action sets
REWARDS = ("final", "delta", "tan", "gain", "cost")

SETUP = np.dtype([
    ("overhead", "f8"),             # o, l, m, alpha, gamma of the profile
    ("per_layer", "f8"),
    ("per_mac", "f8"),
    ("speedup", "f8"),
    ("per_gpu", "f8"),
    ("vary", "f8"),
    ("jump_grow", "f8"),
    ("jump_undo", "f8"),
    ("gpu_cost", "f8"),             # lambda of reward `cost`
    ("max_parameters", "i8"),       # 0: no limit
    ("backend", "i4"),
    ("action_set", "i4"),
    ("stages", "i4"),
    ("actions", "i4"),
    ("decisions", "i4"),
    ("reward", "i4"),
    ("most_gpus", "i4"),
    ("show_task", "i4"),
], align=True)

CELL = np.dtype([
    ("budget", "f8"),               # ms
    ("base_step", "f8"),            # ms of a step of the base network on one GPU
    ("run_noise", "f8"),
    ("curve_noise", "f8"),
    ("e0", "f8"),
    ("einf", "f8"),
    ("tau0", "f8"),
    ("beta", "f8"),
    ("c", "f8"),
    ("inputs", "i8"),               # pixels of an image
    ("channels", "i8"),
    ("classes", "i8"),              # 0: no head of its own
    ("head_pixels", "i8"),
    ("parameters", "i8"),           # of the base network
    ("macs", "i8"),
], align=True)

BASE = np.dtype([
    ("layers", "i4"), ("width", "i4"), ("kernel", "i4"), ("rung", "i4"),
    ("pixels", "i8"),
    ("extra", "i4"),                # parameters of a unit beside its weights
    ("pool", "i4"),                 # output pixels of the pooling that follows, 0: none
], align=True)

LIMIT = np.dtype([("at", "f8")], align=True)                    # d_0 ... d_(D-1), B
TIMELINE = np.dtype([("at", "f8"), ("gpus", "i4")], align=True)
NODE = np.dtype([
    ("clock", "f8"), ("steps", "f8"), ("val_accuracy", "f8"), ("val_loss", "f8"),
    ("train_loss", "f8"),
], align=True)
LEAF = np.dtype([
    ("clock", "f8"), ("steps", "f8"), ("macs", "f8"), ("parameters", "f8"),
    ("val_accuracy", "f8"), ("test_accuracy", "f8"), ("val_loss", "f8"), ("test_loss", "f8"),
], align=True)
OPEN = np.dtype([("actions", "u8")], align=True)                # bit a: action a is recorded


class Work(NamedTuple):
    """Read-only tables. C cells, R recorded seeds, N decision nodes, L leaves."""

    setup: np.ndarray           # (1,)
    cell: np.ndarray            # (C,)
    base: np.ndarray            # (C, S)
    coefficient: np.ndarray     # (C, 3S)
    limit: np.ndarray           # (C, D + 1)
    timeline: np.ndarray        # (T,)
    node: np.ndarray            # (C, R, N)
    leaf: np.ndarray            # (C, R, L)
    open: np.ndarray            # (C, N)
