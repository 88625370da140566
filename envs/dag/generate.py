"""Graphs by name: `cholesky(n=8,table=k40_960)` or a file.

    graph = open_graph("layered(n=40,seed=3)", "example")
    graph = GENERATORS["cholesky"](n=8, table="k40_960")
"""
from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from envs.core.configs import beside
from envs.core.errors import ScenarioError, nearest
from envs.dag.formats import read_graph
from envs.dag.generator import structures, tiled, workflows
from envs.dag.generator.costs import synthetic
from envs.dag.generator.parameters import CHECKS, EPISODE, value_of
from envs.dag.generator.sparse import spgemm
from envs.dag.graph import Graph

GENERATORS: dict[str, Callable[..., Graph]] = {
    "cholesky": tiled.cholesky, "lu": tiled.lu, "qr": tiled.qr, "gemm": tiled.gemm,
    "spgemm": spgemm,
    **{build.__name__: synthetic(build) for build in (
        structures.layered, structures.erdos, structures.fork_join, structures.out_tree,
        structures.in_tree, structures.chain, structures.grid, structures.fft,
        structures.gauss_elim)},
    "montage": workflows.montage, "epigenomics": workflows.epigenomics,
}
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
        parameters["seed"] = episode_seed
    return replace(GENERATORS[name](**parameters), source=text)


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
    checked = {key: value for key, value in given.items() if (key, value) == ("seed", EPISODE)}
    return {**{key: CHECKS[key](value, f"{place}: {key}") for key, value in given.items()
               if key not in checked}, **checked}


def _needed(name: str) -> list[str]:
    known = inspect.signature(GENERATORS[name]).parameters
    return [key for key, parameter in known.items() if parameter.default is parameter.empty]
