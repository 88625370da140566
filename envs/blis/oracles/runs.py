"""Whole runs: the outcome of every request of small instances, and queueing formulas."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.blis.metrics import metrics
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario
from envs.blis.simulate import Run, simulate
from envs.blis.state import STATUS
from envs.core.oracles import Outcome, differences, outcome
from envs.core.rng import uniform_host

WINDOW_FIELDS = ("arrivals", "met", "late", "dropped", "queue")
ANALYTIC_SEED = 1


def check_cases(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every case of an instance, and the random numbers where the file has some."""
    trace = Trace.from_rows(content["trace"], name=name)
    for case in content["cases"]:
        yield outcome(f"{name}, {case['name']}", lambda case=case: _compare_case(
            content["config"], trace, case))
    if "uniform" in content:
        yield outcome(f"{name}, uniform", lambda: _compare_draws(content["uniform"]))


def _compare_case(config: Mapping, trace: Trace, case: Mapping) -> list[str]:
    scenario = Scenario.from_config({**config, **case["options"]})
    return differences(case["expect"], narrowed(result(simulate(scenario, trace)), case["expect"]))


def _compare_draws(rows: list[Mapping]) -> list[str]:
    got = [uniform_host(row["seed"], row["stream"], row["n"]) for row in rows]
    return differences([row["value"] for row in rows], got, "value")


def result(run: Run) -> dict[str, Any]:
    """A run in the form of an oracle."""
    records = run.records
    return {
        "status": "".join(STATUS[code] for code in records["status"]),
        "device": [None if d < 0 else d for d in records["device"].tolist()],
        "start": _times(records["start_ms"]), "finish": _times(records["finish_ms"]),
        "metrics": _metrics(run), "windows": _windows(run),
    }


def _times(values: np.ndarray) -> list[float | None]:
    return [None if v != v else v for v in values.tolist()]


def _metrics(run: Run) -> dict[str, Any]:
    found = metrics(run)
    histogram = {str(size): n for size, n in found["batch_histogram"].items()}
    return {**found, "batch_histogram": histogram}


def _windows(run: Run) -> list[dict[str, Any]]:
    moved = run.window_reallocations.tolist()
    return [{**{f: window[f].tolist() for f in WINDOW_FIELDS}, "realloc": moved[w]}
            for w, window in enumerate(run.windows)]


def narrowed(got: Mapping, expected: Mapping) -> dict[str, Any]:
    """What an oracle asks for; a run knows more metrics than it must."""
    asked = got["metrics"]
    kept = {k: v for k, v in asked.items() if k in expected["metrics"]}
    if "per_family" in kept:
        kept["per_family"] = {
            family: {k: v for k, v in values.items()
                     if k in expected["metrics"]["per_family"].get(family, values)}
            for family, values in kept["per_family"].items()}
    return {**got, "metrics": kept}


def check_analytic(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Poisson arrivals of one family against a formula."""
    for check in content["checks"]:
        yield outcome(f"{name}, {check['name']}", lambda check=check: _compare_analytic(check))


def _compare_analytic(check: Mapping) -> list[str]:
    gaps = np.random.default_rng(ANALYTIC_SEED).exponential(
        1000 / check["rate_rps"], check["requests"])
    n = len(gaps)
    trace = Trace(check["name"], ("a",), np.cumsum(gaps), np.zeros(n, np.int32),
                  np.full(n, float(check["slo_ms"])), np.zeros(n, np.int32), np.full(n, 100.0))
    found = metrics(simulate(Scenario.from_config(check["config"]), trace))
    top, _, bottom = check["metric"].partition("/")
    value = found[top] / found[bottom] if bottom else found[top]
    if abs(value - check["value"]) <= check["rel_tol"] * abs(check["value"]):
        return []
    return [f"{check['metric']}: expected {check['value']:.6g} within {check['rel_tol']:.0%}, "
            f"got {value:.6g}"]
