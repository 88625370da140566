"""The configuration of a stream of jobs: which graphs, how often, how many."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from envs.core.errors import ScenarioError
from envs.core.options import as_list, as_number, defaults, integer, number, option


def _texts(value: Any, where: str) -> tuple[str, ...]:
    return tuple(str(text) for text in as_list(value, where))


def _weights(value: Any, where: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    weights = tuple(as_number(weight, where, low=0) for weight in as_list(value, where))
    if sum(weights) <= 0:
        raise ScenarioError("the weights sum to 0", where, "give one of them a positive weight")
    return weights


@dataclass(frozen=True)
class StreamConfig:
    """Everything that makes a synthetic trace of graphs."""

    graphs: tuple[str, ...] = option((), _texts)        # paths or generator calls
    weights: tuple[float, ...] | None = option(None, _weights)      # shares of the graphs
    jobs: int = integer(40, low=1)
    rate: float | None = number(None, above=0)          # jobs per unit of the first graph
    load: float | None = number(None, above=0)          # instead: rate * mean work / workers,
    workers: int = integer(4, low=1)                    # work = sum of the least durations
    seed: int = integer(0, low=0)

    def scaled(self, factor: float) -> StreamConfig:
        """The same jobs arriving `factor` times as fast."""
        return replace(self, rate=None if self.rate is None else self.rate * factor,
                       load=None if self.load is None else self.load * factor)


def changed(config: StreamConfig) -> dict[str, Any]:
    """What differs from the defaults, as the mapping that builds an equal configuration."""
    found = {}
    for name, default in defaults(StreamConfig).items():
        value = getattr(config, name)
        if value != default:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found
