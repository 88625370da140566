"""The serving domain as the evaluation sees it."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from agents.baselines.blis import BASELINES
from agents.contenders import RulesContender
from agents.domains import Column, Domain, seats
from agents.evaluation import tuning
from agents.evaluation.planner_blis import UserPlanner, make
from envs.blis.metrics import metrics
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario, load_scenario
from envs.blis.simulate import Run, simulate
from envs.blis.state import LATE, MET, NONE, STATUS
from envs.blis.system import System, bind_trace
from envs.blis.workloads import GeneratedWorkload, RecordedWorkload, Workload, open_workload
from envs.core.errors import PolicyError, ScenarioError
from envs.core.files import REPOSITORY
from envs.core.records import cdf
from envs.core.rng import replica_seed

OUTCOMES = {"M": "met", "L": "late", "N": "no_predictor", "R": "rejected", "Q": "qos",
            "E": "expired", "H": "hopeless", "q": "queued", "r": "running"}


@dataclass(frozen=True)
class Digest:
    """The little that figures need of a run."""

    system: System
    windows: np.ndarray             # (W, K) counters per window
    target: np.ndarray              # (W, D)
    latency: dict[str, tuple[np.ndarray, int]]     # family -> distribution, number of requests
    solves: list[dict[str, Any]]


class Blis(Domain):
    """`sched/Blis-v0` and the rules and planners of its simulator."""

    name = "blis"
    env_id = "sched/Blis-v0"
    scenario_name = "zipf_exponential_x5"
    windows = 3
    window_length = 100_000.0
    rivals = ("random_wc", "load_proportional_wc", "infaas", "proteus_tuned")
    ratios = {"slo_attainment": (("met",), ("met", "late", "dropped")),
              "effective_accuracy": (("accuracy_met",), ("met",))}
    load_axis = "load (factor of the arrival rate)"
    user_forms = "give it act(observation, mask) or plan(view), or decorate it with @policy"
    tuned_path = REPOSITORY / "agents" / "baselines" / "tuned_blis.yaml"
    grids = {
        "load_proportional_wc": {"allocation.period": (2, 5, 10, 20),
                                 "allocation.demand": ({"kind": "ewma"}, {"kind": "mean"})},
        "infaas": {"allocation.period": (1, 2, 5), "routing.horizon_ms": (50, 100, 1000),
                   "allocation.slack": (0.4, 0.6, 0.8), "allocation.down_slack": (0.5, 0.9)},
        "clipper_ht": {"batching.timeout_ms": (5, 20, 100),
                       "allocation.choice": ("throughput", "least_accurate")},
        "proteus_wc": {"allocation.period": (2, 5), "allocation.move_penalty": (0.02, 0.05, 0.1),
                       "allocation.beta": (1.15, 1.3)},
    }
    columns = (
        Column("accuracy_per_request", "accuracy per request (%)", 2),
        Column("slo_attainment", "SLO met (%)", 2, 100.0),
        Column("effective_accuracy", "effective accuracy (%)", 2),
        Column("latency_p99_ms", "p99 latency (ms)", 0, larger_is_better=False,
               brief=False),
        Column("utilisation", "busy (%)", 0, 100.0, brief=False),
    )

    def load_scenario(self, name: str | Path, options: Mapping[str, Any] | None = None) -> Scenario:
        """A scenario by name or path, with options replaced."""
        return load_scenario(name, options)

    def open_workload(self, trace: Any, scenario: Scenario) -> Workload:
        """The workload of a name, path or trace; None: the scenario's own."""
        if isinstance(trace, Workload):
            return trace
        trace = scenario.options.trace if trace is None else trace
        if trace is None:
            raise ScenarioError("names no trace", scenario.name, "say trace=NAME or trace=PATH")
        return open_workload(trace, scenario)

    def prepared(self, scenario: Scenario, workload: Workload) -> Scenario:
        """Families, allowances and initial demand of the training part; whole windows."""
        given = scenario.options.allocation.initial_demand
        demand = workload.mean_demand() if given == "trace_mean" else given
        families = list(scenario.options.families or sorted(workload.families))
        slo = {**workload.family_slo_ms, **scenario.options.family_slo_ms}
        return scenario.merge({
            "families": families, "family_slo_ms": slo, "horizon_ms": None,
            "episode": {"start_ms": 0, "random_start": False},
            "allocation": {"initial_demand": demand}})

    def configured(self, scenario: Scenario, own: Mapping[str, Any],
                   extra: Mapping[str, Any], trace: Trace) -> Scenario:
        """Whole blocks of `own`, then single keys of `extra`; the initial demand stays known."""
        told = {"allocation": {"initial_demand": scenario.options.allocation.initial_demand}}
        return scenario.replace(**own).merge(told).merge(extra)

    def identity(self, scenario: Scenario) -> str:
        """Options, devices and profile."""
        return repr((scenario.options, scenario.accelerators, scenario.profile))

    def at_load(self, scenario: Scenario, workload: Workload, load: float) -> Workload:
        """The workload with its arrival rate multiplied."""
        if isinstance(workload, GeneratedWorkload):
            return GeneratedWorkload(workload.name, workload.config.scaled(load))
        return RecordedWorkload(workload.trace.scaled(1.0 / load))

    def extent(self, length: float | None) -> str:
        """Seconds; the length is in ms."""
        return f"of {(length or self.window_length) / 1000:g} s"

    def training_env(self, scenario: Scenario, workload: Workload, length: float | None,
                     num_envs: int, threads: int) -> Any:
        """Random starts in the training part; `length` in ms."""
        import gymnasium as gym

        scenario = scenario.merge({"horizon_ms": length or self.window_length,
                                   "episode": {"random_start": True}})
        return gym.make_vec(self.env_id, num_envs=num_envs, scenario=scenario,
                            trace=workload.training_trace(), threads=threads)

    def with_devices(self, scenario: Scenario, devices: int) -> Scenario:
        """The cluster in its proportions, by largest remainders."""
        counts = np.array([a.count for a in scenario.accelerators])
        return scenario.replace(accelerators=[
            {"name": a.name, "count": int(n), "profile": a.profile,
             "load_mb_per_s": a.load_mb_per_s, "load_fixed_ms": a.load_fixed_ms}
            for a, n in zip(scenario.accelerators, seats(counts, devices), strict=True)])

    def baselines(self) -> dict[str, RulesContender]:
        """The table of named contenders, each tuned form after its default form."""
        return self._table

    @cached_property
    def _table(self) -> dict[str, RulesContender]:
        return tuning.contenders(self.name, BASELINES, self.tuned_path)

    def simulate(self, scenario: Scenario, trace: Trace, seed: int) -> Run:
        """A run under the scenario's own rules and planner."""
        return simulate(scenario, trace, seed=replica_seed(seed), initial_demand=_told(scenario))

    def simulate_planned(self, scenario: Scenario, trace: Trace, seed: int, planner: Any,
                         guard: Callable[[], AbstractContextManager]) -> Run:
        """A run under a user's planner."""
        system = bind_trace(scenario, trace)
        told = np.array([_told(scenario).get(f, 0.0) for f in system.families])
        with guard():
            own = make(planner, system, replica_seed(seed), told)
        wrapped = UserPlanner(system, None, replica_seed(seed), told, own, guard)
        return simulate(scenario, trace, seed=replica_seed(seed), system=system, planner=wrapped)

    def simulate_compiled(self, scenario: Scenario, trace: Trace, seed: int, policy: Any) -> Run:
        """A run in which a user's compiled function routes."""
        scenario = scenario.merge({"routing": {"policy": "user"}})
        return simulate(scenario, trace, seed=replica_seed(seed), initial_demand=_told(scenario),
                        user=policy.address)

    def warm_up(self) -> None:
        """Compile the kernels once, before several processes would each do it."""
        trace = Trace.from_rows([[0.0, "mobilenet", 300.0]])
        simulate(load_scenario("zipf_exponential", {"horizon_ms": 1000}), trace)

    def is_planned(self, thing: Any) -> bool:
        """A planner with `plan(view)`, or such a function."""
        return callable(getattr(thing, "plan", None)) or callable(thing)

    def metrics(self, run: Run) -> dict[str, Any]:
        """Records to metrics."""
        return metrics(run)

    def digest(self, run: Run) -> Digest:
        """Counters per window, targets, and a latency distribution per family."""
        done = run.records[np.isin(run.records["status"], (MET, LATE))]
        spent = done["finish_ms"] - done["arrival_ms"]
        by_family = {f: spent[done["family"] == k] for k, f in enumerate(run.system.families)}
        latency = {f: (cdf(values)[0], len(values)) for f, values in by_family.items()}
        return Digest(run.system, run.windows, run.window_target, latency, run.solves)

    def records(self, run: Run) -> dict[str, dict[str, Sequence[Any]]]:
        """One row per request, names instead of indices; null where there is none."""
        r, system = run.records, run.system
        status = [OUTCOMES[letter] for letter in STATUS]
        return {"requests": {
            "request": r["request"], "family": [system.families[k] for k in r["family"]],
            "arrival_ms": r["arrival_ms"], "slo_ms": r["slo_ms"], "qos": r["qos"],
            "device": [None if d == NONE else int(d) for d in r["device"]],
            "variant": [None if v == NONE else system.variants[v] for v in r["variant"]],
            "start_ms": r["start_ms"], "finish_ms": r["finish_ms"],
            "status": [status[s] for s in r["status"]]}}

    def facts(self, comparison: Any) -> list[Any]:
        """Solver, gap, period and delay of every contender that solves programs."""
        from agents.evaluation.facts_blis import planning_table

        return [planning_table(comparison)]

    def figures(self, comparison: Any) -> list[tuple[str, str, Any]]:
        """The pictures of a comparison."""
        from agents.evaluation.figures_blis import figures

        return figures(comparison)


class BlisAccuracy(Blis):
    """`sched/BlisAccuracy-v0`: the same system, decided device by device."""

    name = "blis_accuracy"
    env_id = "sched/BlisAccuracy-v0"


def _told(scenario: Scenario) -> dict[str, float] | None:
    """The initial demand as numbers; a scenario that was not prepared is a defect of the caller."""
    told = scenario.options.allocation.initial_demand
    if told == "zeros":
        return {}
    if not isinstance(told, Mapping):
        raise PolicyError("the initial demand is unknown", scenario.name, "call prepared() first")
    return dict(told)
