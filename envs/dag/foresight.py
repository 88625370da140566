"""Clairvoyant values of states for rewards, and exhaustive search.

    found = search(scenario, trace, seed=0)         # at most a dozen tasks
"""
from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from envs.core.errors import ScenarioError
from envs.dag.engine import Engine
from envs.dag.episodes import Jobs
from envs.dag.replay import Trace
from envs.dag.rules import searching
from envs.dag.scenario import Scenario
from envs.dag.simulate import jobs_of, size_for
from envs.dag.state import NEVER, NONE, OVER, Size
from envs.dag.system import System, bind
from envs.dag.work import POLICIES, Work, make_work

MOST_TASKS = 12             # of the exact oracle
NODES = 10_000_000          # states that a search expands at most


class Found(NamedTuple):
    """What a search found; `value` is a makespan in ticks."""

    value: int | None
    decisions: list[tuple[int, int, int]]       # time, worker, task of the episode or -1 for WAIT
    nodes: int
    complete: bool


def search(scenario: Scenario, trace: Trace, seed: int | None = None,
           max_nodes: int = NODES) -> Found:
    """The least makespan over all legal decision sequences, with actual durations."""
    seed = scenario.options.seed if seed is None else seed
    graphs, arrival, number = jobs_of(trace)
    system = bind(scenario, graphs)
    work = make_work(system, recorded=False, foresee=True)
    engine = _ladder(system, work, size_for(system, number[None]))
    one = np.ones(1, np.int64)
    first = np.arange(engine.envs) == 0
    wide = (engine.envs, 1)
    engine.reset(first, np.full(engine.envs, seed, np.uint64), np.repeat(len(arrival) * one,
                 engine.envs), np.tile(arrival, wide), np.tile(number, wide),
                 policy=POLICIES.index("env"))
    engine.run(first)
    return _searched(engine, max_nodes)


def _ladder(system: System, work: Work, size: Size) -> Engine:
    """An engine with a row for every answer of an episode."""
    answers = size.tasks + len(system.worker) * (size.tasks + size.jobs + 1) + 2
    return Engine(system, work, answers, size=size)


def _searched(engine: Engine, limit: int) -> Found:
    """Search from row 0 of a ladder."""
    run = engine.block["run"]
    if run["code"][0] == OVER:
        return Found(int(run["last_finish"][0]), [], 1, True)
    raw = _words(engine)
    tried, path, best = (np.zeros(len(raw), np.int64) for _ in range(3))
    value, length, nodes, complete = searching.search_rows(
        engine.state, engine.work, raw[:engine.envs], tried, path, best, limit)
    decisions = _retraced(engine, best[:length]) if value < NEVER else []
    return Found(int(value) if value < NEVER else None, decisions, int(nodes), bool(complete))


def _retraced(engine: Engine, answers: np.ndarray) -> list[tuple[int, int, int]]:
    """Time and worker of each answer of the best path."""
    out, run = [], engine.block["run"]
    first = np.arange(engine.envs) == 0
    saved = engine.padded_block[0].copy()
    for answer in answers.tolist():
        out.append((int(run["now"][0]), int(run["asking"][0]), max(int(answer), NONE)))
        run["answer"][0] = answer
        engine.run(first)
    engine.padded_block[0] = saved
    return out


def objective_of(engine: Engine, objective: str, weight: np.ndarray) -> np.ndarray:
    """Makespan or weighted mean completion time of every replica, ticks; for ended episodes."""
    run = engine.block["run"]
    if objective == "makespan":
        return run["last_finish"].astype(float)
    job = engine.block["job"]
    present = np.arange(job.shape[1]) < run["jobs"][:, None]
    share = np.where(present, weight, 0.0)
    spent = np.where(present & (job["finish"] < NEVER), job["finish"] - job["arrival"], 0)
    return (share * spent).sum(axis=1) / np.maximum(1e-300, share.sum(axis=1))


class Oracle:
    """Values of the states of an environment's replicas, ticks (E,)."""

    def __init__(self, scenario: Scenario, system: System, envs: int, threads: int):
        self.scenario, self.system, self.envs, self.threads = scenario, system, envs, threads
        self.work = make_work(system, recorded=False, foresee=True)
        self.objective = scenario.options.objective
        self.weight = np.ones((envs, 1))

    def follow(self, engine: Engine, size: Size) -> None:
        """Read the states of this engine from now on."""
        self.watched = engine
        self.engine = Engine(self.system, self.work, self.envs, size=size, threads=self.threads)

    def begin(self, chosen: np.ndarray, seeds: np.ndarray, jobs: Jobs) -> None:
        """Episodes begin in the chosen replicas."""
        if self.weight.shape != jobs.weight.shape:
            self.weight = np.ones(jobs.weight.shape)
        self.weight[chosen] = jobs.weight[chosen]

    def values(self, active: np.ndarray) -> np.ndarray:
        """H of the active replicas, which ask."""
        return np.zeros(self.envs)

    def reference(self, over: np.ndarray) -> np.ndarray:
        """What ended episodes are compared with."""
        return np.zeros(self.envs)

    def save(self) -> tuple[np.ndarray, ...]:
        """What it remembers."""
        return (self.weight,)

    def load(self, saved: tuple[np.ndarray, ...]) -> None:
        """Go on from `save`."""
        self.weight = saved[0].copy()

    def close(self) -> None:
        """Let go of the threads."""
        self.engine.close()


