"""Windows of recorded episodes, read from the memory of a batch after every step."""
from __future__ import annotations

import numpy as np

from envs.blis.engine import Engine
from envs.blis.replay import Trace
from envs.blis.simulate import Run, records_of
from envs.blis.state import RUNNING, WINDOW

COUNTERS = {"arrivals": "arrivals", "met": "met", "late": "late", "dropped": "dropped",
            "queue": "queued", "accuracy_met": "accuracy_met",
            "accuracy_completed": "accuracy_done"}


class Recorder:
    """Keeps what `Run` needs of every replica; the records themselves stay in the engine."""

    def __init__(self, engine: Engine, trace: Trace):
        self.engine, self.trace = engine, trace
        self.rows: list[list[tuple]] = [[] for _ in range(engine.envs)]

    def begin(self, chosen: np.ndarray) -> None:
        """Forget the windows of replicas that begin an episode."""
        for e in np.flatnonzero(chosen):
            self.rows[e] = []

    def keep(self, simulated: np.ndarray) -> None:
        """Note the window that just ended in these replicas."""
        for e in np.flatnonzero(simulated):
            self.rows[e].append(self._window(e))

    def _window(self, e: int) -> tuple:
        run, device = self.engine.block["run"][e], self.engine.block["device"][e]
        family = self.engine.block["family"][e]
        counts = np.zeros(len(family), WINDOW)
        for name, column in COUNTERS.items():
            counts[name] = family[column]
        counts["missed"] = self.engine.block["level"][e]["missed"].sum(axis=1)
        begun = np.maximum(device["batch_start"], run["window_start"])
        busy = device["busy"] + np.where(device["event"] == RUNNING, run["now"] - begun, 0.0)
        return counts, busy, device["target"].copy(), int(run["window_reallocations"])

    def run_of(self, e: int, seed: int) -> Run:
        """The episode of replica `e` so far."""
        run, engine = self.engine.block["run"][e], self.engine
        rows, system = self.rows[e], engine.system
        shapes = ((WINDOW, len(system.families)), (float, system.devices),
                  (np.int32, system.devices))
        windows, busy, target = (
            np.array([row[i] for row in rows], kind).reshape(len(rows), width)
            for i, (kind, width) in enumerate(shapes))
        return Run(system, seed, records_of(engine, self.trace, e), windows, busy, target,
                   np.array([row[3] for row in rows], np.int64), float(run["now"]),
                   int(run["reallocations"]), int(run["loads"]), int(run["qos_missed"]))
