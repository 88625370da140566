"""The cluster domain as the evaluation sees it."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from agents.baselines.cluster import BASELINES, GRIDS, completed, missing
from agents.baselines.table import sorted_out
from agents.contenders import Contender, RulesContender
from agents.domains import Column, Domain
from agents.evaluation import tuning
from agents.evaluation.callbacks import listening
from agents.evaluation.planner_cluster import PythonOrder, UserPlanner, options_of, probe
from envs.cluster.bounds import bounds
from envs.cluster.drawing import POINTS, curves, timeline
from envs.cluster.episodes import TRAINING_TRACES
from envs.cluster.metrics import held, metrics
from envs.cluster.replay import Trace
from envs.cluster.scenario import CLUSTER, Scenario, load_scenario
from envs.cluster.simulate import Run, simulate, simulate_batch
from envs.cluster.state import REASONS
from envs.cluster.system import System, bind
from envs.cluster.units import NEVER
from envs.cluster.workloads import Workload, open_workload
from envs.core.drawing import Timeline
from envs.core.errors import PolicyError, TraceError
from envs.core.files import REPOSITORY
from envs.core.records import cdf
from envs.core.rng import replica_seed
from envs.core.workloads import Window

HOUR, HOURS = 3600.0, 1 / 3600
STATUS = ("future", "held", "waiting", "running", "finished")
SAMPLE = 1000           # GPU times that stand for those of the training part
SAMPLED_TRACES = 8      # generated traces that they are taken from


@dataclass(frozen=True)
class Digest:
    """The little that figures need of a run."""

    timeline: Timeline
    hours: np.ndarray                               # (m,) of the curves
    curves: dict[str, dict[str, np.ndarray]]
    jct_h: tuple[np.ndarray, int]                   # distribution, number of jobs
    bounds: dict[str, float]                        # seconds, rigid
    solves: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Stretched(Workload):
    """A workload whose windows are stretched in time to one offered load."""

    inner: Workload
    gpus: int
    rho: float

    @property
    def name(self) -> str:
        """The name of the workload as it was."""
        return self.inner.name

    def part(self, part: str, count: int | None = None, length: int | None = None) -> list[Window]:
        """The same jobs, arriving so that GPU time asked for over that at hand is `rho`."""
        windows = self.inner.part(part, count, length)
        for window in windows:
            if not window.trace.rho(self.gpus) < np.inf:
                raise TraceError("jobs that arrive all at once have no load", window.name,
                                 "leave `loads` out, or give a longer trace")
        return [replace(w, trace=w.trace.at_load(self.rho / w.trace.rho(self.gpus)))
                for w in windows]

    def training_traces(self, count: int) -> list[Trace]:
        """As they were."""
        return self.inner.training_traces(count)

    def whole(self) -> Trace:
        """As it was."""
        return self.inner.whole()

    def at_load(self, factor: float) -> Stretched:
        """At `factor` times the load."""
        return replace(self, rho=self.rho * factor)


class ClusterDomain(Domain):
    """`sched/Cluster-v0` and the rules and planners of its simulator."""

    name = "cluster"
    env_id = "sched/Cluster-v0"
    scenario_name = "philly-32"
    windows = 3
    window_length = None
    load_axis = "load (GPU time asked for over GPU time at hand)"
    user_forms = ("give it act(observation, mask), shares(view) or allocate(view), or write a "
                  "function that orders jobs, decorated with @policy or not")
    rivals = ("fifo_backfill", "sjf_gpus", "las", "las_gpu", "tiresias", "gittins")
    ratios = {"mean_jct_s": (("jct_s",), ("finished",))}
    picture = "jct_cdf"
    incomplete = "unfinished"
    grids = GRIDS
    tuned_path = REPOSITORY / "agents" / "baselines" / "tuned_cluster.yaml"
    columns = (
        Column("jct_mean", "mean JCT (h)", 2, HOURS, larger_is_better=False),
        Column("jct_median", "median JCT (h)", 2, HOURS, larger_is_better=False),
        Column("jct_p90", "p90 JCT (h)", 1, HOURS, larger_is_better=False),
        Column("jct_p99", "p99 JCT (h)", 1, HOURS, larger_is_better=False),
        Column("responsiveness_mean", "mean wait for start (h)", 2, HOURS, larger_is_better=False),
        Column("makespan", "makespan (h)", 1, HOURS, larger_is_better=False),
        Column("utilisation", "GPUs held (%)", 1, 100.0),
        Column("preemptions", "preemptions", 0, larger_is_better=False),
        Column("rho_mean", "mean unfairness", 2, larger_is_better=False),
        Column("unfinished", "jobs unfinished", 0, larger_is_better=False),
        Column("jct_over_bound", "JCT over bound", 2, larger_is_better=False),
        Column("jct_max", "largest JCT (h)", 1, HOURS, larger_is_better=False, brief=False),
        Column("slowdown_mean", "mean slowdown", 1, larger_is_better=False, brief=False),
        Column("rho_unfair", "jobs served unfairly (%)", 1, 100.0, False, brief=False),
        Column("jain", "Jain index", 3, brief=False),
        Column("slo_misses", "deadlines missed", 0, larger_is_better=False, brief=False),
        Column("fragmentation", "fragmentation (%)", 1, 100.0, False, brief=False),
        Column("overhead_s", "overhead (h)", 1, HOURS, larger_is_better=False, brief=False),
        Column("evictions", "evictions", 0, larger_is_better=False, brief=False),
    )

    @property
    def second(self) -> Column:
        """The slow end of completion times."""
        return next(c for c in self.columns if c.metric == "jct_p99")

    def load_scenario(self, name: str | Path, options: Mapping[str, Any] | None = None) -> Scenario:
        """A scenario by name or path, with options replaced."""
        return load_scenario(name, options)

    def open_workload(self, trace: Any, scenario: Scenario) -> Workload:
        """The workload of a name, path or trace; None: the scenario's own."""
        return trace if isinstance(trace, Workload) else open_workload(trace, scenario)

    def prepared(self, scenario: Scenario, workload: Workload) -> Scenario:
        """The Gittins sample is that of the training part."""
        if scenario.options.gittins_sample_gpu_s is not None:
            return scenario
        traces = workload.training_traces(SAMPLED_TRACES)
        times = np.concatenate([t.gpus * t.duration_s for t in traces])
        places = np.linspace(0, 1, min(SAMPLE, len(times)))
        return scenario.replace(gittins_sample_gpu_s=np.quantile(times, places).tolist())

    def configured(self, scenario: Scenario, own: Mapping[str, Any], extra: Mapping[str, Any],
                   trace: Trace) -> Scenario:
        """What a policy decides as `own` says, then single keys of `extra`."""
        return scenario.replace(**completed(own, scenario, trace)).merge(extra)

    def identity(self, scenario: Scenario) -> str:
        """Options and cluster."""
        return repr((scenario.options, scenario.cluster))

    def at_load(self, scenario: Scenario, workload: Workload, load: float) -> Workload:
        """The workload with every window stretched to this rho."""
        return Stretched(workload, scenario.cluster.gpus, load)

    def extent(self, length: float | None) -> str:
        """Jobs."""
        return f"of {length:g} jobs" if length else ""

    def training_env(self, scenario: Scenario, workload: Workload, length: float | None,
                     num_envs: int, threads: int) -> Any:
        """Windows of `length` jobs of the training part, first job drawn from the seed."""
        import gymnasium as gym

        if length:
            scenario = scenario.merge({"env": {"window": int(length)}})
        return gym.make_vec(self.env_id, num_envs=num_envs, scenario=scenario, threads=threads,
                            trace=workload.training_traces(TRAINING_TRACES))

    def with_devices(self, scenario: Scenario, devices: int) -> Scenario:
        """The cluster with so many GPUs, in its proportions."""
        rest = {k: v for k, v in scenario.config.items() if k not in CLUSTER}
        rest["cluster"] = scenario.cluster.scaled(devices).to_config()
        return Scenario.from_config(rest, scenario.name, scenario.folder)

    def baselines(self) -> dict[str, RulesContender]:
        """The table of named contenders, each tuned form after its default form."""
        return self._table

    @cached_property
    def _table(self) -> dict[str, RulesContender]:
        return tuning.contenders(self.name, BASELINES, self.tuned_path)

    def offered(self, scenario: Scenario,
                windows: Sequence[Window]) -> tuple[list[Contender], list[str]]:
        """The baselines that say something new on this scenario and these windows."""
        traces = [w.trace for w in windows]
        return sorted_out(self.baselines().values(), lambda c: missing(
            c.name.removesuffix("_tuned"), scenario, traces))

    def simulate(self, scenario: Scenario, trace: Trace, seed: int) -> Run:
        """A run under the scenario's own rules and planner."""
        return simulate(scenario, trace, seed=replica_seed(seed))

    def simulate_planned(self, scenario: Scenario, trace: Trace, seed: int, planner: Any,
                         guard: Callable[[], AbstractContextManager]) -> Run:
        """A run under a user's shares, sizes, or order in Python."""
        with guard():
            own = planner() if isinstance(planner, type) else planner
        if not _plans(own):
            order = PythonOrder(own)
            with order.watched(guard):
                return _ordered(_bound(scenario, trace), seed, order)
        if scenario.options.mode == "event":
            raise PolicyError("shares and sizes are decided in rounds, the scenario is mode: event",
                              scenario.name, 'give the planner options = {"mode": "round"}')
        system = bind(scenario.replace(**options_of(own)), trace)
        return simulate_batch(system.scenario, trace, [replica_seed(seed)], system=system,
                              planners=[UserPlanner(own, guard)])[0]

    def simulate_compiled(self, scenario: Scenario, trace: Trace, seed: int, policy: Any) -> Run:
        """A run in the order of a user's compiled function."""
        system = _bound(scenario, trace)
        probe(policy, system)
        with listening(policy):
            return _ordered(system, seed, policy)

    def warm_up(self) -> None:
        """Compile the kernels once, before several processes would each do it."""
        trace = Trace.from_rows([{"arrival_s": 0, "gpus": 1, "duration_s": 60}])
        metrics(simulate(load_scenario("synthetic-64"), trace))

    def is_planned(self, thing: Any) -> bool:
        """Shares, sizes, or a plain function that orders jobs."""
        return _plans(thing) or callable(thing)

    def make_env(self, scenario: Scenario, trace: Trace) -> Any:
        """One replica over the whole trace, recorded, without autoreset."""
        return super().make_env(scenario.merge({"env": {"window": None, "warm_up": 0}}), trace)

    def metrics(self, run: Run) -> dict[str, Any]:
        """Records to metrics; the bound is that of rigid jobs unless sizes are chosen."""
        found = {**metrics(run), "stalled": run.stalled, "illegal": run.illegal}
        if found["unfinished"] == 0 and run.system.scenario.options.track is None:
            least = bounds(run.system, run.system.scenario.options.elastic is not None)
            found["jct_over_bound"] = found["jct_mean"] * len(run.jobs) / least["sum_jct"]
            found["bound_jct_mean"] = least["sum_jct"] / len(run.jobs)
        return found

    def digest(self, run: Run) -> Digest:
        """Timeline, curves over time, and the distribution of completion times."""
        done = run.jobs["finish_us"] >= 0
        jct = (run.jobs["finish_us"] - run.system.arrival_us)[done] / 1e6 * HOURS
        end = max(1, run.end_us, int(run.jobs["finish_us"].max(initial=0)))
        edges = np.linspace(0, end, POINTS + 1)
        return Digest(timeline(run), edges[1:] / 1e6 * HOURS, curves(run, edges),
                      (cdf(jct)[0], len(jct)), bounds(run.system), run.solves)

    def records(self, run: Run) -> dict[str, dict[str, Sequence[Any]]]:
        """One row per job and one per segment; null for what never happened."""
        return {"jobs": _job_records(run), "segments": _segment_records(run)}

    def remarks(self, comparison: Any) -> list[str]:
        """Unfinished jobs, and why where a run stalled; actions that could not be carried out."""
        lost, illegal = {}, {}
        for contender in comparison.contenders:
            outcomes = comparison.of(contender.name)
            count = sum(o.metrics["unfinished"] for o in outcomes)
            why = next((o.metrics["stalled"] for o in outcomes if o.metrics.get("stalled")), None)
            wrong = sum(o.metrics.get("illegal", 0) for o in outcomes)
            if wrong:
                illegal[contender.name] = f"{contender.name} {wrong}"
            if count:
                lost[contender.name] = f"{contender.name} {count}" + (f" ({why})" if why else "")
        told = ["unfinished jobs: " + ("; ".join(lost.values()) if lost else "none")]
        if illegal:
            told.append("illegal actions (choose where the mask is 1): "
                        + "; ".join(illegal.values()))
        return told

    def facts(self, comparison: Any) -> list[Any]:
        """Bounds, tenants, and how the planners planned."""
        from agents.evaluation.facts_cluster import bound_table, planning_table, tenant_table

        tables = (bound_table(comparison), tenant_table(comparison), planning_table(comparison))
        return [t for t in tables if t.rows]

    def figures(self, comparison: Any) -> list[tuple[str, str, Any]]:
        """The pictures of a comparison."""
        from agents.evaluation.figures_cluster import figures

        return figures(comparison)


