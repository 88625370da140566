"""Both environments of section 10; observations in float64 and before the scaling of 10.1."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .allocation import Allocator, Pending
from .demand import ewma
from .entities import Plan, Window
from .rng import EPISODE, GOLDEN, mix, uniform
from .routing import base_time
from .run import bind
from .simulator import Simulator
from .system import total


@dataclass
class Step:
    """What an environment answers."""

    observation: list
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    mask: list[int] = field(default_factory=list)
    window: Window | None = None


class Environment:
    """An episode: a part of the trace, and one simulated window after another."""

    def __init__(self, config: Mapping, rows: Sequence):
        self.system, self.rows = bind(config, rows), rows
        self.options, self.env = self.system.options, self.system.options.env

    def reset(self, seed: int, episode: int = 0) -> Step:
        """Episode number `episode` after a seeded reset; `seed` is the 64-bit number."""
        if episode:
            seed = mix(seed + GOLDEN * episode)
        rows = self._episode(seed)
        self.sim = Simulator(self.system, rows, seed)
        Allocator(self.system, self.rows, seed).start(self.sim)
        self.last: Window | None = None
        self._begin()
        return Step(self.observe(), mask=self.mask())

    def _begin(self) -> None:
        """What a new episode sets up."""

    def _episode(self, seed: int) -> list[list]:
        length, start = self.options.horizon_ms, self.options.episode.start_ms
        if self.options.episode.random_start:
            start = self._random_start(seed, length)
        end = math.inf if length is None else start + length
        return [[r[0] - start, *r[1:]] for r in self.rows if start <= r[0] < end]

    def _random_start(self, seed: int, length: float) -> float:
        window = self.options.window_ms
        m = max(0, math.floor((self.rows[-1][0] - length) / window))
        return window * math.floor(uniform(seed, EPISODE, 0) * (m + 1))

    def _window(self, plan: Plan) -> Window:
        self.sim.commit(plan)
        self.sim.run_window()
        self.last = self.sim.windows[-1]
        return self.last

    def _step(self, reward: float, window: Window | None) -> Step:
        """The answer to an action; `window` if one was simulated by it."""
        terminated = window is not None and self.sim.idle
        horizon = self.options.horizon_ms
        ended = window is not None and horizon is not None and self.sim.now >= horizon
        return Step(self.observe(), reward, terminated, ended and not terminated, self.mask(),
                    window)

    def observe(self) -> list:
        """What the agent sees."""
        raise NotImplementedError

    def mask(self) -> list[int]:
        """Which actions are legal."""
        raise NotImplementedError


class BlisEnvironment(Environment):
    """10.1: an action sets the target counts of one family on the pending plan."""

    def _begin(self) -> None:
        self.pending, self.actions = Pending.of(self.sim), 0

    def step(self, action: Sequence[int]) -> Step:
        """One action; the last one of a window commits the pending plan and simulates."""
        family, counts = action[0], list(action[1:])
        types = len(self.system.types)
        levels = [counts[i:i + types] for i in range(0, len(counts), types)]
        self.pending.set_counts(family, levels)
        self.actions += 1
        reward = self._lookahead() if self.env.reward == "lookahead" else 0.0
        if self.actions < self.env.actions_per_window:
            return self._step(reward, None)
        window = self._window(self.pending.plan())
        self._begin()
        if self.env.reward != "lookahead":
            reward = self._window_reward(window)
        return self._step(reward, window)

    def _window_reward(self, window: Window) -> float:
        failed = sum(window.late) + sum(window.dropped)
        return -failed / max(1, sum(window.arrivals)) if self.env.normalise else -failed

    def _lookahead(self) -> float:
        """Minus the requests that fail until some more have arrived, if the plan were committed."""
        sim = self.sim.copy()
        sim.commit(self.pending.plan())
        last = min(sim.cursor + self.env.lookahead_requests, len(sim.requests))
        while sim.cursor < last:
            sim.step()
        return -(sum(sim.window.late) + sum(sim.window.dropped))

    def observe(self) -> list:
        """A row per family and one for the free devices."""
        system = self.system
        rows = [self._row(k) for k in range(len(system.families))]
        free = [len(self.pending.free(t)) for t in system.types]
        return [*rows, free + [0] * (2 * len(free) * system.levels + 2 * system.levels + 2
                                     - len(free))]

    def _row(self, k: int) -> list:
        system, levels, types = self.system, range(self.system.levels), self.system.types
        devices = [len(self.pending.hosting(k, t, q)) for q in levels for t in types]
        latency = [self._default_latency(k, t) for _ in levels for t in types]
        last = self.last or Window(len(system.families), system.levels, len(self.sim.devices))
        missed = [n for q in levels for n in (last.requests[k][q], last.missed[k][q])]
        return [*devices, *latency, *missed, last.arrivals[k], last.late[k] + last.dropped[k]]

    def _default_latency(self, k: int, t: int) -> float:
        default = self.system.default[k][t]
        return 0 if default is None else self.system.pairs[t][default].latency[1]

    def mask(self) -> list[int]:
        """Everything is legal."""
        system = self.system
        parts = [len(system.families)] + [n + 1 for _ in range(system.levels) for n in system.count]
        return [1] * sum(parts)


class AccuracyEnvironment(Environment):
    """10.2: an action chooses the variant of every device, or of one."""

    def step(self, action: Sequence[int] | int) -> Step:
        """Commit the targets and simulate a window."""
        targets = [d.target for d in self.sim.devices]
        for device, value in self._changes(action):
            targets[device] = None if value == len(self.system.variants) else value
        window = self._window(Plan(targets))
        return self._step(self._reward(window), window)

    def _changes(self, action: Sequence[int] | int) -> list[tuple[int, int]]:
        if self.env.action == "per_device":
            return list(enumerate(action))
        return [divmod(action - 1, len(self.system.variants) + 1)] if action else []

    def _reward(self, window: Window) -> float:
        moves = self.env.w_move * window.realloc / len(self.sim.devices)
        met, accuracy = sum(window.met), total(window.accuracy_met)
        if self.env.reward == "window":
            resolved = met + sum(window.late) + sum(window.dropped)
            attained = met / resolved if resolved else 1
            mean = (accuracy / met if met else 0) if resolved else 100
            return self.env.w_slo * attained + self.env.w_acc * mean / 100 - moves
        gain = self.env.w_slo * met + self.env.w_acc * accuracy / 100
        return gain / self.env.request_scale - moves

    def mask(self) -> list[int]:
        """Legal values per device; for `swap` only those that change something, and keep."""
        swap, none = self.env.action == "swap", len(self.system.variants)
        bits = [1] if swap else []
        for d in self.sim.devices:
            present = none if d.target is None else d.target
            for v in range(none + 1):
                valid = v in (none, present) or self.system.hostable(d.index, v)
                bits.append(int(valid and not (swap and v == present)))
        return bits

    def observe(self) -> list:
        """Families, then devices, then the time."""
        horizon = self.options.horizon_ms
        values = [x for k in range(len(self.system.families)) for x in self._family(k)]
        values += [x for d in self.sim.devices for x in self._device(d)]
        return [*values, self.sim.now / horizon if horizon else 0]

    def _family(self, k: int) -> list[float]:
        slo, sim, w = self.system.slo[k], self.sim, self.last
        queued = [r for d in sim.devices for r in d.queue if r.family == k]
        mine = [d for d in sim.devices if d.target is not None
                and self.system.variants[d.target].family == k]
        age = sim.now - min(r.arrival for r in queued) if queued else 0
        return [*self._demand(k), *(_shares(w, k) if w else (1, 0, 0)),
                w.accuracy_met[k] / w.met[k] / 100 if w and w.met[k] else 0,
                len(queued) / 100, age / slo,
                total(d.pair.peak for d in mine if d.ready) / 100,
                total(d.pair.peak for d in mine) / 100]

    def _demand(self, k: int) -> tuple[float, float]:
        """Arrivals per second of the last window, and smoothed over the windows so far."""
        o, per_second = self.options.allocation.demand, 1000 / self.options.window_ms
        counts = [w.arrivals[k] for w in self.sim.windows]
        if not counts:
            return 0, 0
        return counts[-1] * per_second / 100, ewma(counts[-o.span:], o.com) * per_second / 100

    def _device(self, d) -> list[float]:
        one_hot = [0] * len(self.system.families)
        if d.target is None:
            rest = d.batch_end - self.sim.now if d.running is not None else 0
            return [*one_hot, 0, 0, 0, rest / 1000, 0]
        variant = self.system.variants[d.target]
        one_hot[variant.family] = 1
        return [*one_hot, variant.accuracy / 100, d.pair.peak / 100, int(d.ready),
                (base_time(self.sim, d) - self.sim.now) / 1000, len(d.queue) / 100]


def _shares(w: Window, k: int) -> tuple[float, float, float]:
    resolved = w.met[k] + w.late[k] + w.dropped[k]
    if not resolved:
        return 1, 0, 0
    return w.met[k] / resolved, w.late[k] / resolved, w.dropped[k] / resolved
