"""The domain of task graphs as the evaluation sees it."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from agents.baselines.dag import BASELINES, clairvoyant, missing
from agents.baselines.table import sorted_out
from agents.contenders import Contender
from agents.domains import Column, Domain, Sweep, seats
from agents.evaluation import tuning
from agents.evaluation.callbacks import listening
from agents.evaluation.limits_dag import Limits, limits, provable
from agents.evaluation.planner_dag import PythonScore, probe, user_plan
from agents.evaluation.suites_dag import SUITES, at_load, suite
from envs.core.drawing import Timeline
from envs.core.errors import PolicyError
from envs.core.files import REPOSITORY
from envs.core.workloads import Window
from envs.dag.drawing import timeline
from envs.dag.metrics import metrics, over
from envs.dag.recorder import Run
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario, load_scenario
from envs.dag.simulate import simulate
from envs.dag.workloads import Workload, open_workload

RIVALS = {"heft": "static:heft", "peft": "static:peft", "mct_wait": "mct_wait"}
OPTIMUM = "optimum"
STRIDE = 1000           # between the seeds of a window, so that those of two windows differ


@dataclass(frozen=True)
class Timed:
    """A run and what it took: seconds of each decision, or of the whole run."""

    run: Run
    seconds: Sequence[float]
    whole: bool

    def per_decision(self) -> dict[str, float | None]:
        """Microseconds; of a whole run its mean, which has no quantiles."""
        if self.whole:
            return {"decision_us": 1e6 * self.seconds[0] / max(1, self.run.decisions),
                    "decision_us_p99": None}
        median, high = np.quantile(self.seconds, [0.5, 0.99])
        return {"decision_us": 1e6 * float(median), "decision_us_p99": 1e6 * float(high)}


@dataclass(frozen=True)
class Digest:
    """The little that figures and tables need of a run."""

    timeline: Timeline
    limits: Limits


@dataclass(frozen=True)
class OptimumContender(Contender):
    """The plan that is proved to be best, where there is one: a bound."""

    privileged: bool = True
    about: str = "the best schedule, where CP-SAT proves it"

    def run_one(self, scenario: Any, window: Any, seed: int) -> Timed:
        """Replay the best plan; `PolicyError` where none is proved."""
        own = scenario.merge(self.extra)
        known = limits(own, window.trace, seed)
        if not known.proved:
            raise PolicyError("no schedule is proved to be best", window.name,
                              "name other contenders, or take a smaller graph")
        plan = known.as_plan()
        return _timed(lambda: simulate(own, window.trace, policy="static:heft", plan=plan))


class DagDomain(Domain):
    """`sched/Dag-v0` and the policies and planners of its simulator."""

    name = "dag"
    env_id = "sched/Dag-v0"
    scenario_name = "tiled"
    windows = None
    window_length = None
    load_axis = "load (least durations times arrival rate over workers)"
    user_forms = ("give it act(observation, mask) or plan(graph, machine), or write a function "
                  "that scores a task, decorated with @policy or not")
    rivals = ("mct_wait", "dmdas", "static:heft", "static:peft", "dmdar", "sjf")
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {}
    picture = "boxes"
    incomplete = "unfinished"
    suites = SUITES
    grids: Mapping[str, Mapping[str, Sequence[Any]]] = {}
    tuned_path = REPOSITORY / "agents" / "baselines" / "tuned_dag.yaml"
    columns = (
        Column("ratio", "C/C*", 3, larger_is_better=False),
        Column("over_mct_wait", "C/C(mct_wait)", 3, larger_is_better=False),
        Column("over_heft", "C/C(heft)", 3, larger_is_better=False),
        Column("wins_mct_wait", "wins on mct_wait (%)", 0, 100.0),
        Column("wins_heft", "wins on heft (%)", 0, 100.0),
        Column("wins_peft", "wins on peft (%)", 0, 100.0),
        Column("proved", "C* proved (%)", 0, 100.0),
        Column("cost", "C (machine's unit)", 1, larger_is_better=False),
        Column("bytes_moved", "moved (MB)", 1, 1e-6, larger_is_better=False),
        Column("evictions", "evictions", 0, larger_is_better=False),
        Column("waits", "waits", 0, larger_is_better=False),
        Column("decision_us", "decision (us)", 1, larger_is_better=False),
        Column("decision_us_p99", "p99 decision (us)", 1, larger_is_better=False),
        Column("unfinished", "tasks unfinished", 0, larger_is_better=False, brief=False),
        Column("over_cp", "C over critical path", 3, larger_is_better=False, brief=False),
        Column("over_area_lp", "C over area bound", 3, larger_is_better=False, brief=False),
        Column("over_path_lp", "C over path bound", 3, larger_is_better=False, brief=False),
        Column("makespan", "makespan", 1, larger_is_better=False, brief=False),
        Column("jct_mean", "mean JCT", 1, larger_is_better=False, brief=False),
        Column("jct_p95", "p95 JCT", 1, larger_is_better=False, brief=False),
        Column("decisions", "decisions", 0, larger_is_better=False, brief=False),
    )

    def load_scenario(self, name: str | Path, options: Mapping[str, Any] | None = None) -> Scenario:
        """A scenario by name or path, with options replaced."""
        return load_scenario(name, options)

    def open_workload(self, trace: Any, scenario: Scenario) -> Workload:
        """The workload of a name, path, call, graph or trace; None: the scenario's own."""
        return trace if isinstance(trace, Workload) else open_workload(trace, scenario)

    def prepared(self, scenario: Scenario, workload: Workload) -> Scenario:
        """Without an early end, and with kinds that mean the same on every graph."""
        own = {"horizon": None, "max_decisions": None}
        if scenario.options.env.kinds is None:
            own["kinds"] = _kinds(scenario, workload)
        return scenario.merge({"env": own})

    def configured(self, scenario: Scenario, own: Mapping[str, Any], extra: Mapping[str, Any],
                   trace: Trace) -> Scenario:
        """The policy as `own` says, then single keys of `extra`."""
        return scenario.replace(**own).merge(extra)

    def identity(self, scenario: Scenario) -> str:
        """Options and machine."""
        return repr((scenario.options, scenario.machine))

    def at_load(self, scenario: Scenario, workload: Workload, load: float) -> Workload:
        """The stream at this load."""
        return at_load(scenario, workload, load)

    def suite(self, name: str, scenario: Scenario, workload: Workload) -> Sweep:
        """The points of a standard suite."""
        return suite(name, scenario, workload) if name in SUITES else (
            super().suite(name, scenario, workload))

    def extent(self, length: float | None) -> str:
        """Jobs."""
        return f"of {length:g} jobs" if length else ""

    def training_env(self, scenario: Scenario, workload: Workload, length: float | None,
                     num_envs: int, threads: int) -> Any:
        """Graphs of the training part, drawn by the seed of the episode."""
        import gymnasium as gym

        return gym.make_vec(self.env_id, num_envs=num_envs, scenario=scenario, trace=workload,
                            part="train", threads=threads)

    def with_devices(self, scenario: Scenario, devices: int) -> Scenario:
        """The machine with so many workers, in its proportions."""
        machine = scenario.machine.to_config()
        counts = np.array([entry.get("count", 1) for entry in machine["workers"]])
        entries = [{**entry, "count": int(n)} for entry, n in zip(
            machine["workers"], seats(counts, devices), strict=True) if n]
        return scenario.replace(machine={**machine, "workers": entries})

    def baselines(self) -> dict[str, Contender]:
        """The table of named contenders, and the optimum where it can be proved."""
        return self._table

    @cached_property
    def _table(self) -> dict[str, Contender]:
        return {**tuning.contenders(self.name, BASELINES, self.tuned_path),
                OPTIMUM: OptimumContender(OPTIMUM, self.name)}

    def offered(self, scenario: Scenario,
                windows: Sequence[Window]) -> tuple[list[Contender], list[str]]:
        """Baselines that say something new here; who sees what is hidden is marked."""
        marked = [replace(c, privileged=True) if clairvoyant(c.name, scenario) else c
                  for c in self.baselines().values()]
        return sorted_out(marked, lambda c: _why_not(c.name, scenario, windows))

    def seed_of(self, window: Window, seed: int) -> int:
        """That of the window, apart from those of the others."""
        return window.seed + STRIDE * seed

    def simulate(self, scenario: Scenario, trace: Trace, seed: int) -> Timed:
        """A run under the scenario's own policy."""
        return _timed(lambda: simulate(scenario, trace, seed=seed))

    def simulate_planned(self, scenario: Scenario, trace: Trace, seed: int, planner: Any,
                         guard: Callable[[], AbstractContextManager]) -> Timed:
        """A run under a user's plan, or under a score in Python."""
        with guard():
            own = planner() if isinstance(planner, type) else planner
        if callable(getattr(own, "plan", None)):
            plan = user_plan(own, only_graph(trace), scenario, guard)
            return _timed(lambda: simulate(scenario, trace, seed=seed, policy="static:heft",
                                           plan=plan))
        score = PythonScore(own)
        with score.watched(guard):
            return _timed(lambda: simulate(scenario, trace, seed=seed, policy="user",
                                           user=score.address))

    def simulate_compiled(self, scenario: Scenario, trace: Trace, seed: int, policy: Any) -> Timed:
        """A run in which a user's compiled function scores tasks."""
        probe(policy)
        with listening(policy):
            return _timed(lambda: simulate(scenario, trace, seed=seed, policy="user",
                                           user=policy.address))

    def warm_up(self) -> None:
        """Compile the kernels once, before several processes would each do it."""
        scenario = load_scenario("chol_readys")
        trace = open_workload("cholesky(n=2)", scenario).part("test", 1)[0].trace
        for policy in ("mct_wait", "static:heft", "static:peft"):
            metrics(simulate(scenario, trace, policy=policy))

    def is_planned(self, thing: Any) -> bool:
        """A planner with `plan(graph, machine)`, or a plain function that scores a task."""
        return callable(getattr(thing, "plan", None)) or callable(thing)

    def played(self, run: Run, seconds: Sequence[float]) -> Timed:
        """The run of a policy, and how long it took over each decision."""
        return Timed(run, seconds, whole=False)

    def metrics(self, run: Timed) -> dict[str, Any]:
        """Records to metrics; `ratio` is to the optimum where it is proved, else to the bound."""
        known = _limits(run.run)
        found = metrics(run.run, known.bounds)
        jct = run.run.system.scenario.options.objective == "jct"
        return {**found, "cost": found["jct_mean" if jct else "makespan"],
                "ratio": over(run.run, known.best()), "proved": float(known.proved),
                **run.per_decision()}

    def related(self, metrics: Mapping[str, dict[str, Any]]) -> None:
        """Ratios to the usual rivals, and who won: 1, 0, or a half for a tie."""
        for short, rival in RIVALS.items():
            base = metrics.get(rival, {}).get("cost")
            for mine in metrics.values():
                known = base is not None and mine["cost"] is not None
                mine[f"over_{short}"] = mine["cost"] / base if known and base else None
                mine[f"wins_{short}"] = (
                    (np.sign(base - mine["cost"]) + 1) / 2 if known else None)

    def digest(self, run: Timed) -> Digest:
        """Gantt chart, and what the case can be at best."""
        return Digest(timeline(run.run), _limits(run.run))

    def records(self, run: Timed) -> dict[str, dict[str, Sequence[Any]]]:
        """One row per task, job, transfer, eviction and decision."""
        from agents.evaluation.records_dag import records

        return records(run.run)

    def remarks(self, comparison: Any) -> list[str]:
        """Whether C* is an optimum or a bound, and who left tasks unfinished."""
        from agents.evaluation.facts_dag import remarks

        return remarks(comparison)

    def facts(self, comparison: Any) -> list[Any]:
        """What C* is in each case, and how device types were used."""
        from agents.evaluation.facts_dag import device_table, limit_table

        return [limit_table(comparison), device_table(comparison)]

    def figures(self, comparison: Any) -> list[tuple[str, str, Any]]:
        """The pictures of a comparison."""
        from agents.evaluation.figures_dag import figures

        return figures(comparison)


