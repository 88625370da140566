"""Synthetic traces of jobs, calibrated to an offered load.

    trace = generate(preset("philly-32"), seed=3)               # or any mapping with these keys
    trace = generate({"law": "synthetic", "jobs": 100, "gpus": 8, "rho": 1.2})

Presets (`presets.yaml`) have the names of the scenarios that they were made for.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from envs.cluster.generator import laws
from envs.cluster.generator.arrivals import bursts, poisson, shifted_load, stretched
from envs.cluster.generator.blox import blox_jobs
from envs.cluster.generator.config import GeneratorConfig
from envs.cluster.replay import Trace
from envs.core.errors import ScenarioError, nearest
from envs.core.options import build

PRESETS = Path(__file__).parent / "presets.yaml"
STREAMS = ("arrivals", "gpus", "durations", "classes", "tenants", "priorities", "deadlines",
           "estimates")


@dataclass(frozen=True, eq=False)
class _Draft:
    """Jobs before the load is set; jobs of one burst have the same number there."""

    arrival_s: np.ndarray
    gpus: np.ndarray
    duration_s: np.ndarray
    burst: np.ndarray


def config_of(config: GeneratorConfig | Mapping[str, Any], where: str = "") -> GeneratorConfig:
    """A checked configuration; unknown keys and bad values are `ScenarioError`s."""
    config = build(GeneratorConfig, config, where)
    if config.multi_gpu_classes is not None and config.multi_gpu_classes > len(config.classes):
        raise ScenarioError(f"{config.multi_gpu_classes} of {len(config.classes)} classes",
                            f"{where}.multi_gpu_classes", "name more classes, or ask for fewer")
    if config.law == "synthetic" and config.rho is None and not config.phases:
        raise ScenarioError("the law synthetic has no rate of its own", f"{where}.rho",
                            "give rho or phases")
    return config


def generate(
    config: GeneratorConfig | Mapping[str, Any], seed: int | None = None, name: str = "generated"
) -> Trace:
    """One trace; each property draws from a PCG64 stream of (seed, place in `STREAMS`)."""
    config = config_of(config)
    seed = config.seed if seed is None else seed
    stream = {key: _rng(seed, k) for k, key in enumerate(STREAMS)}
    draft = _LAWS[config.law](config, seed, stream)
    arrival = _loaded(config, draft)
    tenant = laws.drawn(config.tenants, config.jobs, stream["tenants"])[draft.burst]
    priority = laws.drawn(config.priorities, config.jobs, stream["priorities"])
    low, high = _range(config, draft.gpus)
    classes, cls = _classes(config, draft, stream["classes"])
    return Trace(
        name, classes, gpu_types=(), arrival_s=arrival, gpus=draft.gpus,
        duration_s=draft.duration_s, cls=cls, tenant=tenant,
        priority=priority.astype(np.int64),
        deadline_s=_deadlines(config, arrival, draft, stream["deadlines"]),
        estimate_s=_estimates(config, draft, stream["estimates"]),
        gpu_type=np.full(config.jobs, -1, np.int32), min_gpus=low, max_gpus=high,
        line=np.arange(config.jobs, dtype=np.int32))


def _rng(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream])))


def _synthetic(config: GeneratorConfig, _seed: int, stream: Mapping[str, Any]) -> _Draft:
    n = config.jobs
    shares = config.gpu_shares or laws.SYNTHETIC_GPUS
    return _Draft(poisson(n, stream["arrivals"]), laws.drawn_gpus(shares, n, stream["gpus"]),
                  _whole(laws.synthetic_durations(n, stream["durations"]), config), np.arange(n))


def _philly(config: GeneratorConfig, _seed: int, stream: Mapping[str, Any]) -> _Draft:
    found = bursts(config.jobs, config.burst_gap_s, stream["arrivals"])
    shares = config.gpu_shares or laws.PHILLY_GPUS
    gpus = laws.drawn_gpus(shares, config.jobs, stream["gpus"])[found.burst]
    durations = _whole(laws.philly_durations(gpus, stream["durations"]), config)
    return _Draft(found.arrival_s, gpus, durations, found.burst)


def _blox(config: GeneratorConfig, seed: int, stream: Mapping[str, Any]) -> _Draft:
    arrival, duration = blox_jobs(config.jobs, config.jobs_per_hour, seed)
    gpus = laws.drawn_gpus(config.gpu_shares or {1: 1.0}, config.jobs, stream["gpus"])
    return _Draft(arrival, gpus, duration, np.arange(config.jobs))


_LAWS = {"synthetic": _synthetic, "philly": _philly, "blox": _blox}


def _whole(duration_s: np.ndarray, config: GeneratorConfig) -> np.ndarray:
    longest = config.duration_max_s or np.inf
    return np.maximum(np.rint(np.minimum(duration_s, longest)), 1.0)


def _loaded(config: GeneratorConfig, draft: _Draft) -> np.ndarray:
    """Arrivals at the asked load, in whole seconds."""
    if config.law == "blox":
        return draft.arrival_s
    arrival, gpu_s = draft.arrival_s, draft.gpus * draft.duration_s
    if config.phases:
        arrival = shifted_load(arrival, gpu_s, config.gpus, config.phases)
    elif config.rho is not None:
        arrival = stretched(arrival, gpu_s, config.gpus, config.rho)
    return np.rint(arrival)


def _classes(
    config: GeneratorConfig, draft: _Draft, rng: np.random.Generator
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names in code-point order, as a table that is read has them, and the class of each job."""
    level = rng.random(config.jobs)
    if config.class_per == "burst":
        level = level[draft.burst]
    several = config.multi_gpu_classes or len(config.classes)
    choices = np.where(draft.gpus > 1, several, len(config.classes))
    names = tuple(sorted(config.classes))
    place = np.array([names.index(name) for name in config.classes], np.int32)
    return names, place[(level * choices).astype(np.int32)]


def _deadlines(config: GeneratorConfig, arrival_s: np.ndarray, draft: _Draft,
               rng: np.random.Generator) -> np.ndarray:
    if config.slack is None:
        return np.full(config.jobs, np.inf)
    return np.rint(arrival_s + rng.uniform(*config.slack, config.jobs) * draft.duration_s)


def _estimates(config: GeneratorConfig, draft: _Draft, rng: np.random.Generator) -> np.ndarray:
    error = np.exp(config.estimate_sigma * rng.standard_normal(config.jobs))
    guess = np.maximum(np.rint(draft.duration_s * error), 1.0)
    return guess if config.estimate_sigma else draft.duration_s.copy()


def _range(config: GeneratorConfig, gpus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if config.elastic is None:
        return gpus.copy(), gpus.copy()
    low, high = config.elastic.min_gpus, config.elastic.max_gpus
    most = np.minimum(high, config.elastic.factor * gpus)
    return np.minimum(low, gpus).astype(np.int32), np.maximum(most, gpus).astype(np.int32)


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
