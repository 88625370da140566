"""Tasks: data sets, their numbers and the networks that start on them."""
from __future__ import annotations

from dataclasses import dataclass

from envs.net2net.architectures import BATCHNORM, Network

CONVOLUTION_BIAS, LINEAR_BIAS = 1, 1


@dataclass(frozen=True)
class Task:
    """A data set made from scikit-learn's digits; its number is an id of every draw."""

    name: str
    number: int
    hw: tuple[int, int]
    classes: int
    head: str
    label: str              # what a picture is labelled with

    @property
    def network(self) -> Network:
        """The base network of the shipped cells: widths 8 and 16, kernel 3."""
        return Network.from_config({"hw": self.hw, "widths": (8, 16), "head": self.head,
                                    "classes": self.classes})

    @property
    def pair(self) -> bool:
        """Two digits side by side."""
        return self.head == "flat"


TASKS = {task.name: task for task in (
    Task("digits", 0, (8, 8), 10, "gap", "digit"),
    Task("digits_aug", 1, (8, 8), 10, "gap", "digit"),
    Task("pair_max", 2, (8, 16), 10, "flat", "max(l, r)"),
    Task("pair_min", 3, (8, 16), 10, "flat", "min(l, r)"),
    Task("pair_cmp", 4, (8, 16), 3, "flat", "0 if l < r, 1 if l > r, 2 if equal"),
    Task("pair_diff", 5, (8, 16), 10, "flat", "abs(l - r)"),
    Task("pair_sum", 6, (8, 16), 10, "flat", "(l + r) mod 10"),
)}


def _published(widths: tuple[int, int], pixels: tuple[int, int], pooled: int) -> Network:
    """Unpadded convolutions with bias on 32x32x3; the linear layer counts as a third stage."""
    units = BATCHNORM + CONVOLUTION_BIAS
    return Network((32, 32), 3, (*widths, 10), (1, 1, 1), (3, 3, 1), "none", 10, (*pixels, 1),
                   (units, units, LINEAR_BIAS), (pooled, 0, 0))


PEER_NETWORKS = {
    "cnn1": _published((32, 32), (30 * 30, 13 * 13), 15 * 15),
    "cnn2": _published((64, 32), (30 * 30, 28 * 28), 0),
}
