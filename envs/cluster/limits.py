"""Runs that would not end: times beyond the clock of the simulator, and too many instants."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs.cluster.options import Options
from envs.core.errors import ScenarioError

if TYPE_CHECKING:
    from envs.cluster.system import System

LONGEST_S = 1e12        # s of all jobs one after another, GPU s of one; the clock ends at 4.6e12
INSTANTS = 1e8          # decisions that a run may take


def longest_s(system: System) -> np.ndarray:
    """(n,) seconds that a job takes where it is slowest, after one launch."""
    cls, usable = system.cls, system.allowed() & (system.type_gpus > 0)
    speed = np.where(usable, system.speed[cls], np.inf).min(axis=1)
    scaling = system.curve[cls, system.min_gpus] / system.curve[cls, system.gpus]
    rate = np.where(system.goodput_rate > 0, system.goodput_rate, np.inf).min(axis=(1, 2))
    slowest = np.where(system.has_goodput[cls], rate[cls],
                       scaling * system.locality.min(axis=1)[cls])
    launch = np.maximum(system.launch_us, system.restart_us)[cls]
    return (launch + system.work / (speed * slowest)) / 1e6


def check_lengths(system: System) -> None:
    """`ScenarioError` where the clock might run over."""
    longest = longest_s(system)
    total = system.arrival_us[-1] / 1e6 + longest.sum()
    if max(total, (longest * system.max_gpus).max()) <= LONGEST_S:
        return
    job = int(longest.argmax())
    name = system.classes[system.cls[job]]
    raise ScenarioError(f"{system.trace.job(job)} may take {longest[job]:.3g} s, too long for the "
                        "clock", f"{system.scenario.name}: class {name}",
                        "check its speeds, locality, curve, launch_s and restart_s")


def check_instants(system: System, used: list[Options]) -> None:
    """`ScenarioError` for an option by which a run takes more than `INSTANTS` decisions."""
    options, gpu_s = system.scenario.options, float((system.work / 1e6 * system.gpus).sum())
    arrival = system.arrival_us / 1e6
    span = (arrival[-1] - arrival[0] + system.work.max() / 1e6 + gpu_s / system.total_gpus)
    steps = {"lookahead.every_s": (options.lookahead.every_s, span)} if options.lookahead else {}
    if options.mode == "round":
        steps["round_s"] = options.round_s, span
    else:
        orders = {effective.order for effective in used}
        steps["quantum_s"] = options.quantum_s, span
        if "priority" in orders:
            steps["age_s"] = options.age_s, span
        if "gittins" in orders:
            steps["gittins_delta_gpu_s"] = options.gittins_delta_gpu_s, gpu_s
    for key, (step, whole) in steps.items():
        if whole / step > INSTANTS:
            raise ScenarioError(f"{step:g} makes about {whole / step:.1g} decisions in this trace",
                                f"{system.scenario.name}: {key}",
                                f"give at least {whole / INSTANTS:.2g}")
