"""What a planner is shown: a replica at a decision point, as arrays over the active jobs."""
from __future__ import annotations

import numpy as np

from envs.cluster.engine import Engine
from envs.cluster.planning.view import View
from envs.cluster.state import FREE, RUNNING, WAITING


def view_of(engine: Engine, e: int) -> View:
    """The view of replica `e` now."""
    block, system = engine.block[e], engine.system
    run = block["run"]
    span = block["job"][int(run["oldest"]):int(run["arrived"])]
    active = np.flatnonzero((span["status"] == WAITING) | (span["status"] == RUNNING))
    job, now = span[active], int(run["now"])
    running = job["status"] == RUNNING
    done = np.where(running, job["rate"] * np.maximum(0, now - job["ready"]), 0.0)
    left = np.maximum(0.0, job["left"] - done)
    planned = left
    if system.scenario.options.size == "estimate":
        planned = np.maximum(0.0, job["estimate"] - (job["work"] - left))
    up = block["node"][FREE]["up"].astype(bool)
    return View(
        system, now, active + int(run["oldest"]), left, planned,
        np.where(running, job["gpu_type"], -1), np.where(running, job["held"], 0),
        np.where(running, job["nodes"], 0), job["largest"].copy(),
        np.maximum(0, job["launches"] - 1), running & (now < job["ready"]),
        np.bincount(system.node_type[up], system.node_gpus[up], len(system.types)).astype(int))
