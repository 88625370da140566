"""Whatever can be compared: a name and `run(scenario, windows, seeds) -> runs`.

Four adapters: option overrides of the scenario (`RulesContender`; a planner is one of them, by
`allocation.policy`), a learned policy in the environment (`PolicyContender`), a saved one
(`SavedContender`), the user's own file (`UserContender`). A baseline is a named `RulesContender`.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from agents import user_code
from agents.domains import domain
from envs.core.errors import PolicyError, nearest

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Contender:
    """Base of the adapters; `extra` are the caller's scenario options, which win over its own."""

    name: str
    domain: str
    kind: str = field(default="baseline", init=False)
    privileged: bool = field(default=False, kw_only=True)
    extra: Options = field(default_factory=dict, kw_only=True)

    def with_options(self, extra: Options) -> Contender:
        """The same contender under other routing, batching ... options."""
        return replace(self, extra=extra)

    def run(self, scenario: Any, windows: Sequence[Any], seeds: Sequence[int]) -> list[Any]:
        """One run for each window and, inside, for each seed."""
        return [self.run_one(scenario, w, s) for w in windows for s in seeds]

    def run_one(self, scenario: Any, window: Any, seed: int) -> Any:
        """One run on one window."""
        raise NotImplementedError


@dataclass(frozen=True)
class RulesContender(Contender):
    """The domain's own rules and planners, chosen by option overrides, at kernel speed."""

    overrides: Options = field(default_factory=dict)
    about: str = ""

    def run_one(self, scenario: Any, window: Any, seed: int) -> Any:
        """Replay the window under the scenario with the overrides."""
        d = domain(self.domain)
        own = d.configured(scenario, self.overrides, self.extra, window.trace)
        return d.simulate(own, window.trace, d.seed_of(window, seed))


@dataclass(frozen=True)
class PolicyContender(Contender):
    """A policy that acts in the domain's environment, with its most probable actions."""

    policy: Any = None
    kind: str = field(default="policy", init=False)

    def run_one(self, scenario: Any, window: Any, seed: int) -> Any:
        """Act until the window is over."""
        scenario = scenario.merge(self.policy.options).merge(self.extra)
        return play(domain(self.domain), self.policy, scenario, window, seed)


@dataclass(frozen=True)
class SavedContender(Contender):
    """A policy of `saved_models/`, loaded when it first runs (also in another process)."""

    folder: Path = Path()
    kind: str = field(default="policy", init=False)

    @cached_property
    def policy(self) -> Any:
        """The policy; a defect of its files is a `PolicyError`."""
        from agents.store import load

        policy = load(self.folder)
        if policy.env != self.domain:
            raise PolicyError(f"a policy for env={policy.env}", str(self.folder),
                              f"say env={policy.env}, or choose a policy for {self.domain}")
        return policy

    def run_one(self, scenario: Any, window: Any, seed: int) -> Any:
        """Act until the window is over."""
        inner = PolicyContender(self.name, self.domain, policy=self.policy, extra=self.extra)
        return inner.run_one(scenario, window, seed)


@dataclass(frozen=True)
class UserContender(Contender):
    """`file.py:name`: a policy with `act`, what the domain takes for a planner, or a compiled
    `@policy`. A class is made anew for every run. Its `options` are scenario options of its own."""

    reference: str = ""
    acting: Options = field(default_factory=dict)   # options under which a policy acts
    kind: str = field(default="user", init=False)

    @cached_property
    def loaded(self) -> tuple[Any, Path]:
        """The user's object and its file."""
        return user_code.load(self.reference)

    def run_one(self, scenario: Any, window: Any, seed: int) -> Any:
        """Run it as what it is."""
        return _run_user(self, scenario, window, seed)


def _run_user(contender: UserContender, scenario: Any, window: Any, seed: int) -> Any:
    d, (thing, path) = domain(contender.domain), contender.loaded

    def guard() -> AbstractContextManager:
        return user_code.blame(path)

    own = scenario.merge(_own_options(d, thing, path)).merge(contender.extra)
    told = d.seed_of(window, seed)
    if d.is_compiled(thing):
        return d.simulate_compiled(own, window.trace, told, thing)
    if callable(getattr(thing, "act", None)):
        with guard():
            policy = thing() if isinstance(thing, type) else thing
        scenario = scenario.merge(contender.acting).merge(_own_options(d, policy, path))
        return play(d, policy, scenario.merge(contender.extra), window, seed, guard)
    if d.is_planned(thing):
        return d.simulate_planned(own, window.trace, told, thing, guard)
    raise PolicyError(f"{type(thing).__name__} is no contender", str(path),
                      d.user_forms)


def _own_options(d: Any, thing: Any, path: Path) -> Options:
    """Scenario options that a user's object brings; a planner may have others of that name."""
    found = getattr(thing, "options", {})
    if isinstance(found, list | tuple | str):
        raise PolicyError(f"options = {found!r} is no mapping", str(path),
                          'write options = {"preempt": "strict"}')
    found = found if isinstance(found, Mapping) else {}
    for key in found:
        if d.own_options is not None and key not in d.own_options:
            raise PolicyError(f"options: {key} is the scenario's", str(path),
                              "a contender may bring: " + ", ".join(d.own_options))
    return found


def play(d: Any, policy: Any, scenario: Any, window: Any, seed: int,
         guard: Callable[[], AbstractContextManager] = nullcontext) -> Any:
    """One episode over the whole window; the record of what happened."""
    env = d.make_env(scenario, window.trace)
    observation, info = env.reset(seed=[d.seed_of(window, seed)])
    with guard():
        if hasattr(policy, "start"):
            policy.start(env)
    over, seconds = False, []
    while not over:
        began = time.perf_counter()
        with guard():
            action = policy.act(observation, info["action_mask"])
        seconds.append(time.perf_counter() - began)
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated[0] or truncated[0]
    return d.played(env.run_of(0), seconds)


def choose(name: str, table: Mapping[str, Contender], saved: Mapping[str, Contender],
           domain_name: str) -> Contender:
    """A contender by name: a baseline, a saved policy, or the user's `file.py:name`."""
    if name in table:
        return table[name]
    if name in saved:
        return saved[name]
    if ".py:" in name:
        return UserContender(name.rpartition(":")[2], domain_name, reference=name)
    made = domain(domain_name).named(name)
    if made is not None:
        return made
    raise PolicyError("no such contender", name, nearest(name, [*table, *saved]))
