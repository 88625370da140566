"""The environment of the domain; its docstring is its documentation."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from envs.core.batch import BatchEnv, check_counts
from envs.core.drawing import draw_timeline
from envs.core.errors import ActionError, ScenarioError
from envs.core.philox import number_host
from envs.core.single import SingleEnv
from envs.dag.drawing import screen, timeline
from envs.dag.engine import Engine, size_of
from envs.dag.episodes import open_episodes
from envs.dag.foresight import Rollout, make_oracle, objective_of
from envs.dag.graph import Graph
from envs.dag.options import PLAIN
from envs.dag.recorder import Recorder, Run
from envs.dag.replay import Trace
from envs.dag.rules import steps
from envs.dag.rules.nodes import NODE_FEATURES
from envs.dag.scenario import Scenario, load_scenario
from envs.dag.simulate import jobs_of
from envs.dag.spaces import observed
from envs.dag.state import ASKS, LATE, LOG_FULL, NEVER, OVER, WAIT
from envs.dag.system import bind
from envs.dag.work import POLICIES, make_work

DEFAULT_SCENARIO = "tiled"
EPISODE_SEEDS = 7       # stream of the random numbers


class Saved(NamedTuple):
    """All that a batch remembers."""

    block: np.ndarray
    log: np.ndarray
    arrays: tuple[np.ndarray, ...]      # seeds of the episodes among them, which tell their graphs


class DagEnv(BatchEnv):
    """Task graphs on CPUs and GPUs with memory and transfers (`sched/Dag-v0`).

    Problem: the tasks of a graph become ready as their predecessors finish, run at speeds that
        differ by kind of task and device, and read and write tiles that must first be brought to
        the worker's memory. When all is done as early as possible, the makespan is short.
    Decision: whenever a worker has room and a ready task that it could run, it asks: start one of
        the ready tasks here, or wait for a better one, known or not yet known.
    Observation: `Dict`, float32 in [-1, 1] unless noted; l(x) = sign(x) * min(1, ln(1 + |x| / T) /
        5), T = mean least expected duration of the tasks visible at the first decision (or
        `env.time_scale`, ticks). B: greatest sum of least expected durations along visible paths
        from a task. Columns are named in `feature_names`.
        =============  =========================================================================
        `slots`        (slots, 25), eligible tasks by (-B, job, task), or as they became ready:
                       filled; l(expected duration here); l(least anywhere); log ratio to the other
                       types; l(fetch); share of bytes missing here; l(finish here - now); l(least
                       finish elsewhere - finish here); l(B); B / greatest; successors / 16; those
                       that wait for it alone / 8; l(time since ready); bytes that would overflow
                       the memory; bytes / memory; job's assigned tasks / workers; l(job's work not
                       assigned); one-hot kind (8)
        `workers`      (workers, 12): asks; busy; l(free - now); tasks held / (1 + prefetch);
                       waited in this round; memory used; l(in, out channel free - now); one-hot
                       type (4)
        `global`       (10,): eligible / slots; share beyond the slots; tasks held; blocked visible
                       tasks (log); l(now); l(time since the last decision); jobs in the system
                       (log); sigma; WAIT is legal; finished share of the tasks seen
        `action_mask`  (slots + 1,) int8: slot filled, last WAIT is legal
        `nodes`        `env.view=graph` only: (nodes, 20), visible unfinished tasks, slot k is node
                       k: used; ready; assigned; eligible; l(least duration); log ratio of the
                       first two types; l(B); l(expected finish - now); (slot + 1) / slots;
                       blockers / 8; successors / 16; l(time since ready); one-hot kind (8)
        `edges`        `env.view=graph` only: (2, edges) int32, pairs of nodes, -1 is padding
        =============  =========================================================================
    Action: `Discrete(slots + 1)`: k starts the task in slot k on the asking worker, the last is
        WAIT: the worker is passed over until the next event. WAIT is legal where something can
        still happen without this worker. Without `strict` an illegal action is WAIT if that is
        legal, else slot 0, and `info["invalid"]` is set.
    Reward: `env.reward`. `makespan`: -elapsed / ref, sums to -makespan / ref. `jct`: -integral of
        the jobs in the system, by their weights, / ref, sums to -mean JCT / ref. `regret`: (H
        before - H after) / ref, H = makespan (mean JCT with `objective: jct`) that a clairvoyant
        `env.rollout_policy` reaches from the state (`env.oracle=exact`: the optimum, up to 12
        tasks; `bound`: a lower bound); sums to (H at the start - makespan) / ref. `final`: at the
        end 1 - makespan / that of mct_wait under the same seed. ref = mean lower bound LB0 of the
        jobs, or one unit of time (`env.reward_scale=unit`).
    Episode: the jobs of a trace or, drawn by the seed, of the workload. Terminated when all tasks
        have finished; truncated when the next decision lies beyond `env.horizon` (time units, the
        clock stops there) or after `env.max_decisions`.
    Info: `time` (units), `decision` (number so far), `worker` that asks, `dt` since the last
        decision, `invalid`; at the end `makespan` and `mean_jct` (0 before); `action_mask`.
    Trace: a trace of the domain, several, a graph, a file, a generator call such as
        `cholesky(n=8,table=k40_960)`, or None: the scenario's workload (`part=`).
    Source and deviations: memory and transfers as in StarPU (Augonnet et al., CCPE 2011); WAIT and
        the window of visible tasks follow READYS (Grinsztajn et al., CLUSTER 2021).
    Versions: v0.
    """

    def __init__(self, num_envs: int = 1, *,
                 scenario: Scenario | Mapping | str | Path | None = None,
                 trace: Trace | Graph | Sequence[Trace] | str | Path | None = None,
                 part: str = "train", threads: int = 1, record: bool = False, **kwargs: Any):
        check_counts(num_envs=num_envs, threads=threads)
        self.scenario = _scenario(scenario)
        self.options = self.scenario.options.env
        self.threads = threads
        self.recorded = record or kwargs.get("render_mode") is not None
        self.episodes = open_episodes(self.scenario, trace, part, num_envs)
        self._envs = num_envs
        self._build()
        self.recorder = Recorder(self.engine) if self.recorded else None
        self._codes = _kind_codes(self.options.kinds, self.system.kinds)
        self._ref, self._weight = np.ones(num_envs), np.ones((num_envs, self.episodes.jobs))
        self._value, self._start = np.zeros(num_envs), np.zeros(num_envs)
        self._run_seeds = np.zeros(num_envs, np.uint64)
        if self.options.max_decisions is not None:
            kwargs.setdefault("max_episode_steps", self.options.max_decisions)
        kwargs.setdefault("strict", self.options.strict)
        self.feature_names, observation = observed(self.options, len(self.system.worker))
        super().__init__(num_envs, observation, spaces.Discrete(self.options.slots + 1), **kwargs)

    def _build(self) -> None:
        """Tables and memory for the system of the episodes."""
        self.system, options = self.episodes.system, self.options
        order = options.slot_order or ("fifo" if self.scenario.options.visible == "frontier"
                                       else "priority")
        self.oracle = make_oracle(self.scenario, self.system, self._envs, self.threads)
        work = make_work(self.system, recorded=self.recorded, foresee=self.oracle is not None,
                         time_scale=int(options.time_scale or 0), slot_order=order)
        size = size_of(self.system, self.episodes.jobs, *self.episodes.largest())
        self.engine = Engine(self.system, work, self._envs, size=size, threads=self.threads)
        if self.oracle is not None:
            self.oracle.follow(self.engine, size)
        self._until = NEVER if options.horizon is None \
            else int(np.floor(options.horizon * self.system.per_unit + 0.5))

    def _seed_of(self, seed: int) -> int:
        """The episode seed of `reset(seed=...)` is the seed itself."""
        return int(seed) & (2**64 - 1)

    def _episode_seed(self, seed: int, episode: int) -> int:
        return int(seed) if episode == 0 else number_host(np.uint64(seed), EPISODE_SEEDS, episode)

    def _begin(self, chosen: np.ndarray, seeds: np.ndarray, options: Mapping[str, Any]) -> None:
        for key in options:
            raise ScenarioError(f'unknown option "{key}"', "reset", "known: reset_mask")
        jobs, rebuilt = self.episodes.draw(chosen, seeds)
        if rebuilt:
            self._move()
        self._run_seeds[chosen] = seeds[chosen]
        self._weight[chosen] = jobs.weight[chosen]
        bound = self.system.graph["bound"][jobs.graph]
        present = np.arange(bound.shape[1]) < jobs.count[:, None]
        mean = np.where(present, bound, 0).sum(axis=1) / np.maximum(1, jobs.count)
        scale = mean if self.options.reward_scale == "lb" else float(self.system.per_unit)
        self._ref[chosen] = np.broadcast_to(np.maximum(1.0, scale), chosen.shape)[chosen]
        self.engine.reset(chosen, seeds, jobs.count, jobs.arrival, jobs.graph,
                          policy=POLICIES.index("env"), until=self._until)
        if self.recorder is not None:
            self.recorder.begin(chosen)
        if self.oracle is not None:
            self.oracle.begin(chosen, seeds, jobs)
        self._advance(chosen)
        self._start[chosen] = 0.0
        if self.oracle is not None:
            self._value[chosen] = self.oracle.values(chosen)[chosen]

    def _move(self) -> None:
        """A graph was larger than its tables: build larger ones, the replicas go on."""
        before, oracle = self.engine, self.oracle
        self._build()
        self._adopt(before.padded_block, before.log)
        if oracle is not None:
            self.oracle.load(oracle.save())
            oracle.close()
        if self.recorder is not None:
            self.recorder.engine = self.engine
        before.close()

    def _adopt(self, block: np.ndarray, log: np.ndarray) -> None:
        """Go on from the memory of other tables: every task finds its own rows again."""
        _copy_fields(block, self.engine.padded_block)
        width = min(log.shape[1], self.engine.log.shape[1])
        self.engine.log[:, :width] = log[:, :width]
        task, job = self.engine.block["task"], self.engine.block["job"]
        row = np.arange(self._envs)[:, None]
        graph, first = (job[name][row, task["job"]] for name in ("graph", "first_task"))
        task["info"] = self.system.graph["first_task"][graph] + np.arange(task.shape[1]) - first

    def _advance(self, active: np.ndarray) -> None:
        """Play until every active replica asks, or its episode has ended."""
        run = self.engine.block["run"]
        self.engine.run(active)
        while (full := active & (run["code"] == LOG_FULL)).any():
            for e in np.flatnonzero(full):
                self.recorder.drain(e)
            self.engine.run(full)

    def _look(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        envs, options = self._envs, self.options
        graph = options.nodes if options.view == "graph" else 0
        seen = {name: np.zeros((envs, *self.single_observation_space[name].shape), np.float32)
                for name in ("slots", "workers", "global")}
        mask = np.zeros((envs, options.slots + 1), np.int8)
        nodes = np.zeros((envs, graph, NODE_FEATURES), np.float32)
        edges = np.full((envs, 2, options.edges if graph else 1), -1, np.int32)
        self._picks = np.full((envs, options.slots), WAIT, np.int32)
        asks = self.engine.block["run"]["code"] == ASKS
        self.engine.over_slices(
            _see(self._codes), self.engine.work, asks, seen["slots"], seen["workers"],
            seen["global"], mask, self._picks, nodes, edges, np.zeros((envs, graph), np.int32))
        mask[~asks, -1] = 1
        seen["action_mask"] = mask
        if graph:
            seen |= {"nodes": nodes, "edges": edges}
        return seen, mask.copy()

    def _play(self, actions: np.ndarray) -> tuple:
        run, last, every = self.engine.block["run"], self.options.slots, np.arange(self._envs)
        bad = self._mask[every, actions] == 0
        actions = np.where(bad, np.where(self._mask[:, last] == 1, last, 0), actions)
        padded = np.concatenate([self._picks, np.full((self._envs, 1), WAIT, np.int32)], axis=1)
        before = self._start.copy()
        asks = run["code"] == ASKS
        run["answer"][asks] = padded[every, actions][asks]
        run["illegal"][asks] += bad[asks]
        self._advance(asks)
        now = self._now()
        self._start = now
        over, late = run["code"] == OVER, run["code"] == LATE
        reward = self._reward(before, now, over)
        observation, mask = self._look()
        info = self._info(now, now - before, bad, over)
        return observation, reward, over, late, mask, info

    def _now(self) -> np.ndarray:
        """Ticks of the pending decisions, or of the end."""
        run = self.engine.block["run"]
        return np.where(run["code"] == OVER, run["last_finish"],
                        np.minimum(run["now"], run["until"])).astype(float)

    def _reward(self, before: np.ndarray, now: np.ndarray, over: np.ndarray) -> np.ndarray:
        run, kind = self.engine.block["run"], self.options.reward
        if kind == "makespan":
            return -(now - before) / self._ref
        if kind == "jct":
            return -self._presence(before, now) / self._ref
        if kind == "regret":
            value = np.where(over, self._objective(), 0.0)
            asks = run["code"] == ASKS
            value[asks] = self.oracle.values(asks)[asks]
            value = np.where(run["code"] == LATE, self._value, value)
            change, self._value = self._value - value, value
            return change / self._ref
        reached = self._objective()
        reference = self.oracle.reference(over)
        return np.where(over, (reference - reached) / np.maximum(1.0, reference), 0.0)

    def _presence(self, before: np.ndarray, now: np.ndarray) -> np.ndarray:
        """Mean time that jobs were in the system since the last decision, by weight."""
        run, job = self.engine.block["run"], self.engine.block["job"]
        share = np.where(np.arange(job.shape[1]) < run["jobs"][:, None], self._weight, 0.0)
        spent = np.minimum(now[:, None], job["finish"]) - np.maximum(before[:, None],
                                                                     job["arrival"])
        return (share * spent.clip(0)).sum(axis=1) / share.sum(axis=1)

    def _objective(self) -> np.ndarray:
        """Makespan, or mean completion time, of the finished part, ticks."""
        return objective_of(self.engine, self.scenario.options.objective, self._weight)

    def _info(self, now: np.ndarray, elapsed: np.ndarray, bad: np.ndarray,
              over: np.ndarray) -> dict[str, np.ndarray]:
        run, unit = self.engine.block["run"], self.system.per_unit
        ended = {"makespan": run["last_finish"] / unit,
                 "mean_jct": objective_of(self.engine, "jct", self._weight) / unit}
        return {"time": now / unit, "decision": run["decisions"].copy(),
                "worker": run["asking"].copy(), "dt": elapsed / unit, "invalid": bad,
                **{key: np.where(over, value, 0.0) for key, value in ended.items()}}

    def _idle(self) -> np.ndarray:
        return np.where(self._mask[:, -1] == 1, self.options.slots, 0)

    def _check(self, actions: np.ndarray) -> None:
        """Strict mode: name the replica and the slot that cannot be chosen."""
        for e, action in enumerate(actions):
            if self._mask[e, action] == 0:
                what = "WAIT is not legal" if action == self.options.slots \
                    else f"slot {int(action)} is empty"
                raise ActionError(what, f"replica {e}", "choose where action_mask is 1")

    def advice(self, policy: str = "mct_wait") -> np.ndarray:
        """What a policy without queues would answer now, as actions (E,)."""
        if policy not in PLAIN:
            raise ScenarioError(f'"{policy}" gives no advice', "policy", "use " + ", ".join(PLAIN))
        actions = np.full(self._envs, self.options.slots, np.int64)
        self.engine.over_slices(_advise(POLICIES.index(policy)), self.engine.work, self._picks,
                                actions)
        return actions

    def action_values(self) -> np.ndarray:
        """H after every legal action of the replicas that ask, over ref (E, slots + 1); inf where
        an action is not legal. Only with `env.reward=regret` and `env.oracle=rollout`."""
        if not isinstance(self.oracle, Rollout):
            raise ScenarioError("nothing says what an action leads to", "env.reward",
                                "say env.reward=regret env.oracle=rollout")
        return self.oracle.actions(self._picks, self._mask) / self._ref[:, None]

    def _save(self) -> Saved:
        arrays = (self._ref, self._weight, self._value, self._start, self._run_seeds, self._picks)
        oracle = () if self.oracle is None else self.oracle.save()
        return Saved(*self.engine.snapshot(), tuple(x.copy() for x in (*arrays, *oracle)))

    def _load(self, saved: Saved) -> None:
        (self._ref, self._weight, self._value, self._start, self._run_seeds,
         self._picks) = (x.copy() for x in saved.arrays[:6])
        if self.episodes.restore(self._run_seeds):
            self._build()
        self._adopt(saved.block, saved.log)
        if self.oracle is not None:
            self.oracle.load(saved.arrays[6:])

    def run_of(self, e: int) -> Run:
        """The records of the episode of replica `e` so far; needs `record=True`."""
        if self.recorder is None:
            raise ScenarioError("nothing was recorded", type(self).__name__, "pass record=True")
        trace = self.episodes.traces[e]
        return self.recorder.run_of(e, trace, int(self._run_seeds[e]), "env",
                                    bind(self.scenario, jobs_of(trace)[0]))

    def draw(self, e: int, mode: str) -> np.ndarray | str:
        """Workers, links and memory against time, or one readable screen."""
        run = self.run_of(e)
        return screen(run) if mode == "ansi" else draw_timeline(timeline(run))

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the threads."""
        self.engine.close()
        if self.oracle is not None:
            self.oracle.close()


