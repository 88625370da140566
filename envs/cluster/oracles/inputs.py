"""Wrong inputs: the class of the error and what its message names."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from envs.cluster.oracles.instances import scenario_of
from envs.cluster.replay import Trace, read_trace
from envs.cluster.simulate import Run, simulate
from envs.cluster.state import FINISHED
from envs.cluster.system import check_window
from envs.core.errors import SuiteError
from envs.core.oracles import Outcome, differences


def check_inputs(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every case of a file."""
    for case in content["cases"]:
        yield Outcome(f"{name}, {case['name']}", tuple(_compare(content["trace_file"], case)))


def _compare(file: str, case: Mapping[str, Any]) -> list[str]:
    try:
        run, kind = attempt(case["input"], file), None
    except SuiteError as error:
        kind, message = type(error).__name__, str(error)
    if kind != case["error"]:
        return differences(case["error"], kind, "error")
    if kind is None:
        message = run.stalled or ""
        unfinished = np.flatnonzero(run.jobs["status"] != FINISHED).tolist()
        if unfinished != case["unfinished"]:
            return differences(case["unfinished"], unfinished, "unfinished")
    return [f'message: "{part}" is not in "{message}"'
            for part in case["contains"] if part not in message]


def attempt(given: Mapping[str, Any], file: str) -> Run:
    """Read, build and run an input."""
    options = dict(given["options"])
    if "window" in given:
        options["env"] = {"window": given["window"]}
    scenario = scenario_of(given, options)
    if "trace" in given:
        with TemporaryDirectory() as folder:
            path = Path(folder) / file
            path.write_text(given["trace"])
            trace = read_trace(path)
    else:
        trace = Trace.from_rows(given["jobs"])
    check_window(scenario, trace)
    return simulate(scenario, trace)