def _bound(scenario: Scenario, trace: Trace) -> System:
    """What the kernel runs under a user's order."""
    own = {"order": "user", "share": None, "elastic": None, "lookahead": None}
    return bind(scenario.replace(**own), trace)


def _ordered(system: System, seed: int, policy: Any) -> Run:
    return simulate(system.scenario, system.trace, seed=replica_seed(seed), system=system,
                    user=policy.address)


def _plans(thing: Any) -> bool:
    return any(callable(getattr(thing, name, None)) for name in ("shares", "allocate"))


def _job_records(run: Run) -> dict[str, Sequence[Any]]:
    system, jobs = run.system, run.jobs
    return {
        "job": jobs["job"], "tenant": system.tenant,
        "class": [system.classes[c] for c in system.cls], "gpus": system.gpus,
        "arrival_s": system.arrival_us / 1e6,
        **{name: _seconds(jobs[f"{name.removesuffix('_s')}_us"])
           for name in ("admitted_s", "first_start_s", "finish_s")},
        "status": [STATUS[s] for s in jobs["status"]], "preemptions": jobs["preemptions"],
        "evictions": jobs["evictions"],
        **{name: jobs[f"{name.removesuffix('_s')}_us"] / 1e6
           for name in ("wall_s", "gpu_s", "overhead_s", "lost_s")},
        "deadline_s": np.where(system.deadline_us < NEVER, system.deadline_us / 1e6, np.nan)}


def _segment_records(run: Run) -> dict[str, Sequence[Any]]:
    s, system = run.segments, run.system
    segment, piece = held(run)
    texts = [f"{node}:{gpus}" for node, gpus in zip(piece["node"], piece["gpus"], strict=True)]
    edges = np.searchsorted(segment, np.arange(len(s) + 1))
    return {
        "job": s["job"], "start_s": s["start_us"] / 1e6, "end_s": _seconds(s["end_us"]),
        "gpu_type": [system.types[t] for t in s["gpu_type"]],
        "nodes": [";".join(texts[a:b]) for a, b in pairwise(edges)],
        "level": s["level"], "reason": [REASONS[r] for r in s["reason"]]}


def _seconds(time_us: np.ndarray) -> np.ndarray:
    """Seconds, NaN for what never happened."""
    return np.where(time_us < 0, np.nan, time_us / 1e6)
