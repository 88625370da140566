"""The domain of growing networks as the evaluation sees it."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from agents.baselines.net2net import BASELINES, FORM, baseline, missing
from agents.baselines.table import sorted_out
from agents.contenders import Contender, RulesContender
from agents.domains import Column, Domain, Sweep
from agents.evaluation import tuning
from envs.core.drawing import Timeline
from envs.core.errors import PolicyError, ScenarioError, nearest
from envs.core.files import REPOSITORY
from envs.core.workloads import Window
from envs.net2net.cases import Case
from envs.net2net.drawing import timeline
from envs.net2net.metrics import Reference, metrics, reference
from envs.net2net.recorder import Run
from envs.net2net.scenario import Scenario, load_scenario
from envs.net2net.simulate import simulate
from envs.net2net.work import BACKENDS
from envs.net2net.workloads import Workload, open_workload

KEPT = "outputs/live"       # where live trainings leave their state until they end


@dataclass(frozen=True)
class Digest:
    """The little that figures and tables need of a run."""

    timeline: Timeline
    case: Case
    taken: tuple[int, ...]
    states: np.ndarray                          # at every decision and at the end
    reference: Reference | None                 # of the accuracy that is reported
    predictions: Mapping[str, np.ndarray]       # of a live run: states by who tells them
    real_seconds: np.ndarray                    # of a live run, at every state


class Net2NetDomain(Domain):
    """`sched/Net2Net-v0` and the players of its back-ends."""

    name = "net2net"
    env_id = "sched/Net2Net-v0"
    scenario_name = "depth"
    windows = None
    window_length = None
    validation_windows = 10         # every cell twice, or every recorded seed of the part
    load_axis = "no load"
    user_forms = ("give it act(observation, mask) or plan(case), which returns the actions, or "
                  "write a function of a View that returns an action")
    own_options = ("env",)          # all else is the job, which is the same for everyone
    rivals = ("never", "best_constant", "best_fixed", "greedy_uniform", "planner")
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {}
    picture = "heat_map"
    grids: Mapping[str, Mapping[str, Sequence[Any]]] = {}
    tuned_path = REPOSITORY / "agents" / "baselines" / "tuned_net2net.yaml"
    columns = (
        Column("normalised", "normalised score", 3),
        Column("test_accuracy", "test accuracy", 4),
        Column("val_accuracy", "validation accuracy", 4),
        Column("regret", "regret", 4, larger_is_better=False),
        Column("rank", "rank", 1, larger_is_better=False),
        Column("rank_low", "band from", 1, larger_is_better=False),
        Column("rank_high", "to", 1, larger_is_better=False),
        Column("p_better", "better than never (%)", 0, 100.0),
        Column("gpu_seconds", "GPU s", 3, larger_is_better=False),
        Column("parameters", "parameters", 0, larger_is_better=False),
        Column("edits", "edits", 1, larger_is_better=False),
        Column("normalised_val", "normalised validation score", 3, brief=False),
        Column("regret_val", "validation regret", 4, larger_is_better=False, brief=False),
        Column("macs", "MACs", 0, larger_is_better=False, brief=False),
        Column("steps", "training steps", 0, brief=False),
        Column("clock_ms", "clock (ms)", 1, larger_is_better=False, brief=False),
    )

    @property
    def chosen_by(self) -> Column:
        """Of the validation accuracy: test accuracies are for the report alone."""
        return next(c for c in self.columns if c.metric == "normalised_val")

    def load_scenario(self, name: str | Path, options: Mapping[str, Any] | None = None) -> Scenario:
        """A scenario by name or path, with options replaced."""
        return load_scenario(name, options)

    def load_on(self, trace: Any, name: str | Path,
                options: Mapping[str, Any] | None = None) -> Scenario:
        """A recording that is given takes the place of the scenario's tables and of the model."""
        return load_scenario(name, options, trace if isinstance(trace, str | Path) else None)

    def open_workload(self, trace: Any, scenario: Scenario) -> Workload:
        """The workload of a recording; None: the scenario's own cells."""
        return trace if isinstance(trace, Workload) else open_workload(trace, scenario)

    def prepared(self, scenario: Scenario, workload: Workload) -> Scenario:
        """As it is: an episode is always whole."""
        return scenario

    def configured(self, scenario: Scenario, own: Mapping[str, Any], extra: Mapping[str, Any],
                   trace: Case) -> Scenario:
        """The policy as `own` says, then single keys of `extra`."""
        return scenario.replace(**own).merge(extra)

    def identity(self, scenario: Scenario) -> str:
        """Options, cells, and the content of parameter file and recordings."""
        from agents.evaluation.facts_net2net import sources

        return scenario.identity + sources(scenario)

    def on_backend(self, name: str) -> dict[str, Any]:
        """Held-out windows are played on it; training is not concerned."""
        if name not in BACKENDS:
            raise ScenarioError("no such back-end", f"backend={name}", nearest(name, BACKENDS))
        return {"evaluated": name, **({"keep": KEPT} if name == "live" else {})}

    def options_of(self, contender: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Live trainings that were cut off go on: every contender keeps them in its own folder."""
        if options.get("keep") is None:
            return options
        return {**options, "keep": str(Path(options["keep"], re.sub(r"[^\w.-]", "_", contender)))}

    def at_load(self, scenario: Scenario, workload: Workload, load: float) -> Workload:
        """Refused: jobs do not arrive here."""
        raise ScenarioError("jobs have no load here", "loads", "leave it out")

    def suite(self, name: str, scenario: Scenario, workload: Workload) -> Sweep:
        """Refused: budgets and tasks are cells of one comparison."""
        raise ScenarioError("there are no suites here", f"suite={name}",
                            "compare several cells, or sweep devices")

    def extent(self, length: float | None) -> str:
        """Nothing: a window is one training."""
        return ""

    def training_env(self, scenario: Scenario, workload: Workload, length: float | None,
                     num_envs: int, threads: int) -> Any:
        """Cells and seeds of the training part, drawn by the seed of the episode."""
        import gymnasium as gym

        return gym.make_vec(self.env_id, num_envs=num_envs, scenario=scenario, trace=workload,
                            part="train", threads=threads, judged=False)

    def with_devices(self, scenario: Scenario, devices: int) -> Scenario:
        """So many GPUs when there are most, in proportion at other times; a pause stays one."""
        timeline = scenario.options.gpu_timeline
        most = max(gpus for _, gpus in timeline)
        return scenario.merge({"gpu_timeline": [
            [time, gpus and max(1, round(gpus * devices / most))] for time, gpus in timeline]})

    def baselines(self) -> dict[str, Contender]:
        """The table of named contenders."""
        return self._table

    @cached_property
    def _table(self) -> dict[str, Contender]:
        return tuning.contenders(self.name, BASELINES, self.tuned_path)

    def named(self, name: str) -> Contender | None:
        """`always(2)`, `fixed(2,0,1)` ...: a baseline with arguments of its own."""
        if not FORM.fullmatch(name):
            return None
        made = baseline(name)
        return RulesContender(name, self.name, overrides=made.overrides, about=made.about)

    def offered(self, scenario: Scenario,
                windows: Sequence[Window]) -> tuple[list[Contender], list[str]]:
        """Baselines that say something new here."""
        cases = [w.trace for w in windows]
        return sorted_out(self.baselines().values(), lambda c: missing(c.name, scenario, cases))

    def simulate(self, scenario: Scenario, trace: Case, seed: int) -> Run:
        """A run under the scenario's own policy."""
        return simulate(scenario, trace, seed=seed)

    def simulate_planned(self, scenario: Scenario, trace: Case, seed: int, planner: Any,
                         guard: Callable[[], AbstractContextManager]) -> Run:
        """A run of a user's actions, planned before it or decided one by one."""
        with guard():
            own = planner() if isinstance(planner, type) else planner
        if not callable(getattr(own, "plan", None)):
            return simulate(scenario, trace, player=_Deciding(own, guard), seed=seed)
        with guard():
            sequence = [index(action) for action in own.plan(trace)]
        if len(sequence) != trace.cell.depth_of_tree or not all(
                0 <= a < trace.cell.actions for a in sequence):
            raise PolicyError(f"{sequence} is no sequence of {trace.cell.depth_of_tree} actions "
                              f"below {trace.cell.actions}", "plan", "return one per decision")
        return simulate(scenario, trace, sequence=sequence, seed=seed)

    def simulate_compiled(self, scenario: Scenario, trace: Case, seed: int, policy: Any) -> Run:
        """Refused: decisions are few, and nothing calls compiled functions here."""
        raise PolicyError("compiled policies are not called here", scenario.name, self.user_forms)

    def warm_up(self) -> None:
        """Compile the kernels once, before several processes would each do it."""
        scenario = load_scenario(self.scenario_name, {"evaluated": "parametric"})
        window = open_workload(None, scenario).part("test", 1)[0]
        metrics(simulate(scenario, window.trace, sequence=[0] * window.trace.cell.depth_of_tree))

    def is_planned(self, thing: Any) -> bool:
        """A planner with `plan(case)`, or a plain function of a View."""
        return callable(getattr(thing, "plan", None)) or callable(thing)

    def metrics(self, run: Run) -> dict[str, Any]:
        """A run beside all sequences of its cell."""
        return metrics(run)

    def digest(self, run: Run) -> Digest:
        """What pictures and further tables are made of."""
        case = run.case
        told = {"fitted curve": run.predicted, "recording": run.tabled}
        return Digest(timeline(run), case, tuple(int(a) for a in run.taken), run.states,
                      reference(case, run.scenario, "val" if case.table is None else "test"),
                      {name: states for name, states in told.items() if states is not None},
                      run.real_seconds)

    def records(self, run: Run) -> dict[str, dict[str, Sequence[Any]]]:
        """One row per decision and one for the end."""
        return {"states": {
            "decision": list(range(len(run.states))),
            "action": [*(int(a) for a in run.taken), None],
            **{name: run.states[name] for name in run.states.dtype.names}}}

    def remarks(self, comparison: Any) -> list[str]:
        """How many seeds there are and what they are good for."""
        from agents.evaluation.facts_net2net import remarks

        return remarks(comparison)

    def printed(self, comparison: Any) -> list[Any]:
        """Predicted against measured, where trainings were live."""
        from agents.evaluation.predictions_net2net import prediction_table

        live = any(w.trace.backend == "live" for w in comparison.windows)
        return [prediction_table(comparison)] if live else []

    def facts(self, comparison: Any) -> list[Any]:
        """What the cells can give, how good the means over seeds are, predictions of live runs."""
        from agents.evaluation.facts_net2net import cell_table, mean_table

        return [cell_table(comparison), mean_table(comparison), *self.printed(comparison)]

    def figures(self, comparison: Any) -> list[tuple[str, str, Any]]:
        """The pictures of a comparison."""
        from agents.evaluation.figures_net2net import figures

        return figures(comparison)


class _Deciding:
    """A user's function of a View, as a player."""

    privileged = False

    def __init__(self, function: Callable[[Any], int],
                 guard: Callable[[], AbstractContextManager]):
        self.function, self.guard = function, guard

    def begin(self, case: Case) -> None:
        """Nothing is kept between runs."""

    def act(self, view: Any) -> int:
        """The function's answer; its errors are blamed on the user's file."""
        with self.guard():
            action, count = index(self.function(view)), view.case.cell.actions
            if not 0 <= action < count:
                raise ValueError(f"{action} is no action below {count}")
        return action
