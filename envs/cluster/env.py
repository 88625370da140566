"""The environment of the domain; its docstring is its documentation."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from envs.cluster.drawing import screen, timeline
from envs.cluster.engine import Engine
from envs.cluster.episodes import Episode, open_episodes
from envs.cluster.recorder import Recorder, Run
from envs.cluster.replay import Trace
from envs.cluster.rules import hosts, steps
from envs.cluster.rules.observe import CLUSTER_FEATURES, JOB_FEATURES, TYPE_FEATURES
from envs.cluster.scenario import Scenario, load_scenario
from envs.cluster.state import CHOOSE, LOG_FULL, NEVER, OVER, READY, SWITCH
from envs.cluster.system import bind
from envs.cluster.units import us
from envs.cluster.work import make_work
from envs.core.batch import BatchEnv, check_counts
from envs.core.drawing import draw_timeline
from envs.core.errors import ActionError, ScenarioError
from envs.core.replicas import Memory
from envs.core.single import SingleEnv

DEFAULT_SCENARIO = "philly-32"
WARM_UP = {"order": "fifo", "misfit": "skip", "preempt": "off"}
JOB_NAMES = ("used", "gpus", "waited", "age", "attained", "gpu_attained", "left", "duration",
             "priority", "laxity", "fits", "fits_together", "running", "queue", "speed",
             "preemptions")
CLUSTER_NAMES = ("free", "up", "held", "largest_block", "fragmentation", "waiting", "wanted",
                 "running", "hour_sin", "hour_cos", "to_come", "since_decision")
TYPE_NAMES = ("free", "up", "speed")


class Saved(NamedTuple):
    """All that a batch remembers."""

    block: np.ndarray
    log: np.ndarray
    sums: np.ndarray
    jobs: np.ndarray
    deadlines: np.ndarray
    seeds: np.ndarray


class ClusterEnv(BatchEnv):
    """Deep-learning jobs on a GPU cluster (`sched/Cluster-v0`).

    Problem: training jobs arrive over time, each wants all its GPUs at once, of one type, near to
        each other; a node fails, a job is preempted and pays for its restart. Who runs, and where?
    Decision: `env.control`. `pick`: at every instant (round or event), which of the first
        `env.slots` waiting jobs of the scenario's order starts next; placement, eviction
        (`preempt`) and admission are the scenario's. `policy`: every `env.interval_s`, which of
        `env.candidates` (overrides of the options) holds until the next decision. `resize`: which
        listed job gets which of `env.sizes` GPUs; without eviction, and a job that was launched or
        resized at this instant keeps its size until the next.
    Observation: `Dict` of float32 boxes in [-1, 1]; L(x) = min(1, log1p(x / 60) / log1p(14400)),
        x in seconds. Names of the columns are in `feature_names`.
        ==========  ============================================================================
        `jobs`      (slots, 16), the listed jobs: slot used; log2(1 + gpus) / log2(1 + G);
                    L(wait); L(time since arrival); L(attained time); L(attained GPU time / G);
                    L(left) and L(duration), by option `size`, 0 if `env.blind`; priority over its
                    range in the trace; signed L(laxity), 1 without deadline; can be placed now; at
                    locality 0; running; queue / queues of tiresias; best allowed speed / greatest;
                    L(60 * preemptions)
        `cluster`   (12,): free, up, held share of the GPUs; largest free block / largest node;
                    fragmentation; L(60 * waiting jobs); min(1, GPUs wanted by waiting jobs / 4G);
                    running jobs / G; sin and cos of the hour; share of jobs still to arrive;
                    L(time since the last decision)
        `types`     (types, 3): free share, up share, mean speed / greatest
        ==========  ============================================================================
        `resize` lists waiting jobs, then running ones by the time that their best size would save.
    Action: `pick`: `Discrete(slots + 1)`, k starts listed job k and time stands still, the last
        ends the instant. `policy`: `Discrete(candidates)`. `resize`: `Discrete(slots * sizes + 1)`,
        k * sizes + s gives listed job k the s-th size, the last ends the instant. Legal: what can
        be placed now, and the last; unless nothing runs and nothing is to come: then who can be
        placed must be, since no further instant would follow.
    Reward: weighted sum (`env.reward`) of `jct`: -1/n of the time that the n jobs of the episode
        were present (s), which sums to minus the mean job completion time; `slowdown`: the same,
        each over its ideal time; `makespan`: -elapsed (s); `slo`: -1 / jobs with a deadline for
        each deadline that passed unfinished.
    Episode: `env.window` consecutive jobs (None: a whole trace) from a start drawn from the seed
        (or `options={"start": job}`), arrivals shifted to 0, an empty cluster or `env.warm_up` jobs
        before it under FIFO with backfill, which do not count. Terminated when all have finished;
        truncated at `env.horizon_s`, `env.max_steps`, or when nothing can happen any more.
    Info: `finished`, `missed` deadlines and `jct_s`, the sum of completion times, since the last
        step; `illegal` actions so far; `now_s`, the time of the next decision; `action_mask`.
    Trace: any trace of the domain, or several; a name or path is replayed in its training part
        (`part=`). Options `share`, `lookahead` and `elastic` decide alone and are refused here,
        but `elastic.sizes` says which sizes `resize` may give.
    Source and deviations: the abstractions of Blox (Agarwal et al., EuroSys 2024); picking jobs
        from a window of the queue follows DeepRM (Mao et al., HotNets 2016).
    Versions: v0.
    """

    def __init__(self, num_envs: int = 1, *,
                 scenario: Scenario | Mapping | str | Path | None = None,
                 trace: Trace | Sequence[Trace] | str | Path | None = None, part: str = "train",
                 threads: int = 1, record: bool = False, **kwargs: Any):
        check_counts(num_envs=num_envs, threads=threads)
        self.scenario = _scenario(scenario)
        options = self.scenario.options.env
        _check_options(self.scenario)
        self.trace, self.episodes = open_episodes(self.scenario, trace, part)
        self.system = bind(self.scenario, self.trace)
        kept = record or kwargs.get("render_mode") is not None
        rows = options.candidates if options.control == "policy" else ()
        work = make_work(self.system, recorded=kept, control=options.control,
                         candidates=(*rows, WARM_UP))
        work.rules["control"][-1] = 0
        self.engine = Engine(self.system, work, num_envs, jobs=self.episodes.largest,
                             threads=threads)
        self.recorder = Recorder(self.engine) if kept else None
        self._interval = np.full(num_envs, us(options.interval_s))
        self._priorities = np.tile([self.system.priority.min(), self.system.priority.max()],
                                   (num_envs, 1)).astype(np.int64)
        self._run_seeds = np.zeros(num_envs, np.uint64)
        self._sums = np.zeros((num_envs, 6))
        self._jobs = np.ones(num_envs)          # counted jobs of the episode, and with a deadline
        self._deadlines = np.ones(num_envs)
        self._due = np.concatenate([[0], np.cumsum(self.system.deadline_us < NEVER)])
        if options.max_steps is not None:
            kwargs.setdefault("max_episode_steps", options.max_steps)
        self._scratch = np.zeros((num_envs, options.slots + 1), np.int8)
        super().__init__(num_envs, *self._spaces(len(rows)), **kwargs)

    def _spaces(self, candidates: int) -> tuple[spaces.Space, spaces.Space]:
        options = self.scenario.options.env
        shapes = {"jobs": (options.slots, JOB_FEATURES), "cluster": (CLUSTER_FEATURES,),
                  "types": (len(self.system.types), TYPE_FEATURES)}
        self.feature_names = {"jobs": JOB_NAMES, "cluster": CLUSTER_NAMES, "types": TYPE_NAMES}
        self._choices = {"pick": options.slots + 1, "policy": candidates,
                         "resize": options.slots * len(options.sizes) + 1}[options.control]
        boxes = {k: spaces.Box(-1.0, 1.0, shape, np.float32) for k, shape in shapes.items()}
        return spaces.Dict(boxes), spaces.Discrete(self._choices)

    def _begin(self, chosen: np.ndarray, seeds: np.ndarray, options: Mapping[str, Any]) -> None:
        for key in options:
            if key != "start":
                raise ScenarioError(f'unknown option "{key}"', "reset", "known: start, reset_mask")
        episode = self.episodes.draw(seeds, options.get("start"))
        warm_up, own = self.episodes.warm_up, self.scenario.options.env
        until = np.full(self.num_envs, us(own.horizon_s))
        offset = self.system.arrival_us[episode.first]
        self.engine.reset(chosen, seeds, episode.first, episode.jobs, until=until, offset=offset,
                          track=(np.full(self.num_envs, warm_up), episode.jobs - 1))
        self._run_seeds[chosen] = seeds[chosen]
        run = self.engine.block["run"]
        counted = self.system.arrival_us[episode.first + warm_up] - offset
        if warm_up:
            run["rules"][chosen] = len(self.engine.work.rules) - 1
            run["next_switch"][chosen] = counted[chosen]
        elif own.control == "policy":
            run["next_switch"][chosen] = 0
        self._note_counts(chosen, episode)
        if self.recorder is not None:
            self.recorder.begin(chosen)
        self._advance()
        self._sums[chosen] = 0.0
        self._sums[chosen, 2] = counted[chosen] / 1e6       # elapsed time counts from here

    def _note_counts(self, chosen: np.ndarray, episode: Episode) -> None:
        """How many jobs of the new episodes count, and how many of them have a deadline."""
        first, last = episode.first + self.episodes.warm_up, episode.first + episode.jobs
        self._jobs[chosen] = (last - first)[chosen]
        self._deadlines[chosen] = np.maximum(1, self._due[last] - self._due[first])[chosen]

    def _advance(self) -> None:
        """Replay until every replica has a decision to take, or is over."""
        run = self.engine.block["run"]
        self._fresh()
        while (run["code"] == READY).any():
            played = run["code"] == READY
            self.engine.run(played)
            self._serve(played)
            asked = played & (run["code"] == CHOOSE)
            self._see(asked)
            idle = asked & (self._legal == 0)
            if idle.any():
                self.engine.over_slices(steps.close_batch, self.engine.work, idle)
        self._see(~self._shown)

    def _serve(self, played: np.ndarray) -> None:
        """What the host does between two calls: a full log, the end of a warm-up."""
        run, last = self.engine.block["run"], len(self.engine.work.rules) - 1
        for e in np.flatnonzero(played & (run["code"] == LOG_FULL)):
            self.recorder.drain(e)
            run["code"][e] = READY
        if self.scenario.options.env.control != "policy":
            for e in np.flatnonzero(played & (run["code"] == SWITCH) & (run["rules"] == last)):
                hosts.switch_rules(self.engine.state, e, 0, NEVER)

    def _fresh(self) -> None:
        """New arrays for what will be shown: learners keep the last ones."""
        self._shown = np.zeros(self.num_envs, bool)
        self._legal = np.zeros(self.num_envs, np.int64)
        self._seen_mask = np.zeros((self.num_envs, self._choices), np.int8)
        self._observed = {name: np.zeros((self.num_envs, *space.shape))
                          for name, space in self.single_observation_space.spaces.items()}

    def _see(self, which: np.ndarray) -> None:
        """Write what these replicas show now."""
        if not which.any():
            return
        for array in (*self._observed.values(), self._seen_mask):
            array[which] = 0
        o = self._observed
        self.engine.over_slices(steps.see_batch, self.engine.work, self._priorities, which,
                                o["jobs"], o["cluster"], o["types"], self._scratch,
                                self._seen_mask, self._legal)
        self._shown |= which

    def _look(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        return ({name: np.clip(x, -1.0, 1.0).astype(np.float32)
                 for name, x in self._observed.items()}, self._seen_mask.copy())

    def _play(self, actions: np.ndarray) -> tuple:
        run = self.engine.block["run"]
        self.engine.over_slices(steps.act_batch, self.engine.work, self._interval,
                                actions.astype(np.int64))
        self._advance()
        totals = self._totals()
        change = totals - self._sums
        self._sums = totals
        over = run["code"] == OVER
        terminated = over & (run["tracked_left"] == 0)
        info = {"finished": change[:, 4].astype(np.int64), "missed": change[:, 3].astype(np.int64),
                "jct_s": change[:, 5], "illegal": run["illegal"].copy(),
                "now_s": run["now"] / 1e6}
        return *self._shown_now(self._reward(change), terminated, over & ~terminated), info

    def _shown_now(self, reward: np.ndarray, terminated: np.ndarray,
                   truncated: np.ndarray) -> tuple:
        observation, mask = self._look()
        return observation, reward, terminated, truncated, mask

    def _totals(self) -> np.ndarray:
        """(E, 6): presence (s), slowness, elapsed (s), missed, finished, completion times (s)."""
        run = self.engine.block["run"]
        ended = (run["code"] == OVER) & (run["tracked_left"] == 0)
        elapsed = np.where(ended, run["last_finish"], run["now"])
        done = run["track_last"] - run["track_first"] + 1 - run["tracked_left"]
        return np.stack([run["presence"] / 1e6, run["slowness"], elapsed / 1e6, run["missed"],
                         done, run["spent"] / 1e6], axis=1)

    def _reward(self, change: np.ndarray) -> np.ndarray:
        weights = self.scenario.options.env.reward
        scale = {"jct": self._jobs, "slowdown": self._jobs, "makespan": 1.0,
                 "slo": self._deadlines}
        return sum((-weights.get(name, 0.0) * change[:, k] / scale[name]
                    for k, name in enumerate(("jct", "slowdown", "makespan", "slo"))),
                   np.zeros(self.num_envs))

    def _idle(self) -> int:
        return 0 if self.scenario.options.env.control == "policy" else self._choices - 1

    def _check(self, actions: np.ndarray) -> None:
        """Strict mode: name the replica and the slot that cannot be placed."""
        for e, action in enumerate(actions):
            if self._mask[e, action] == 0:
                raise ActionError(f"action {int(action)} cannot be carried out", f"replica {e}",
                                  "choose where action_mask is 1")

    def _save(self) -> Saved:
        held = self.engine.snapshot()
        return Saved(held.block, held.log, *(x.copy() for x in (
            self._sums, self._jobs, self._deadlines, self._run_seeds)))

    def _load(self, saved: Saved) -> None:
        self.engine.restore(Memory(saved.block, saved.log))
        self._sums, self._jobs, self._deadlines, self._run_seeds = (x.copy() for x in saved[2:])
        self._fresh()
        self._see(~self._shown)

    def run_of(self, e: int) -> Run:
        """The records of the episode of replica `e` so far; needs `record=True`."""
        if self.recorder is None:
            raise ScenarioError("nothing was recorded", type(self).__name__, "pass record=True")
        run = self.engine.block["run"][e]
        window = self.trace.window(int(run["first"]), int(run["jobs"]))
        return self.recorder.run_of(e, int(self._run_seeds[e]), bind(self.scenario, window))

    def draw(self, e: int, mode: str) -> np.ndarray | str:
        """GPUs against time with the key curves, or one readable screen."""
        run = self.run_of(e)
        return screen(run) if mode == "ansi" else draw_timeline(timeline(run))


def _scenario(given: Scenario | Mapping | str | Path | None) -> Scenario:
    if isinstance(given, Scenario):
        return given
    if isinstance(given, Mapping):
        return Scenario.from_config(given)
    return load_scenario(DEFAULT_SCENARIO if given is None else given)


def _check_options(scenario: Scenario) -> None:
    """Options that leave the environment nothing to decide."""
    options = scenario.options
    resize = options.env.control == "resize"
    for name in ("share", "lookahead", "elastic"):
        if getattr(options, name) is not None and not (name == "elastic" and resize):
            raise ScenarioError(f"{name} decides alone", f"{scenario.name}: {name}",
                                "leave it out in the environment")


class Cluster(SingleEnv):
    """One replica of `ClusterEnv`."""

    vector = ClusterEnv


Cluster.__doc__ = ClusterEnv.__doc__
