"""Options of a run: the defaults, completed by what an instance gives, times in microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .arithmetic import NEVER, us

TIMES = {"round_s", "quantum_s", "gittins_delta_gpu_s", "age_s", "boost_after_s", "relax_after_s",
         "until_s"}


@dataclass(frozen=True)
class Options:
    """One field per option of a scenario; a time loses its `_s`."""

    mode: str = "round"
    round: int = 300_000_000
    completion: str = "exact"
    quantum: int = NEVER
    admission: str = "all"
    theta: float = 1.0
    quota: Mapping[str, int] | None = None
    order: str = "fifo"
    size: str = "oracle"
    seed: int = 0
    queue_limits: tuple[int, ...] = (3_250_000_000, 7_200_000_000)
    promote: float | None = None
    gittins_delta_gpu: int = 3_250_000_000
    gittins_sample: tuple[int, ...] | None = None
    age: int = NEVER
    boost_after: int = NEVER
    placement: str = "packed"
    relax_after: int = NEVER
    consolidate: str = "all"
    type_order: str = "fastest"
    misfit: str = "skip"
    preempt: str = "off"
    evict: str = "safe"
    share: Mapping[str, Any] | None = None
    elastic: Mapping[str, Any] | None = None
    lookahead: Mapping[str, Any] | None = None
    track: tuple[int, int] | None = None
    until: int = NEVER

    @property
    def in_rounds(self) -> bool:
        """Whether everything is seen at boundaries only."""
        return self.mode == "round"

    def with_overrides(self, overrides: Mapping[str, Any]) -> "Options":
        """The options under a candidate of the look-ahead."""
        return replace(self, **overrides)


def complete(given: Mapping[str, Any]) -> Options:
    """Options from the keys of a scenario."""
    values = {}
    for key, value in given.items():
        if key in ("queue_limits_gpu_s", "gittins_sample_gpu_s"):
            values[key.removesuffix("_gpu_s")] = tuple(map(us, value))
        elif key in TIMES:
            values[key.removesuffix("_s")] = us(value)
        else:
            values[key] = value
    unknown = set(values) - {f.name for f in fields(Options)}
    if unknown:
        raise KeyError(f"unknown options {sorted(unknown)}")
    return Options(**values)
