"""Networks of stages: what they cost and what an edit makes of them (parameters, MACs, steps)."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_integer, as_list, as_mapping

LADDER = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)     # widths that widening steps through
DEEPEST = 8             # layers of a stage
LARGEST_KERNEL = 7
HEADS = ("gap", "flat", "none")
BATCHNORM = 2           # parameters per unit beside the weights
MOST = {"hw": 4096, "cin": 4096, "widths": 4096, "depth": DEEPEST, "kernel": 15, "classes": 10**6}
MOST_STAGES = 8
KEYS = ("hw", "cin", "widths", "depth", "kernel", "head", "classes")

Architecture = tuple[tuple[int, int, int], ...]         # (depth, width, kernel) of each stage
Profile = tuple[float, float, float, float, float]      # o, l, m, alpha, gamma

PROFILES: dict[str, Profile] = {
    "cpu": (1.0, 1.05, 5.0, 0.0, 0.0),
    "flat": (11.6, 0.34, 0.0, 0.0, 0.0),
    "gpu": (3.0, 0.15, 0.05, 0.9, 0.02),
    "multi": (0.5, 1.05, 5.0, 0.8, 0.1),
}


@dataclass(frozen=True)
class Network:
    """The base network of a cell: stages of convolutions, then a head."""

    hw: tuple[int, int]
    cin: int
    widths: tuple[int, ...]
    depth: tuple[int, ...]
    kernel: tuple[int, ...]
    head: str                       # gap | flat | none
    classes: int
    pixels: tuple[int, ...]         # output pixels of each stage
    extra: tuple[int, ...]          # parameters per unit beside the weights
    pools: tuple[int, ...]          # output pixels of the pooling after the stage, 0 without

    @classmethod
    def from_config(cls, mapping: Mapping[str, Any], where: str = "network") -> Network:
        """From `{hw, cin, widths, depth, kernel, head, classes}`; raises `ScenarioError`."""
        given = as_mapping(mapping, where)
        for key in given:
            if key not in KEYS:
                raise ScenarioError("unknown key", f"{where}.{key}", nearest(key, KEYS))
        for key in ("hw", "widths", "head", "classes"):
            if key not in given:
                raise ScenarioError(f"has no {key}", where, "keys: " + ", ".join(KEYS))
        return _network(given, where)

    def to_config(self) -> dict[str, Any]:
        """What `from_config` reads."""
        return {key: list(value) if isinstance(value := getattr(self, key), tuple) else value
                for key in KEYS}

    @property
    def stages(self) -> int:
        """S."""
        return len(self.widths)

    @property
    def base(self) -> Architecture:
        """The architecture that a job starts with."""
        return tuple(zip(self.depth, self.widths, self.kernel, strict=True))

    @property
    def head_pixels(self) -> int:
        """Features of the head per unit of the last stage: 1 (gap), H·W (flat), 0 (no head)."""
        return {"gap": 1, "flat": self.pixels[-1], "none": 0}[self.head]

    def features(self, architecture: Architecture) -> int:
        """Inputs of the head."""
        return self.head_pixels * architecture[-1][1]

    def weights(self, architecture: Architecture) -> tuple[int, ...]:
        """Weights of the convolutions of each stage."""
        inputs = (self.cin, *(width for _, width, _ in architecture))
        return tuple(k * k * w * (c + (d - 1) * w)
                     for c, (d, w, k) in zip(inputs, architecture, strict=False))

    def parameters(self, architecture: Architecture) -> int:
        """Parameters with BatchNorm and the head."""
        body = sum(q + extra * d * w for q, extra, (d, w, _)
                   in zip(self.weights(architecture), self.extra, architecture, strict=True))
        bias = self.classes if self.head_pixels else 0
        return body + self.features(architecture) * self.classes + bias

    def macs(self, architecture: Architecture) -> int:
        """Multiply-accumulates of one sample: convolutions and linear layers."""
        body = sum(pixels * q for pixels, q
                   in zip(self.pixels, self.weights(architecture), strict=True))
        return body + self.features(architecture) * self.classes

    def convolutions(self, architecture: Architecture) -> int:
        """Convolutions of all stages."""
        return sum(depth for depth, _, _ in architecture)

    def step_ms(self, architecture: Architecture, gpus: int = 1,
                profile: Profile = PROFILES["cpu"]) -> float:
        """Milliseconds of a training step on g >= 1 GPUs."""
        o, layer, mac, alpha, gamma = profile
        work = layer * self.convolutions(architecture) + mac * self.macs(architecture) / 1e6
        return o + work / gpus**alpha + gamma * (gpus - 1)


def edited(architecture: Architecture, edit: str, stage: int) -> Architecture | None:
    """The architecture after `deepen`, `widen` or `kernel` of a stage; None where it is masked."""
    depth, width, kernel = architecture[stage]
    if edit == "deepen":
        after = (depth + 1, width, kernel) if depth < DEEPEST else None
    elif edit == "widen":
        after = (depth, next_width(width), kernel) if next_width(width) else None
    else:
        after = (depth, width, kernel + 2) if kernel + 2 <= LARGEST_KERNEL else None
    return after and (*architecture[:stage], after, *architecture[stage + 1:])


def next_width(width: int) -> int:
    """The next width of the ladder; 0 at its end and off it."""
    position = LADDER.index(width) + 1 if width in LADDER else len(LADDER)
    return LADDER[position] if position < len(LADDER) else 0


def _network(given: Mapping[str, Any], where: str) -> Network:
    hw = _integers(given["hw"], "hw", where, 2, "write [height, width]")
    widths = _integers(given["widths"], "widths", where)
    stages = len(widths)
    if given["head"] not in HEADS[:2]:
        raise ScenarioError(f'unknown value "{given["head"]}"', f"{where}.head",
                            "valid: " + ", ".join(HEADS[:2]))
    pixels = tuple((hw[0] >> s) * (hw[1] >> s) for s in range(stages))
    if stages > MOST_STAGES or not pixels[-1]:
        raise ScenarioError(f"{stages} stages do not fit {hw[0]}x{hw[1]} pixels", where,
                            f"use larger images or fewer stages, {MOST_STAGES} at most")
    return Network(
        hw, as_integer(given.get("cin", 1), f"{where}.cin", low=1, high=MOST["cin"]), widths,
        _integers(given.get("depth", [1] * stages), "depth", where, stages),
        _kernels(given.get("kernel", [3] * stages), where, stages), given["head"],
        as_integer(given["classes"], f"{where}.classes", low=1, high=MOST["classes"]), pixels,
        (BATCHNORM,) * stages, (*pixels[1:], 0),
    )


def _kernels(value: Any, where: str, stages: int) -> tuple[int, ...]:
    sizes = _integers(value, "kernel", where, stages)
    for size in sizes:
        if not size % 2:
            raise ScenarioError(f"{size} is even", f"{where}.kernel",
                                "give odd sizes, which keep the pixels")
    return sizes


def _integers(value: Any, key: str, where: str, count: int | None = None,
              remedy: str = "write one per stage") -> tuple[int, ...]:
    numbers: Sequence[Any] = as_list(value, f"{where}.{key}")
    if not numbers or (count and len(numbers) != count):
        raise ScenarioError(f"need {count or 'some'} numbers, found {len(numbers)}",
                            f"{where}.{key}", remedy)
    return tuple(as_integer(number, f"{where}.{key}", low=1, high=MOST[key]) for number in numbers)
