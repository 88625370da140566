"""Episodes and plans of the learning-curve model, draws, and the sets that ship."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.core.errors import nearest
from envs.core.oracles import OracleError, Outcome, differences, outcome
from envs.net2net.cells import ACTION_SETS, PROFILES, Cell, Network, Profile
from envs.net2net.draws import normal, u
from envs.net2net.model import Setup, play
from envs.net2net.planning.planner import plan
from envs.net2net.theta import FittedSet, Noise, Theta

SCHEMA = "net2net-parametric/1"
EXACT = 1e-12
NOISE = ("run", "curve")


def check_parametric(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every part of a file."""
    yield outcome(f"{name}, profiles", lambda: differences(
        content.get("profiles", {}), {key: list(PROFILES[key]) for key in content.get(
            "profiles", ())}, "profiles"))
    for number, row in enumerate(content.get("noise_draws", ())):
        yield outcome(f"{name}, draw {number}", lambda row=row: _draw(row))
    for key, row in content.get("shipped", {}).items():
        yield outcome(f"{name}, {key}", lambda key=key, row=row: differences(
            row["theta"], FittedSet.from_config(key, row, key).theta.to_config(), "theta", EXACT))
    for number, case in enumerate(content.get("cases", ())):
        yield outcome(f"{name}, case {number}", lambda case=case: _episode(case))
    for number, case in enumerate(content.get("planner_cases", ())):
        yield outcome(f"{name}, plan {number}: {case['task']}", lambda case=case: _plan(case))


def setup_of(case: Mapping[str, Any]) -> Setup:
    """The job of a case."""
    cell = cell_of(case)
    theta = Theta.from_config(case["theta"], cell.stages)
    noise = case.get("noise") or {}
    return Setup(
        cell, theta, tuple((float(t), g) for t, g in case["gpu_timeline"]),
        _profile(case["profile"]), case["jump_grow"], case["jump_undo"],
        Noise.from_config({key: noise[key] for key in NOISE if key in noise}),
        case.get("vary", 0.0), case.get("max_parameters"))


def cell_of(case: Mapping[str, Any]) -> Cell:
    """The table cell of a case."""
    network, budget = Network.from_config(case["cell"], "cell"), case["budget_ms"]
    if case["action_set"] not in ACTION_SETS:
        raise OracleError(f'unknown action set "{case["action_set"]}"', "action_set",
                          nearest(case["action_set"], ACTION_SETS))
    return Cell("case", "case", network, budget, tuple(f * budget for f in case["fractions"]),
                case["action_set"])


def seed_of(case: Mapping[str, Any]) -> int:
    """The seed behind a case's noise."""
    return (case.get("noise") or {}).get("seed", 0)


def _profile(given: Any) -> Profile:
    if isinstance(given, str):
        if given not in PROFILES:
            raise OracleError(f'unknown profile "{given}"', "profile", nearest(given, PROFILES))
        return PROFILES[given]
    return tuple(given)


def _draw(row: Mapping[str, Any]) -> list[str]:
    found = {"uniform": float(u(row["seed"], *row["ids"])),
             "normal": float(normal(row["seed"], *row["ids"]))}
    return differences({key: row[key] for key in found}, found, "", EXACT)


def _episode(case: Mapping[str, Any]) -> list[str]:
    found, want = episode(case), dict(case["expect"])
    clocks = differences(want.pop("clock_ms"), found["clock_ms"], "clock_ms")
    return clocks + differences(want, {key: found[key] for key in want}, "", EXACT)


def episode(case: Mapping[str, Any]) -> dict[str, Any]:
    """What the sequence of a case leads to, by the names of the oracles."""
    made = play(setup_of(case), np.array([case["sequence"]]), seed_of(case))
    return {"taken": made.taken[0].tolist(), "clock_ms": made.clock[0].tolist(),
            "latent_error": made.latent[0].tolist(), "observed_error": made.observed[0].tolist(),
            "noisy_error": made.noisy[0].tolist(),
            "final_architecture": made.architecture[0].tolist(),
            "final_accuracy": 1.0 - float(made.observed[0, -1]),
            "steps": made.steps[0].astype(int).tolist(),
            "gpu_seconds": float(made.gpu_seconds[0, -1])}


def _plan(case: Mapping[str, Any]) -> list[str]:
    made = plan(setup_of(case))
    found = {"accuracy": made.accuracy, "sequence": list(made.sequence),
             "never_accuracy": made.never, "sequences_evaluated": made.evaluated}
    return differences({key: case["expect"][key] for key in found}, found, "", EXACT)
