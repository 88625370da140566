"""Where the graphs of a scenario come from: paths and generator calls for each part."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from envs.core.errors import ScenarioError
from envs.core.options import as_list, build, integer, number, option


def _weights(value: Any, where: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    weights = as_list(value, where)
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
            raise ScenarioError(f"{weight!r} is no weight", where, "give numbers >= 0")
    if not sum(weights) > 0:
        raise ScenarioError("the weights add up to nothing", where, "give a weight > 0")
    return tuple(float(weight) for weight in weights)


@dataclass(frozen=True)
class Poisson:
    """A stream of jobs: so many per unit of time, or as many as make a load."""

    rate: float | None = number(None, above=0)      # jobs per unit of the machine's time
    load: float | None = number(None, above=0)      # of the workers, were each task on its fastest
    jobs: int = integer(20, low=1)
    weights: tuple[float, ...] | None = option(None, _weights)


@dataclass(frozen=True)
class Sources:
    """Paths and generator calls by part; with `poisson` they arrive as a stream."""

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    poisson: Poisson | None = None

    def of(self, part: str) -> tuple[str, ...]:
        """The texts of a part."""
        return getattr(self, part)

    def at_load(self, factor: float) -> Sources:
        """The stream at `factor` times its rate."""
        if self.poisson is None:
            raise ScenarioError("the workload is no stream, so it has no load", "workload",
                                "add poisson: {load: 0.7, jobs: 20}")
        rate, load = (None if x is None else x * factor
                      for x in (self.poisson.rate, self.poisson.load))
        return replace(self, poisson=replace(self.poisson, rate=rate, load=load))


def sources_from(given: Any, where: str) -> Sources:
    """From the key `workload`: a list for all parts, or a mapping with a list per part."""
    place = f"{where}: workload" if where else "workload"
    if given is None:
        return Sources()
    if not isinstance(given, Mapping):
        given = {"train": given}
    unknown = next((key for key in given if key not in Sources.__dataclass_fields__), None)
    if unknown is not None:
        raise ScenarioError(f'unknown key "{unknown}"', place,
                            "known: " + ", ".join(Sources.__dataclass_fields__))
    train = _texts(given.get("train"), f"{place}.train")
    parts = {part: _texts(given[part], f"{place}.{part}") if part in given else train
             for part in ("validation", "test")}
    poisson = given.get("poisson")
    if poisson is not None:
        poisson = build(Poisson, poisson, f"{place}.poisson")
        _check_poisson(poisson, (train, *parts.values()), f"{place}.poisson")
    return Sources(train, parts["validation"], parts["test"], poisson)


def _texts(given: Any, where: str) -> tuple[str, ...]:
    texts = as_list(given, where)
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise ScenarioError("must be a list of paths or generator calls", where,
                            "write [cholesky(n=4), my_graph.json]")
    return tuple(texts)


def _check_poisson(poisson: Poisson, parts: tuple[tuple[str, ...], ...], where: str) -> None:
    if (poisson.rate is None) == (poisson.load is None):
        raise ScenarioError("give either rate or load", where, "write {load: 0.7, jobs: 20}")
    for graphs in parts:
        if poisson.weights is not None and len(poisson.weights) != len(graphs):
            raise ScenarioError(f"{len(poisson.weights)} weights for {len(graphs)} graphs",
                                f"{where}.weights", "give one per graph")
