"""The environment of the domain; its docstring is its documentation."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from envs.core.batch import BatchEnv, check_counts
from envs.core.drawing import draw_timeline
from envs.core.errors import ActionError, ScenarioError
from envs.core.single import SingleEnv
from envs.net2net.cases import Case
from envs.net2net.drawing import screen, timeline
from envs.net2net.draws import STREAMS, h
from envs.net2net.episodes import Episodes
from envs.net2net.features import feature_names
from envs.net2net.recorder import Recorder, Run, test_accuracies, trained_steps
from envs.net2net.referee import Referee
from envs.net2net.scenario import Scenario, load_scenario
from envs.net2net.simulate import make_engine, run_of

DEFAULT_SCENARIO = "depth"
LOW, HIGH = -1.0, 4.0


class Net2NetEnv(BatchEnv):
    """A neural network that grows while it trains, under a time budget (`sched/Net2Net-v0`).

    Problem: a training has a budget B of milliseconds and starts with a small network. It may be
        deepened, widened, or given larger kernels by edits that preserve its function. Then every
        step costs more, but more can be learned: growing pays with a long budget and hurts with a
        short one, and when matters as much as what.
    Decision: at each of D times: which edit, or none. Then the network trains to the next one.
    Observation: `Box(-1, 4)`, float32 (20 + 4 S + 2 A + 72 S,), clipped; S stages, A actions, t the
        clock, j the number of the decision; names in `feature_names`. What a back-end has no record
        of is 0, and so is its flag.
        =========  ============================================================================
        0 to 7     t/B; (next limit - t)/B; log10(B / base step cost)/5; j/D; actions other than 0
                   so far/D; learning rate over that at the start; GPUs now / largest of the
                   timeline; time since the last GPU change/B
        8 to 10    log2 of step cost, parameters, MACs over those of the base network (/4, /8, /8)
        11 to 14   flag: accuracy measured; validation accuracy now, at the last decision, change
        15 to 18   flag: losses measured; min(validation loss, 4)/4; the same of the training
                   loss's average; their difference
        19         time since the last edit/B, 1 without one
        4 S        per stage: layers/8, log2(width)/7, kernel/7, share of all MACs
        2 A        per action: log2(step cost after / now)/4, log2(parameters after / now)/4; 0 if
                   masked
        72 S       9 S layer slots of 8 in the network's order, empty ones 0: is a convolution, a
                   pooling, the head; log2(in)/8, log2(out)/8, kernel/7, output pixels / those of
                   the image, 1 for a layer beyond the base depth
        cells      `env.show_task=true`: one-hot of the cell
        =========  ============================================================================
    Action: `Discrete(A)`. Action set `depth`: bit s deepens stage s; `grow`: 0 none, then deepen
        stage 0 to S - 1, widen each, grow the kernels of each; `malleable`: the same, and last undo
        the latest action in force; `peer`: 0 none, deepen block 0, 1, 2. A masked action counts as
        0, and `info["invalid"]` is set; it is an error with `strict`. `env.factored=true` (not for
        `depth`): `MultiDiscrete([1 + operators, S])`.
    Reward: `env.reward`; a_j is the validation accuracy at decision j, a_D that at the end. `final`
        (default): a_D at the end, the metric. `delta`: a_(j+1) - a_j with a_0 read as 0, sums to
        a_D. `tan`: 100 tan(pi/2 min(a_D, .99)) at the end. `gain`: (a_D - never)/(best - never) of
        all sequences. `cost`: a_D at the end less `env.gpu_cost` per GPU-second of the action's
        edits and of the segment after it.
    Episode: D steps; terminated after the last. Cell and recorded seed are drawn by the episode's
        seed x, noise and variation of the model too. `options={"cell": name, "seed": n}` pins them.
    Info: `cell` (place in `cells`), `seed` (recorded seed; x on the parametric back-end), `node`
        (heap number of the actions taken), `invalid`, `action_mask`; at the end `metrics`:
        `val_accuracy`, `test_accuracy`, `normalised` (0 the mean of all sequences, 1 the best),
        `regret`, `rank`, `gpu_seconds`, `parameters`, `macs`, `steps`; nan: not known. The middle
        three cost a search per episode where the model varies; `judged=False` leaves them out.
    Trace: a recording (name, folder), a `Case`, or None: the tables of the scenario. `part` says
        whose seeds, `backend` (tabular, parametric, live) what plays; the scenario's by default.
    Source and deviations: Net2Net (Chen, Goodfellow, Shlens, ICLR 2016); decisions under a time
        budget after C. Lamelas' published tables, with an honest split of seeds.
    Versions: v0.
    """

    def __init__(self, num_envs: int = 1, *,
                 scenario: Scenario | Mapping | str | Path | None = None, trace: Any = None,
                 part: str = "train", backend: str | None = None, threads: int = 1,
                 record: bool = False, judged: bool = True, **kwargs: Any):
        check_counts(num_envs=num_envs, threads=threads)
        self.scenario = _scenario(scenario, trace)
        self.options = self.scenario.options.env
        self.episodes = Episodes(self.scenario, trace, part, backend)
        self.system, self.cells = self.episodes.system, self.episodes.names
        self.engine = make_engine(self.system, self.scenario, num_envs, threads)
        self.referee = Referee(self.system, judged or self.options.reward == "gain")
        recorded = record or kwargs.get("render_mode") is not None
        self.recorder = Recorder(self.engine) if recorded else None
        self._seeds_shown = np.zeros(num_envs, np.uint64)
        kwargs.setdefault("strict", self.options.strict)
        cell = self.system.first
        self.feature_names = feature_names(cell, self.cells if self.options.show_task else ())
        space = spaces.Box(LOW, HIGH, (self.system.features,), np.float32)
        super().__init__(num_envs, space, _actions(cell, self.options.factored), **kwargs)

    def _episode_seeds(self, seeds: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        """x of every replica, (E,) u8."""
        return h(seeds, STREAMS["episode"], episodes)

    def _begin(self, chosen: np.ndarray, seeds: np.ndarray, options: Mapping[str, Any]) -> None:
        for key in options:
            if key not in ("cell", "seed"):
                raise ScenarioError(f'unknown option "{key}"', "reset",
                                    "known: cell, seed, reset_mask")
        drawn = self.episodes.draw(seeds, options)
        self._seeds_shown[chosen] = self.episodes.seeds_of(drawn)[chosen]
        self.engine.begin(chosen, drawn.cell, drawn.row, drawn.seed)
        if self.recorder is not None:
            self.recorder.begin(chosen)
        if self.options.reward == "gain":
            self._tell_references(chosen)

    def _tell_references(self, chosen: np.ndarray) -> None:
        """What reward `gain` compares with."""
        run = self.engine.block["run"]
        for e in np.flatnonzero(chosen):
            known = self.referee.of(int(run["cell"][e]), int(run["row"][e]), int(run["seed"][e]))
            if known is None:
                raise ScenarioError(f"{self.cells[run['cell'][e]]} has too many sequences to know "
                                    "the best, and no table", "reward", "use final")
            run["never"][e], run["oracle"][e] = known.never, known.oracle

    def _look(self) -> tuple[np.ndarray, np.ndarray]:
        every = np.ones(self.num_envs, bool)
        observation, self._flat = self.engine.look(every)
        if self.recorder is not None:
            self.recorder.note(every)
        return observation.astype(np.float32), self._shown(self._flat)

    def _shown(self, flat: np.ndarray) -> np.ndarray:
        """The mask of the action space."""
        if not self.options.factored:
            return flat.copy()
        stages = self.system.first.stages
        some = flat[:, 1:1 + (flat.shape[1] - 1) // stages * stages]
        operators = some.reshape(len(flat), -1, stages).any(axis=2)
        rest = flat[:, 1 + some.shape[1]:].astype(bool)
        none = np.ones((len(flat), 1), bool)
        return np.concatenate([none, operators, rest, np.ones((len(flat), stages), bool)],
                              axis=1).astype(np.int8)

    def _plain(self, actions: np.ndarray) -> np.ndarray:
        """The number of the action."""
        if not self.options.factored:
            return actions
        stages, count = self.system.first.stages, self.system.first.actions
        plain = 1 + (actions[:, 0] - 1) * stages + actions[:, 1]
        return np.where(actions[:, 0] == 0, 0, np.minimum(plain, count - 1))

    def _check(self, actions: np.ndarray) -> None:
        plain = self._plain(actions)
        bad = np.flatnonzero(self._flat[np.arange(self.num_envs), plain] == 0)
        if len(bad):
            raise ActionError(f"action {plain[bad[0]]} is masked in replica {bad[0]}",
                              type(self).__name__, "choose where action_mask is 1")

    def _play(self, actions: np.ndarray) -> tuple:
        run = self.engine.block["run"]
        before = run["illegal"].copy()
        reward = self.engine.play(np.ones(self.num_envs, bool), self._plain(actions))
        observation, mask = self._look()
        over = run["decision"] == self.system.first.depth_of_tree
        info = {**self._about(), "invalid": run["illegal"] > before}
        if over.any():
            info |= {"metrics": self._metrics(over), "_metrics": over.copy()}
        return observation, reward, over, np.zeros(self.num_envs, bool), mask, info

    def _about(self) -> dict[str, np.ndarray]:
        run = self.engine.block["run"]
        return {"cell": run["cell"].copy(), "seed": self._seeds_shown.copy(),
                "node": run["node"].copy()}

    def _metrics(self, over: np.ndarray) -> dict[str, np.ndarray]:
        """Of the episodes that have ended; nan elsewhere and where nothing is known."""
        run = self.engine.block["run"][over]
        found = {
            "val_accuracy": run["accuracy"], "test_accuracy": test_accuracies(self.engine, over),
            **self.referee.judge(run["cell"], run["row"], run["seed"], run["accuracy"]),
            "gpu_seconds": run["gpu_total"] / 1e3, "parameters": run["parameters"],
            "macs": run["macs"], "steps": trained_steps(self.engine, over),
        }
        whole = {name: np.full(self.num_envs, np.nan) for name in found}
        for name, values in found.items():
            whole[name][over] = values
        return whole

    def case_of(self, e: int) -> Case:
        """The job of replica `e`."""
        run = self.engine.block["run"][e]
        return self.episodes.case_of(int(run["cell"]), int(run["row"]), int(self._seeds_shown[e]))

    def run_of(self, e: int) -> Run:
        """What happened to replica `e`, whose episode has ended (`record=True`)."""
        if self.recorder is None:
            raise ActionError("nothing is recorded", type(self).__name__, "say record=True")
        return run_of(self.engine, self.recorder, self.scenario, self.case_of(e), e)

    def draw(self, e: int, mode: str) -> np.ndarray | str:
        """The picture or the screen of replica `e`."""
        run = self.run_of(e)
        return screen(run) if mode == "ansi" else draw_timeline(timeline(run))

    def _save(self) -> Any:
        recorded = None if self.recorder is None else self.recorder.moment.copy()
        return self.engine.snapshot(), self._seeds_shown.copy(), recorded

    def _load(self, saved: Any) -> None:
        memory, self._seeds_shown, recorded = saved[0], saved[1].copy(), saved[2]
        self.engine.restore(memory)
        if self.recorder is not None:
            self.recorder.moment[:] = recorded
        _, self._flat = self.engine.look(np.ones(self.num_envs, bool))

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the threads."""
        self.engine.close()


def _scenario(given: Any, trace: Any) -> Scenario:
    """A recording that is given by name or path takes the place of the scenario's."""
    if isinstance(given, Scenario):
        return given
    return load_scenario(DEFAULT_SCENARIO if given is None else given,
                         {"tables": [str(trace)]} if isinstance(trace, str | Path) else None)


def _actions(cell: Any, factored: bool) -> spaces.Space:
    if not factored:
        return spaces.Discrete(cell.actions)
    if cell.action_set == "depth":
        raise ScenarioError("set depth deepens several stages at once", "env.factored",
                            "use action set grow or malleable")
    operators = -(-(cell.actions - 1) // cell.stages)
    return spaces.MultiDiscrete([1 + operators, cell.stages])


class Net2Net(SingleEnv):
    """One replica of `Net2NetEnv`."""

    vector = Net2NetEnv


Net2Net.__doc__ = Net2NetEnv.__doc__
