"""Rate curves: requests per second in each second of a trace."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.core.errors import ScenarioError
from envs.core.files import path_of
from envs.core.options import as_list, as_number, integer, nested, number, one_of, option
from envs.core.tables import Column, read_table


def _rates(value: Any, where: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    rates = tuple(as_number(v, where, low=0) for v in as_list(value, where))
    if not rates:
        raise ScenarioError("the list is empty", where, "give at least one rate")
    return rates


@dataclass(frozen=True)
class Spike:
    """`add` req/s in the seconds `s mod every_s = at_s`, taken from all seconds alike."""

    every_s: int = integer(12, low=1)
    at_s: int = integer(0, low=0)
    add: float = number(0.0)


@dataclass(frozen=True)
class Curve:
    """The kind of a curve and the keys of all kinds; rates are requests per second."""

    kind: str = one_of("constant", "sine", "square", "table")
    rate: float = number(100.0, low=0)                  # constant
    mean: float = number(100.0, low=0)                  # sine
    amplitude: float = number(50.0)
    period_s: float = number(60.0, above=0)
    phase_s: float = number(0.0)
    low: float = number(50.0, low=0)                    # square, low first
    high: float = number(150.0, low=0)
    jitter: float = number(0.0, low=0)                  # U(0, jitter) on the high seconds
    every_s: float = number(10.0, above=0)              # square and table: width of a step or bin
    rates: tuple[float, ...] | None = option(None, _rates)      # table: value per bin
    file: str | None = option(None, lambda value, where: value)     # table: CSV with column rate
    spike: Spike = nested(Spike)
    noise_sd: float = number(0.0, low=0)
    floor: float = number(0.0, low=0)
    scale: float = number(1.0, low=0)


def rates(curve: Curve, duration_s: int, rng: np.random.Generator) -> np.ndarray:
    """The rate in each second: curve, spike, noise, floor, scale, in this order."""
    second = np.arange(duration_s)
    rate = _KINDS[curve.kind](curve, second, rng)
    spike = curve.spike
    rate = rate + spike.add * (second % spike.every_s == spike.at_s) - spike.add / spike.every_s
    if curve.noise_sd:
        rate = rate + rng.normal(0.0, curve.noise_sd, duration_s)
    return np.maximum(rate, curve.floor) * curve.scale


def _constant(curve: Curve, second: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    return np.full(len(second), curve.rate)


def _sine(curve: Curve, second: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    angle = 2 * np.pi * (second + 0.5 - curve.phase_s) / curve.period_s
    return curve.mean + curve.amplitude * np.sin(angle)


def _square(curve: Curve, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    high = (second // curve.every_s) % 2 == 1
    return np.where(high, curve.high + rng.uniform(0.0, curve.jitter, len(second)), curve.low)


def _table(curve: Curve, second: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    values = curve.rates
    if values is None:
        if curve.file is None:
            raise ScenarioError("a table curve needs values", "curve", "give rates or a file")
        table = read_table(path_of(curve.file), {"rate": Column(float)}, error=ScenarioError)
        table.refuse(table["rate"] < 0, "rate", "is negative", "give requests per second")
        values = table["rate"]
    centres = (np.arange(len(values)) + 0.5) * curve.every_s
    return np.interp(second + 0.5, centres, values)


_KINDS = {"constant": _constant, "sine": _sine, "square": _square, "table": _table}
