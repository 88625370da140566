"""Look-ahead selection: simulate every candidate from a copy of the replica, keep the best."""
from __future__ import annotations

import numpy as np

from envs.cluster.engine import Engine
from envs.cluster.rules import hosts
from envs.cluster.state import FINISHED, HOLD, NEVER, RUN, WAIT
from envs.cluster.units import us

WHOLE = ("run", "node", "kind", "tenant", "piece")
LISTS = ((WAIT, "waiting"), (RUN, "running"), (HOLD, "held"))


class Lookahead:
    """Chooses among the rows 1.. of `work.rules` for the replicas of an engine."""

    def __init__(self, engine: Engine):
        options = engine.system.scenario.options.lookahead
        self.engine, self.candidates = engine, len(options.candidates)
        self.every, self.horizon = us(options.every_s), us(options.horizon_s)
        self.work = engine.work._replace(rules=_silent(engine.work.rules))
        self.scratch: Engine | None = None
        self.room = 0

    def switch(self, e: int) -> tuple[int, int]:
        """Choose for replica `e` at its present instant; the instant and the candidate."""
        run = self.engine.block["run"][e]
        now, incumbent = int(run["now"]), int(run["rules"]) - 1
        scores = self._scores(e, now)
        best = int(np.argmin(scores))
        if incumbent >= 0 and scores[incumbent] == scores[best]:
            best = incumbent
        hosts.switch_rules(self.engine.state, e, 1 + best, now + self.every)
        return now, best

    def _scores(self, e: int, now: int) -> list[int]:
        """Sum over the present jobs of finish - arrival, per candidate."""
        until = NEVER if self.horizon >= NEVER else now + self.horizon
        scratch = self._copies(e)
        hosts.close_future(scratch.state, self.work, np.arange(1, self.candidates + 1),
                           np.full(self.candidates, until))
        present = scratch.block["job"]["status"] != FINISHED
        scratch.run()
        return [_score(block, unfinished, until)
                for block, unfinished in zip(scratch.block, present, strict=True)]

    def _copies(self, e: int) -> Engine:
        """The replica once per candidate, present jobs only."""
        source = self.engine.block[e]
        run = source["run"]
        first, last = int(run["oldest"]), int(run["arrived"])
        if self.scratch is None or self.room < last - first:
            self.room = max(64, 2 * (last - first))
            self.scratch = Engine(self.engine.system, self.work, self.candidates, jobs=self.room)
        block = self.scratch.block
        for name in WHOLE:
            block[name] = source[name]
        block["job"][:, :last - first] = source["job"][first:last]
        for which, name in LISTS:
            length = int(run[name])
            block["lists"][:, which, :length] = source["lists"][which, :length] - first
        block["run"]["draw_from"] += first
        block["run"]["oldest"], block["run"]["arrived"] = 0, last - first
        return self.scratch

def _score(block: np.void, present: np.ndarray, until: int) -> int:
    """Sum of finish - arrival over the jobs present at the switch; never if one is unfinished."""
    job = block["job"][:int(block["run"]["jobs"])]
    job = job[present[:len(job)]]
    finished = job["status"] == FINISHED
    if until >= NEVER and not finished.all():
        return NEVER
    return int((np.where(finished, job["finish"], until) - job["arrival"]).sum())


def _silent(rules: np.ndarray) -> np.ndarray:
    """The same rules, nothing recorded."""
    table = rules.copy()
    table["recorded"] = 0
    return table
