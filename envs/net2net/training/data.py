"""Data of the tasks, made from the digits inside scikit-learn; every draw has seed 0."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from envs.core.errors import ScenarioError
from envs.net2net.draws import STREAMS, below, normal, perm
from envs.net2net.tasks import TASKS, Task

SPLITS = ("train", "val", "test")
PARTS = (1197, 300, 300)            # digits of each split, in the order of one permutation
PAIRS = (6000, 1000, 1000)
COPIES = 3                          # of an augmented digit
AUGMENTED_NOISE, PAIR_NOISE = 0.3, 0.1
AUGMENTED_SHIFT, PAIR_SHIFT = 2, 1  # pixels, either way
SIDE = 8


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures f4 (n, 1, H, W) and labels i8 (n,)."""

    images: np.ndarray
    labels: np.ndarray


@cache
def load_task(name: str) -> dict[str, Split]:
    """The three splits of a task; raises `ScenarioError` where scikit-learn is missing."""
    task = TASKS[name]
    return {split: _split(task, number, *_digits(number)) for number, split in enumerate(SPLITS)}


def check_installed() -> None:
    """`ScenarioError` where the digits cannot be had."""
    try:
        import sklearn.datasets  # noqa: F401
    except ImportError:
        raise ScenarioError("recordings need scikit-learn",
                            remedy="pip install -e .[net2net]") from None


@cache
def _digits(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits of a split: f8 (n, 8, 8) in [0, 1] and i8 (n,)."""
    check_installed()
    from sklearn.datasets import load_digits

    digits = load_digits()
    start = sum(PARTS[:number])
    chosen = perm(len(digits.target), 0, STREAMS["data"])[start:start + PARTS[number]]
    return digits.images[chosen] / 16.0, digits.target[chosen].astype(np.int64)


def _split(task: Task, number: int, digits: np.ndarray, labels: np.ndarray) -> Split:
    if task.pair:
        digits, labels = _pairs(task, number, digits, labels)
    elif task.name == "digits_aug":
        digits = _augmented(task, number, digits)
        labels = labels.repeat(COPIES)
    return Split(digits[:, None].astype(np.float32), labels)


def _augmented(task: Task, number: int, digits: np.ndarray) -> np.ndarray:
    """Three copies of each digit, one after the other, shifted and noisy."""
    digits = digits.repeat(COPIES, axis=0)
    return _noisy(_shifted(task, number, digits, 0, AUGMENTED_SHIFT), task, number, AUGMENTED_NOISE)


def _pairs(task: Task, number: int, digits: np.ndarray,
           labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two digits side by side, each shifted, the picture noisy."""
    count = np.arange(PAIRS[number])
    members = [below(len(digits), 0, STREAMS["members"], task.number, number, count, half)
               for half in (0, 1)]
    halves = [_shifted(task, number, digits[member], 2 * half, PAIR_SHIFT)
              for half, member in enumerate(members)]
    pictures = _noisy(np.concatenate(halves, axis=2), task, number, PAIR_NOISE)
    return pictures, _pair_label(task.name, *(labels[member] for member in members))


def _pair_label(name: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    if name == "pair_max":
        return np.maximum(left, right)
    if name == "pair_min":
        return np.minimum(left, right)
    if name == "pair_cmp":
        return np.where(left < right, 0, np.where(left > right, 1, 2))
    return np.abs(left - right) if name == "pair_diff" else (left + right) % 10


def _shifted(task: Task, number: int, images: np.ndarray, first: int, reach: int) -> np.ndarray:
    """Each image `dy` rows down and `dx` columns right, up to `reach` either way; zeros come in."""
    count = np.arange(len(images))
    dy, dx = (below(2 * reach + 1, 0, STREAMS["shift"], task.number, number, count, first + axis)
              for axis in (0, 1))
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach)))
    rows = 2 * reach - dy[:, None] + np.arange(SIDE)
    columns = 2 * reach - dx[:, None] + np.arange(SIDE)
    return padded[count[:, None, None], rows[:, :, None], columns[:, None, :]]


def _noisy(images: np.ndarray, task: Task, number: int, scale: float) -> np.ndarray:
    """Plus `scale` standard normals, a draw per pixel of the whole picture."""
    count, pixels = len(images), images[0].size
    draws = normal(0, STREAMS["pixels"], task.number, number,
                   np.arange(count)[:, None], np.arange(pixels)[None])
    return images + scale * draws.reshape(images.shape)
