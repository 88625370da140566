"""Batches in the order of a seed: an epoch's examples are gathered once."""
from __future__ import annotations

from functools import lru_cache

import torch

from envs.net2net.draws import STREAMS, perm
from envs.net2net.training.data import SPLITS, load_task

BATCH = 64
CALIBRATION = 256                   # first training examples, for matched BatchNorm
EPOCHS_KEPT = 64

Batch = tuple[torch.Tensor, torch.Tensor]


@lru_cache(maxsize=len(SPLITS) * 8)
def split_of(task: str, split: str) -> Batch:
    """Pictures f4 (n, 1, H, W) and labels i8 (n,) of a split."""
    data = load_task(task)[split]
    images = torch.from_numpy(data.images).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(data.labels)


def calibration_of(task: str) -> torch.Tensor:
    """The batch on which new BatchNorms are matched."""
    return split_of(task, "train")[0][:CALIBRATION]


def per_epoch(task: str) -> int:
    """Batches of an epoch; the rest of the examples is left out."""
    return len(split_of(task, "train")[1]) // BATCH


@lru_cache(maxsize=EPOCHS_KEPT)
def epoch_of(task: str, seed: int, epoch: int) -> list[Batch]:
    """The batches of an epoch, in order."""
    images, labels = split_of(task, "train")
    order = torch.from_numpy(perm(len(labels), seed, STREAMS["order"], epoch))
    order = order[:per_epoch(task) * BATCH]
    return [(images[part], labels[part]) for part in order.split(BATCH)]


def batch_of(task: str, seed: int, step: int) -> Batch:
    """What step number `step` of a run trains on."""
    epoch, number = divmod(step, per_epoch(task))
    return epoch_of(task, seed, epoch)[number]
