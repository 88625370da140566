"""The configuration of the trace generator."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import numpy as np

from envs.blis.generator.arrivals import Arrivals
from envs.blis.generator.curve import Curve
from envs.core.errors import ScenarioError
from envs.core.options import as_list, as_number, defaults, integer, nested, option


def _names(value: Any, where: str) -> tuple[str, ...]:
    names = tuple(str(v) for v in as_list(value, where))
    if not names or len(set(names)) < len(names):
        raise ScenarioError("needs different names", where, "list each family once")
    return names


def _shares(value: Any, where: str) -> Any:
    if value == "equal":
        return value
    if isinstance(value, Mapping):
        low = None if set(value) == {"exponent"} else 0
        return {str(k): as_number(v, f"{where}.{k}", low=low) for k, v in value.items()}
    raise ScenarioError(f"{value!r} is no share", where,
                        "write equal, {exponent: 1.0} or {family: weight, ...}")


def _allowances(value: Any, where: str) -> float | dict[str, float]:
    if isinstance(value, Mapping):
        return {str(k): as_number(v, f"{where}.{k}", above=0) for k, v in value.items()}
    return as_number(value, where, above=0)


def _weights(value: Any, where: str) -> tuple[float, ...]:
    weights = tuple(as_number(v, where, low=0) for v in as_list(value, where))
    if sum(weights) <= 0:
        raise ScenarioError("the weights sum to 0", where, "give one level a positive weight")
    return weights


@dataclass(frozen=True)
class GeneratorConfig:
    """Everything that makes a synthetic trace; rates are piecewise constant per second."""

    duration_s: int = integer(300, low=1)
    families: tuple[str, ...] = option(("a",), _names)
    shares: Any = option("equal", _shares)      # equal, {exponent: z} by rank, or weights
    curve: Curve = nested(Curve)
    arrivals: Arrivals = nested(Arrivals)
    slo_ms: Any = option(300.0, _allowances)    # one for all, or one per family
    qos: tuple[float, ...] = option((1.0,), _weights)   # weight of each level
    seed: int = integer(0, low=0)

    def __hash__(self) -> int:
        return hash(repr(self))     # shares and allowances may be mappings

    def scaled(self, factor: float) -> GeneratorConfig:
        """The same trace at `factor` times the rate."""
        return replace(self, curve=replace(self.curve, scale=self.curve.scale * factor))

    def family_slo_ms(self) -> dict[str, float]:
        """The allowance of each family."""
        if isinstance(self.slo_ms, float):
            return dict.fromkeys(self.families, self.slo_ms)
        return {f: _of_family(self.slo_ms, f, "slo_ms") for f in self.families}

    def weights(self) -> np.ndarray:
        """The share of each family, summing to 1."""
        if self.shares == "equal":
            weights = np.ones(len(self.families))
        elif set(self.shares) == {"exponent"}:
            rank = np.arange(1, len(self.families) + 1)
            weights = rank ** -self.shares["exponent"]
        else:
            weights = np.array([_of_family(self.shares, f, "shares") for f in self.families])
        if weights.sum() <= 0:
            raise ScenarioError("the shares sum to 0", "shares", "give a positive weight")
        return weights / weights.sum()


def changed(config: Any) -> dict[str, Any]:
    """What differs from the defaults, as the mapping that builds an equal configuration."""
    found = {}
    for name, default in defaults(type(config)).items():
        value = getattr(config, name)
        if value != default:
            value = changed(value) if is_dataclass(value) else value
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _of_family(values: Mapping[str, float], family: str, where: str) -> float:
    if family not in values:
        raise ScenarioError(f'nothing is given for family "{family}"', where,
                            f"add `{family}: ...`")
    return values[family]
