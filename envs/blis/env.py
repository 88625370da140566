"""The environments of the domain; their docstrings are their documentation."""
from __future__ import annotations

import numpy as np
from gymnasium import spaces

from envs.blis.engine import Engine
from envs.blis.episodes import HIGHEST, ServingEnv
from envs.blis.rules import steps
from envs.blis.rules.observe import DEVICE_FEATURES, FAMILY_FEATURES
from envs.blis.state import PLANNED, READY
from envs.core.errors import ActionError
from envs.core.single import SingleEnv

FAMILY_NAMES = ("arrivals", "demand", "met", "late", "dropped", "accuracy", "queued", "age",
                "ready_rate", "hosted_rate")
DEVICE_NAMES = ("accuracy", "rate", "ready", "busy", "queued")
LATENCY_SCALE = 1000.0      # ms
FAR = 2**62                 # a window that is never reached


class BlisEnv(ServingEnv):
    """A family and its target counts per action (`sched/Blis-v0`).

    Problem: requests of several model families arrive over time, each with a deadline; a cluster
        of accelerators serves them. Which family gets how many devices of each type?
    Decision: one family per action; `env.actions_per_window` (10) actions, then the plan is
        committed and one window is simulated under the scenario's routing, batching and dropping.
    Observation: `Box(0, 1e6, (K + 1, 2QT + 2Q + 2))` float32, K families, Q QoS levels, T types.
        ================================  =========================================================
        columns of a family's row         scale
        ================================  =========================================================
        devices per (level, type)         devices of the type; of the pending plan, level by level
        L(1) per (level, type)            1000 ms; of the variant that a new device would get
        requests and missed, per level    `env.request_scale` (1000); of the last window
        arrivals, failed                  `env.request_scale`; failed = late + dropped
        ================================  =========================================================
        The last row holds the free devices per type in the pending plan, then zeros.
    Action: `MultiDiscrete([K] + [N_t + 1 per (level, type)])`: the family and its device counts.
        Everything is legal: counts are targets, reached as far as there are free devices.
    Reward: `window`: minus the late and dropped requests of the window, on the step that
        simulates it, else 0 (`env.normalise` divides by the arrivals). `lookahead`: on every step,
        minus the failures until `env.lookahead_requests` further arrivals are handled under the
        pending plan; the state is untouched.
    Episode: the requests of `horizon_ms` from a start (`episode.*`, or `options={"start": ms}`);
        terminated when nothing can happen any more, truncated at the horizon. The plan of time 0
        is that of the scenario's allocation policy.
    Info: `arrivals, met, late, dropped, accuracy_met` per family of the last window, `illegal`,
        `action_mask` (all ones).
    Trace: any trace of the domain; a name or path is replayed in its training part (`part=`).
    Source and deviations: the action, observation and reward of the BLIS scheduler
        (github.com/sohaibahmad759/rl_scheduler), with a reset that resets, counts that can reach
        N_t, and no copy of the simulator for the default reward.
    Versions: v0.
    """

    def _spaces(self) -> tuple[spaces.Space, spaces.Space]:
        system, levels = self.system, self.scenario.options.qos.levels
        kinds, families = len(system.types), len(system.families)
        shape = (families + 1, 2 * levels * kinds + 2 * levels + 2)
        self.feature_names = self._names(levels)
        self._scale = self._scales(levels, shape)
        self._scratch: Engine | None = None
        return (spaces.Box(0.0, HIGHEST, shape, np.float32),
                spaces.MultiDiscrete([families, *(np.tile(system.count, levels) + 1)], np.int32))

    def _names(self, levels: int) -> list[str]:
        types = self.system.types
        return [*(f"devices/{t}/level{q}" for q in range(levels) for t in types),
                *(f"latency/{t}/level{q}" for q in range(levels) for t in types),
                *(f"{name}/level{q}" for q in range(levels) for name in ("requests", "missed")),
                "arrivals", "failed"]

    def _scales(self, levels: int, shape: tuple[int, int]) -> np.ndarray:
        most = np.tile(np.maximum(1, self.system.count), levels).astype(float)
        requests = self.scenario.options.env.request_scale
        scale = np.full(shape, requests)
        scale[:, :len(most)] = most
        scale[:, len(most):2 * len(most)] = LATENCY_SCALE
        return scale

    def _look(self) -> tuple[np.ndarray, np.ndarray]:
        raw = self._empty()
        self.engine.over_slices(steps.see_counts, raw)
        return self._scaled(raw), self._all_legal()

    def _empty(self) -> np.ndarray:
        return np.zeros((self.num_envs, *self.single_observation_space.shape))

    def _scaled(self, raw: np.ndarray) -> np.ndarray:
        self.raw_observation = raw
        return np.clip(raw / self._scale, 0.0, HIGHEST).astype(np.float32)

    def _all_legal(self) -> np.ndarray:
        return np.ones((self.num_envs, int(self.single_action_space.nvec.sum())), np.int8)

    def _act(self, actions: np.ndarray) -> np.ndarray:
        options, run = self.scenario.options.env, self.engine.block["run"]
        self.engine.over_slices(steps.act_counts, actions)
        ahead = self._look_ahead() if options.reward == "lookahead" else None
        due = run["turn"] == options.actions_per_window
        if due.any():
            self._simulate(due)
        return np.where(due, self._window_reward(), 0.0) if ahead is None else ahead

    def _window_reward(self) -> np.ndarray:
        family = self.engine.block["family"]
        failed = (family["late"] + family["dropped"]).sum(1)
        if self.scenario.options.env.normalise:
            return -failed / np.maximum(1, family["arrivals"].sum(1))
        return -failed.astype(float)

    def _look_ahead(self) -> np.ndarray:
        """Minus the failures until some further arrivals are handled, on a copy of the batch."""
        if self._scratch is None:
            self._scratch = Engine(self.system, self.engine.work, self.num_envs,
                                   self.engine.threads)
        self._scratch.restore(self.engine.snapshot())
        run = self._scratch.block["run"]
        failed = run["failed"].copy()
        run["code"], run["planned"] = READY, PLANNED
        run["budget"] = np.minimum(self.scenario.options.env.lookahead_requests,
                                   run["last"] - run["cursor"])
        self._scratch.run(self._no_log, np.full(self.num_envs, FAR))
        return (failed - run["failed"]).astype(float)


