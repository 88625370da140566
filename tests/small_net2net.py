"""Recordings with made-up accuracies on which a whole comparison takes a moment."""
from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from agents.evaluation import compare
from agents.evaluation.standings import Comparison
from envs.net2net.cells import cell_of
from envs.net2net.scenario import Scenario
from tests.net2net_recordings import write_recording

NAMES = ("never", "best_constant", "greedy_uniform", "planner", "held_out_oracle", "oracle")
CELLS = ("digits@600/depth", "pair_max@600/depth")


@lru_cache
def recording(seeds: int = 7) -> str:
    """Two cells of 16 sequences; seeds 5 and 6 are for the test."""
    folder = Path(tempfile.mkdtemp(prefix="net2net-"), "made_up")
    cells = tuple(cell_of(name, fractions=(0.1, 0.4)) for name in CELLS)
    return str(write_recording(folder, cells, seeds))


def scenario(**options: Any) -> Scenario:
    """Recorded trainings unless told otherwise."""
    return Scenario.from_config({"name": "small", "backend": "tabular", "cells": list(CELLS),
                                 "fractions": [0.1, 0.4], "tables": [recording()], **options})


def parametric(**options: Any) -> Scenario:
    """The same cells under the model, with the shipped noise."""
    return scenario(**{"backend": "parametric", "tables": [], "noise": "shipped", **options})


def small(names: Any = NAMES, **settings: Any) -> Comparison:
    """A comparison on the recorded trainings."""
    return compare(names if names is None else list(names), settings.pop("scenario", scenario()),
                   env="net2net", **settings)


@lru_cache
def usual() -> Comparison:
    """One comparison that many tests look at: two cells, two test seeds each."""
    return small()
