"""Synthetic traces: a rate curve, shares of the families, an arrival process.

    trace = generate(preset("zipf_exponential"), seed=3)        # or any mapping with these keys
    trace = generate({"families": ["a"], "curve": {"rate": 20}, "duration_s": 60})

Twelve presets (`presets.yaml`) reproduce the statistics of published traces.
"""
from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from envs.blis.generator.arrivals import arrival_times
from envs.blis.generator.config import GeneratorConfig
from envs.blis.generator.curve import rates
from envs.blis.replay import Trace, join
from envs.core.errors import ScenarioError, TraceError, nearest
from envs.core.options import build

PRESETS = Path(__file__).parent / "presets.yaml"


def config_of(config: GeneratorConfig | Mapping[str, Any], where: str = "") -> GeneratorConfig:
    """A checked configuration; unknown keys and bad values are `ScenarioError`s."""
    config = build(GeneratorConfig, config, where)
    config.weights()
    config.family_slo_ms()
    return config


def generate(
    config: GeneratorConfig | Mapping[str, Any], seed: int | None = None, name: str = "generated"
) -> Trace:
    """One trace; draws come from PCG64 streams of (seed, 0) for the curve, (seed, 1 + k) for k."""
    config = config_of(config)
    seed = config.seed if seed is None else seed
    total = rates(config.curve, config.duration_s, _rng(seed, 0))
    slo = config.family_slo_ms()
    parts = []
    for k, (family, share) in enumerate(zip(config.families, config.weights(), strict=True)):
        rng = _rng(seed, 1 + k)
        times = arrival_times(config.arrivals, total * share, rng)
        levels = np.array(config.qos) / sum(config.qos)
        qos = rng.choice(len(levels), len(times), p=levels) if len(levels) > 1 else 0
        parts.append(_part(family, times, slo[family], qos))
    return _merge(parts, config, name)


def _rng(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream])))


def _part(family: str, times: np.ndarray, slo_ms: float, qos: Any) -> Trace:
    n = len(times)
    return Trace(family, (family,), times, np.zeros(n, np.int32), np.full(n, slo_ms),
                 np.full(n, qos, np.int32), np.full(n, 100.0))


def _merge(parts: list[Trace], config: GeneratorConfig, name: str) -> Trace:
    """Merged by time, then by the order of the families in the configuration."""
    families = tuple(sorted(config.families))
    trace = join([part.ordered(families) for part in parts], name)
    if not len(trace):
        raise TraceError("no request was generated", name, "raise the rates or the duration")
    return trace.rows(np.argsort(trace.arrival_ms, kind="stable"))


@lru_cache(1)
def presets() -> Mapping[str, GeneratorConfig]:
    """The shipped configurations by name."""
    known = yaml.safe_load(PRESETS.read_text(encoding="utf-8"))["presets"]
    return {name: config_of(value, name) for name, value in known.items()}


def preset(name: str) -> GeneratorConfig:
    """A shipped configuration."""
    if name not in presets():
        raise ScenarioError("no such preset", name, nearest(name, presets()))
    return presets()[name]