class BlisAccuracyEnv(ServingEnv):
    """A variant per device (`sched/BlisAccuracy-v0`).

    Problem: as `sched/Blis-v0`, with the choice that accuracy scaling makes: which device hosts
        which variant, so that deadlines are met with the most accurate answers?
    Decision: one action per window; it is committed at once and one window is simulated.
    Observation: a flat `Box(0, 1e6)` float32. Per family: arrivals per second / 100, ewma demand /
        100, met, late and dropped shares of what was resolved, mean accuracy of met / 100, queued
        / 100, age of the oldest queued request / allowance, peak rate of its ready devices / 100,
        of all its devices / 100. Per device: one-hot family, accuracy / 100, peak rate / 100,
        ready, time until it could start a batch / 1000 ms, queued / 100. Last: now / horizon.
    Action: `env.action: per_device`: `MultiDiscrete([V + 1] * D)`, V = none. `swap`:
        `Discrete(1 + D (V + 1))`: 0 keeps all, 1 + d (V + 1) + v gives device d variant v.
        Legal for a device: none, its present target, any variant that meets the allowance there.
    Reward: `request` (default): (w_slo * met + w_acc * sum of accuracy of met / 100) /
        request_scale - w_move * reallocations / D; over an episode it sums to the weighted SLO
        attainment and accuracy per request, times a constant. `window`: w_slo * met / resolved +
        w_acc * mean accuracy of met / 100 - w_move * reallocations / D.
    Episode, Info, Trace: as `sched/Blis-v0`; `action_mask` is per device and variant (for swaps
        after a leading 1), and in strict mode an illegal choice is an `ActionError`, else it is
        ignored and counted in `illegal`.
    Source and deviations: the accuracy-scaling problem of Proteus (Ahmad et al., ASPLOS 2024).
    Versions: v0.
    """

    def _spaces(self) -> tuple[spaces.Space, spaces.Space]:
        system = self.system
        families, values = len(system.families), len(system.variants) + 1
        width = FAMILY_FEATURES * families + (families + DEVICE_FEATURES) * system.devices + 1
        self.swap = self.scenario.options.env.action == "swap"
        self.feature_names = self._names()
        self._mask_width = system.devices * values + self.swap
        action = (spaces.Discrete(1 + system.devices * values) if self.swap
                  else spaces.MultiDiscrete([values] * system.devices, np.int32))
        return spaces.Box(0.0, HIGHEST, (width,), np.float32), action

    def _names(self) -> list[str]:
        system = self.system
        return [*(f"{f}/{n}" for f in system.families for n in FAMILY_NAMES),
                *(f"device{d}/{n}" for d in range(system.devices)
                  for n in (*(f"is_{f}" for f in system.families), *DEVICE_NAMES)), "elapsed"]

    def _look(self) -> tuple[np.ndarray, np.ndarray]:
        raw, mask = self._empty()
        self.engine.over_slices(steps.see_variants, raw, mask)
        return self._clipped(raw), mask

    def _empty(self) -> tuple[np.ndarray, np.ndarray]:
        return (np.zeros((self.num_envs, *self.single_observation_space.shape)),
                np.zeros((self.num_envs, self._mask_width), np.int8))

    def _clipped(self, raw: np.ndarray) -> np.ndarray:
        self.raw_observation = raw
        return np.clip(raw, 0.0, HIGHEST).astype(np.float32)

    def _act(self, actions: np.ndarray) -> np.ndarray:
        self.engine.over_slices(steps.act_variants, actions.reshape(self.num_envs, -1))
        self._simulate(np.ones(self.num_envs, bool))
        family, options = self.engine.block["family"], self.scenario.options.env
        met, accuracy = family["met"].sum(1), family["accuracy_met"].sum(1)
        moved = self.engine.block["run"]["window_reallocations"]
        price = options.w_move * moved / self.system.devices
        if options.reward != "window":
            earned = options.w_slo * met + options.w_acc * accuracy / 100
            return earned / options.request_scale - price
        resolved = met + (family["late"] + family["dropped"]).sum(1)
        mean = np.where(resolved == 0, 100.0, accuracy / np.maximum(1, met))
        attained = np.where(resolved == 0, 1.0, met / np.maximum(1, resolved))
        return options.w_slo * attained + options.w_acc * mean / 100 - price

    def _idle(self) -> np.ndarray | int:
        return 0 if self.swap else len(self.system.variants)

    def _check(self, actions: np.ndarray) -> None:
        """Strict mode: name the device and the variant that it cannot host."""
        values = len(self.system.variants) + 1
        for e, row in enumerate(actions.reshape(self.num_envs, -1)):
            places = row if self.swap else np.arange(len(row)) * values + row
            for place in places[self._mask[e, places] == 0]:
                device, variant = divmod(int(place) - self.swap, values)
                kind = self.system.device_type[device]
                if variant == values - 1 or self.system.hostable[kind, variant]:
                    continue        # a swap that changes nothing is masked, but no error
                raise ActionError(
                    f"device {device} ({self.system.types[kind]}) cannot host "
                    f"{self.system.variants[variant]} within the allowance", f"replica {e}",
                    "choose where action_mask is 1")


class Blis(SingleEnv):
    """One replica of `BlisEnv`."""

    vector = BlisEnv


class BlisAccuracy(SingleEnv):
    """One replica of `BlisAccuracyEnv`."""

    vector = BlisAccuracyEnv


Blis.__doc__, BlisAccuracy.__doc__ = BlisEnv.__doc__, BlisAccuracyEnv.__doc__