def only_graph(trace: Trace) -> Any:
    """The graph of a trace of one job; planners see no more."""
    if len(trace.jobs) != 1:
        raise PolicyError(f"a plan is for one job, this trace has {len(trace.jobs)}", trace.name,
                          "give it act(observation, mask), or a function that scores a task")
    return trace.jobs[0].graph


def _timed(action: Callable[[], Run]) -> Timed:
    began = time.perf_counter()
    run = action()
    return Timed(run, [time.perf_counter() - began], whole=True)


def _kinds(scenario: Scenario, workload: Workload) -> list[str] | None:
    """The kinds of the scenario's own graphs, then those that only this workload has."""
    sources = [workload]
    if scenario.workload.train:
        sources.insert(0, open_workload(None, scenario))
    found = [sorted({k for graph in source.graphs() for k in graph.kinds}) for source in sources]
    return list(dict.fromkeys(kind for kinds in found for kind in kinds)) or None


def _limits(run: Run) -> Limits:
    return limits(run.system.scenario, run.trace, run.seed)


def _why_not(name: str, scenario: Scenario, windows: Sequence[Window]) -> str | None:
    if name != OPTIMUM:
        return missing(name, scenario, [w.trace for w in windows])
    if not all(provable(scenario, w.trace) for w in windows):
        return "proofs need one small job without noise or tiles"
    proved = [limits(scenario, w.trace, w.seed).proved for w in windows]
    return None if all(proved) else f"proved on {sum(proved)} of {len(proved)} windows"
