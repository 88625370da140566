"""Graphs by name, `cholesky(n=8,table=k40_960)` or a file; streams of them as traces.

    graph = open_graph("layered(n=40,seed=3)", "example")
    graph = GENERATORS["cholesky"](n=8, table="k40_960")
    trace = generate(preset("tiled-stream"), seed=3)        # or any mapping with these keys
"""
from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from envs.core.configs import beside
from envs.core.errors import ScenarioError, nearest
from envs.core.options import build
from envs.dag.formats import read_graph
from envs.dag.generator import structures, tiled, workflows
from envs.dag.generator.config import StreamConfig
from envs.dag.generator.costs import synthetic
from envs.dag.generator.parameters import CHECKS, EPISODE, value_of
from envs.dag.generator.sparse import NothingDrawn, spgemm
from envs.dag.graph import Graph

if TYPE_CHECKING:
    from envs.dag.replay import Trace

PRESETS = Path(__file__).parent / "streams.yaml"
GENERATORS: dict[str, Callable[..., Graph]] = {
    "cholesky": tiled.cholesky, "lu": tiled.lu, "qr": tiled.qr, "gemm": tiled.gemm,
    "spgemm": spgemm,
    **{build.__name__: synthetic(build) for build in (
        structures.layered, structures.erdos, structures.fork_join, structures.out_tree,
        structures.in_tree, structures.chain, structures.grid, structures.fft,
        structures.gauss_elim)},
    "montage": workflows.montage, "epigenomics": workflows.epigenomics,
}
FURTHER, MOST_DRAWS = 2**32, 100        # between the seeds that are tried for an episode
CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)


def open_graph(
    text: str, where: str, folder: Path | None = None, episode_seed: int | None = None
) -> Graph:
    """The graph of a generator call or of a file, sought beside `folder` first.

    `seed=episode` in a call is replaced by `episode_seed`.
    """
    if not is_call(text):
        if text in GENERATORS:
            raise ScenarioError(f'"{text}" is a generator', where, f"write {example(text)}")
        return read_graph(beside(text, folder))
    name, parameters = parse_call(text, where)
    if parameters.get("seed") == EPISODE:
        if episode_seed is None:
            raise ScenarioError("seed=episode has no meaning without an episode",
                                f"{where}: {text}", "give a number")
        return replace(_of_episode(name, parameters, episode_seed), source=text)
    return replace(GENERATORS[name](**parameters), source=text)


def _of_episode(name: str, parameters: Mapping[str, Any], seed: int) -> Graph:
    """The graph of an episode, which must have one: a seed that draws nothing gives way to one
    that no episode has."""
    for further in range(MOST_DRAWS):
        with suppress(NothingDrawn):
            return GENERATORS[name](**{**parameters, "seed": (seed + further * FURTHER) % 2**64})
    return GENERATORS[name](**{**parameters, "seed": seed})


def is_call(text: str) -> bool:
    """Whether a text is a generator call rather than a path."""
    return CALL.fullmatch(text) is not None


def per_episode(text: str) -> bool:
    """Whether a text is a call whose graph differs from episode to episode."""
    return is_call(text) and parse_call(text, text)[1].get("seed") == EPISODE


def parse_call(text: str, where: str) -> tuple[str, dict[str, Any]]:
    """Generator and checked parameters of a call; anything unknown is one `ScenarioError`."""
    found = CALL.fullmatch(text)
    if found is None:
        raise ScenarioError(f'"{text}" is no generator call', where, f"write {example('cholesky')}")
    name, place = found[1], f"{where}: {text}" if where else text
    if name not in GENERATORS:
        raise ScenarioError(f'unknown generator "{name}"', place, nearest(name, GENERATORS))
    given: dict[str, Any] = {}
    for part in filter(None, map(str.strip, found[2].split(","))):
        key, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or key in given:
            raise ScenarioError(f'"{part}" is given twice' if sign else f'"{part}" is no key=value',
                                place, f"write {example(name)}")
        given[key] = value_of(value)
    return name, _checked(name, given, place)


def example(name: str) -> str:
    """A call with the parameters that a generator needs."""
    return f"{name}({','.join(f'{key}=...' for key in _needed(name))})"


def _checked(name: str, given: Mapping[str, Any], place: str) -> dict[str, Any]:
    known = inspect.signature(GENERATORS[name]).parameters
    for key in given:
        if key not in known:
            raise ScenarioError(f'unknown parameter "{key}"', place, nearest(key, known))
    for key in _needed(name):
        if key not in given:
            raise ScenarioError(f'the parameter "{key}" is missing', place,
                                f"write {example(name)}")
    return {key: CHECKS[key](value, f"{place}: {key}") for key, value in given.items()}


def _needed(name: str) -> list[str]:
    known = inspect.signature(GENERATORS[name]).parameters
    return [key for key, parameter in known.items() if parameter.default is parameter.empty]


def config_of(config: StreamConfig | Mapping[str, Any], where: str = "") -> StreamConfig:
    """A checked configuration of a stream; bad values are `ScenarioError`s."""
    config = build(StreamConfig, config, where)
    if not config.graphs:
        raise ScenarioError("no graphs", f"{where}.graphs", "list paths or generator calls")
    if config.weights is not None and len(config.weights) != len(config.graphs):
        raise ScenarioError(f"{len(config.weights)} weights for {len(config.graphs)} graphs",
                            f"{where}.weights", "give one per graph")
    if (config.rate is None) == (config.load is None):
        raise ScenarioError("give either rate or load", where, "write load: 0.7")
    return config


def generate(
    config: StreamConfig | Mapping[str, Any], seed: int | None = None, name: str = "generated"
) -> Trace:
    """A Poisson stream of the graphs; `rate` is per unit of the first of them."""
    from envs.dag.generator.measure import least_work
    from envs.dag.replay import poisson_trace  # replay opens graphs through this module

    config = config_of(config)
    graphs = [open_graph(text, name) for text in config.graphs]
    _check_units(graphs, name)
    work = np.array([least_work(graph).sum() for graph in graphs]) / graphs[0].ticks_per_unit
    rate = config.rate or config.load * config.workers / np.average(work, weights=config.weights)
    return poisson_trace(graphs, float(rate), config.jobs, config.seed if seed is None else seed,
                         config.weights, name=name)


def _check_units(graphs: Sequence[Graph], where: str) -> None:
    one = graphs[0]
    for other in graphs:
        if "1" in (one.unit, other.unit) and (one.unit, one.resolution) != (
                other.unit, other.resolution):
            raise ScenarioError(f"{one.name} has unit {one.unit!r} and resolution {one.resolution},"
                                f" {other.name} unit {other.unit!r} and {other.resolution}", where,
                                "give all real units, or all '1' with one resolution")


@lru_cache(1)
def presets() -> Mapping[str, StreamConfig]:
    """The shipped streams by name."""
    known = yaml.safe_load(PRESETS.read_text(encoding="utf-8"))["presets"]
    return {name: config_of(value, name) for name, value in known.items()}


def preset(name: str) -> StreamConfig:
    """A shipped stream."""
    if name not in presets():
        raise ScenarioError("no such preset", name, nearest(name, presets()))
    return presets()[name]