class Rollout(Oracle):
    """A policy that knows actual durations finishes a copy of the state."""

    def values(self, active: np.ndarray) -> np.ndarray:
        self.engine.block[active] = self.watched.block[active]
        policy = POLICIES.index(self.scenario.options.env.rollout_policy)
        self.engine.over_slices(_rolled(policy), self.work, active)
        return objective_of(self.engine, self.objective, self.weight)


    def actions(self, picks: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """What every legal action leads to, ticks (E, K + 1); inf where it is not legal."""
        makespan, completion = (np.full(mask.shape, np.inf) for _ in range(2))
        policy = POLICIES.index(self.scenario.options.env.rollout_policy)
        spare, words = self.engine.state, [_words(e) for e in (self.watched, self.engine)]
        bounds = np.linspace(0, self.envs, self.watched.threads + 1).astype(int)
        calls = [(type(spare)(*(x[a:b + 1] for x in self.watched.state)), self.work,
                  words[0][a:b], type(spare)(*(x[a:b + 1] for x in spare)), words[1][a:b],
                  picks[a:b], mask[a:b], policy, makespan[a:b], completion[a:b])
                 for a, b in pairwise(bounds)]
        self.watched.spread(searching.value_batch, calls)
        if self.objective == "makespan":
            return makespan
        if np.ptp(self.weight, axis=1).any():
            raise ScenarioError("looking ahead does not weigh jobs", "agent.imitate",
                                "leave it out, or the weights of the trace")
        return completion / self.watched.block["run"]["jobs"][:, None]


class Bound(Oracle):
    """The bound that cuts the search."""

    def values(self, active: np.ndarray) -> np.ndarray:
        out = np.zeros(self.envs)
        self.watched.over_slices(searching.bound_batch, self.work, active, out)
        return out


class Exact(Oracle):
    """The least makespan that is left."""

    def follow(self, engine: Engine, size: Size) -> None:
        self.watched = engine
        self.engine = _ladder(self.system, self.work, size)

    def begin(self, chosen: np.ndarray, seeds: np.ndarray, jobs: Jobs) -> None:
        super().begin(chosen, seeds, jobs)
        present = np.arange(jobs.graph.shape[1]) < jobs.count[:, None]
        most = int(np.where(present, self.system.graph["tasks"][jobs.graph], 0).sum(axis=1).max())
        if most > MOST_TASKS:
            raise ScenarioError(f"oracle: exact takes at most {MOST_TASKS} tasks, the episode has "
                                f"{most}", "env.oracle", "use rollout or bound")

    def values(self, active: np.ndarray) -> np.ndarray:
        out = np.zeros(self.envs)
        for e in np.flatnonzero(active):
            self.engine.padded_block[0] = self.watched.block[e]
            found = _searched(self.engine, NODES)
            if not found.complete:
                raise ScenarioError("the search expanded too many states", "env.oracle",
                                    "use rollout or bound")
            out[e] = found.value
        return out


class Final(Oracle):
    """The makespan of `mct_wait` under the same seed."""

    def __init__(self, scenario: Scenario, system: System, envs: int, threads: int):
        super().__init__(scenario, system, envs, threads)
        self._reference = np.zeros(envs)

    def begin(self, chosen: np.ndarray, seeds: np.ndarray, jobs: Jobs) -> None:
        super().begin(chosen, seeds, jobs)
        self.engine.reset(chosen, seeds, jobs.count, jobs.arrival, jobs.graph,
                          policy=POLICIES.index("mct_wait"))
        self.engine.run(chosen)
        reached = objective_of(self.engine, self.objective, self.weight)
        self._reference[chosen] = reached[chosen]

    def reference(self, over: np.ndarray) -> np.ndarray:
        return self._reference

    def save(self) -> tuple[np.ndarray, ...]:
        return (self.weight, self._reference)

    def load(self, saved: tuple[np.ndarray, ...]) -> None:
        self.weight, self._reference = saved[0].copy(), saved[1].copy()


def make_oracle(scenario: Scenario, system: System, envs: int, threads: int) -> Oracle | None:
    """What the reward of the scenario needs; None: nothing."""
    options = scenario.options.env
    if options.reward == "final":
        return Final(scenario, system, envs, threads)
    if options.reward != "regret":
        return None
    if options.oracle != "rollout" and scenario.options.objective == "jct":
        raise ScenarioError(f"oracle: {options.oracle} knows makespans only", "env.oracle",
                            "use rollout, or objective: makespan")
    kinds = {"rollout": Rollout, "exact": Exact, "bound": Bound}
    return kinds[options.oracle](scenario, system, envs, threads)


def _words(engine: Engine) -> np.ndarray:
    """The block of an engine as words of memory."""
    return engine.padded_block.view(np.uint64).reshape(len(engine.padded_block), -1)


def _rolled(policy: int):
    return lambda state, work, active: searching.rollout_batch(state, work, active, policy)