def _see(codes: np.ndarray) -> Any:
    """The driver of observations with its table of kinds in place."""
    return lambda state, work, *batched: steps.see_batch(state, work, codes, *batched)


def _advise(policy: int) -> Any:
    return lambda state, work, picks, actions: steps.advise_batch(state, work, picks, policy,
                                                                  actions)


def _kind_codes(given: Sequence[str] | None, kinds: Sequence[str]) -> np.ndarray:
    """The feature of every kind of the system: its place in the given list, -1 without one."""
    names = list(kinds) if given is None else list(given)
    return np.array([*(names.index(kind) if kind in names else -1 for kind in kinds), -1],
                    np.int64)


def _copy_fields(source: np.ndarray, target: np.ndarray) -> None:
    """Copy blocks of different sizes, as far as both reach."""
    for name in source.dtype.names:
        old, new = source[name], target[name]
        part = tuple(slice(0, min(a, b)) for a, b in zip(old.shape, new.shape, strict=True))
        new[part] = old[part]


def _scenario(given: Scenario | Mapping | str | Path | None) -> Scenario:
    if isinstance(given, Scenario):
        return given
    return load_scenario(DEFAULT_SCENARIO if given is None else given)


class Dag(SingleEnv):
    """One replica of `DagEnv`."""

    vector = DagEnv


Dag.__doc__ = DagEnv.__doc__
