"""Generator presets: statistics of five seeds against published traces."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.blis.generate import config_of, generate, preset
from envs.blis.generator.measure import measure
from envs.core.oracles import Outcome, outcome

SEEDS = range(1, 6)


def check_presets(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every preset: the shipped parameters are these, and their statistics the published ones."""
    for title, case in content["presets"].items():
        yield outcome(f"{name}, {title}", lambda title=title, case=case: _compare(title, case))


def _compare(title: str, case: Mapping) -> Iterator[str]:
    config = config_of(case["generator"])
    if config != preset(title):
        yield "generator: the preset that ships under this name has other parameters"
    found = [measure(generate(config, seed)) for seed in SEEDS]
    tolerances = {**case["tolerance"]}
    yield from _compare_shares(case["published"]["shares"], found, tolerances.pop("share_abs"))
    for field, tolerance in tolerances.items():
        mean, published = np.mean([f[field] for f in found]), case["published"][field]
        if tolerance is not None and not abs(mean - published) <= tolerance * abs(published):
            yield f"{field}: expected {published} within {tolerance:.0%}, got {mean:.5g}"


def _compare_shares(published: Mapping, found: list[Mapping], tolerance: float) -> Iterator[str]:
    for family, share in published.items():
        mean = np.mean([f["shares"].get(family, 0.0) for f in found])
        if not abs(mean - share) <= tolerance:
            yield f"shares.{family}: expected {share} within {tolerance}, got {mean:.5g}"
