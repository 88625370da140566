"""The configuration of the trace generator."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any

from envs.core.errors import ScenarioError
from envs.core.options import (
    as_integer,
    as_list,
    as_mapping,
    as_number,
    build,
    defaults,
    integer,
    number,
    one_of,
    option,
)
from envs.core.workloads import FIRST_SEED


def _names(value: Any, where: str) -> tuple[str, ...]:
    names = tuple(str(name) for name in as_list(value, where))
    if not names or len(set(names)) < len(names):
        raise ScenarioError("needs different names", where, "list each class once")
    return names


def _weights(value: Any, where: str) -> tuple[float, ...]:
    weights = tuple(as_number(weight, where, low=0) for weight in as_list(value, where))
    if sum(weights) <= 0:
        raise ScenarioError("the weights sum to 0", where, "give one of them a positive weight")
    return weights


def _gpu_shares(value: Any, where: str) -> dict[int, float] | None:
    if value is None:
        return None
    shares = {as_integer(int(gpus), where, low=1): as_number(share, where, low=0)
              for gpus, share in as_mapping(value, where).items()}
    _weights(list(shares.values()), where)
    return shares


def _range(value: Any, where: str) -> tuple[float, float] | None:
    if value is None:
        return None
    pair = tuple(as_number(number, where, above=0) for number in as_list(value, where))
    if len(pair) != 2 or pair[0] > pair[1]:
        raise ScenarioError(f"{value!r} is no range", where, "write [low, high]")
    return pair


def _load(value: Any, where: str) -> float | None:
    return None if value is None else as_number(value, where, above=0)


def _seeds(value: Any, where: str) -> dict[str, int]:
    given = {str(k): as_integer(v, f"{where}.{k}", low=0)
             for k, v in as_mapping(value, where).items()}
    if set(given) != set(FIRST_SEED):
        raise ScenarioError("needs the first seed of every part", where,
                            "write {train: 0, validation: 500000, test: 1000000}")
    return given


@dataclass(frozen=True)
class Phase:
    """A share of the jobs that arrive, one after the other, at a load of their own."""

    share: float = number(1.0, above=0)
    rho: float = number(1.0, above=0)


@dataclass(frozen=True)
class Elastic:
    """Ranges of elastic jobs: `min_gpus` up to the smaller of `max_gpus` and `factor` * gpus."""

    min_gpus: int = integer(1, low=1)
    max_gpus: int = integer(16, low=1)
    factor: int = integer(4, low=1)


def _phases(value: Any, where: str) -> tuple[Phase, ...]:
    return tuple(build(Phase, phase, f"{where}[{i}]")
                 for i, phase in enumerate(as_list(value, where)))


def _elastic(value: Any, where: str) -> Elastic | None:
    return None if value is None else build(Elastic, value, where)


@dataclass(frozen=True)
class GeneratorConfig:
    """Everything that makes a synthetic trace of jobs."""

    law: str = one_of("synthetic", "philly", "blox")
    jobs: int = integer(600, low=1)
    gpus: int = integer(64, low=1)              # GPUs of the cluster, for rho
    rho: float | None = option(1.0, _load)      # null: arrivals as they were drawn
    phases: tuple[Phase, ...] = option((), _phases)     # instead of rho
    gpu_shares: Any = option(None, _gpu_shares)         # GPUs -> share, default: the law's own
    duration_max_s: float | None = number(None, above=0)
    burst_gap_s: float = number(600.0, above=0)         # philly: mean time between burst starts
    jobs_per_hour: float = number(8.0, above=0)         # blox
    classes: tuple[str, ...] = option(("0",), _names)   # drawn evenly
    class_per: str = one_of("job", "burst")
    multi_gpu_classes: int | None = integer(None, low=1)    # jobs with more GPUs: of the first ones
    tenants: tuple[float, ...] = option((1.0,), _weights)
    priorities: tuple[float, ...] = option((1.0,), _weights)    # weight of priority 0, 1, ...
    slack: tuple[float, float] | None = option(None, _range)    # deadline after U * duration
    estimate_sigma: float = number(0.0, low=0)          # estimate = duration * exp(sigma * N(0, 1))
    elastic: Elastic | None = option(None, _elastic)
    seed: int = integer(0, low=0)
    seeds: Mapping[str, int] = field(default_factory=lambda: dict(FIRST_SEED),
                                     metadata={"check": _seeds})    # first one of each part

    def __hash__(self) -> int:
        return hash(repr(self))     # shares and seeds are mappings

    def scaled(self, factor: float) -> GeneratorConfig:
        """The same jobs arriving `factor` times as fast."""
        phases = tuple(replace(phase, rho=phase.rho * factor) for phase in self.phases)
        return replace(self, rho=None if self.rho is None else self.rho * factor, phases=phases,
                       jobs_per_hour=self.jobs_per_hour * factor,
                       burst_gap_s=self.burst_gap_s / (1 if self.rho else factor))


def changed(config: Any) -> dict[str, Any]:
    """What differs from the defaults, as the mapping that builds an equal configuration."""
    found = {}
    for name, default in defaults(type(config)).items():
        value = getattr(config, name)
        if value != default:
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return changed(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
