"""What is learned on, and whether a configuration can work: all that comes before the learner."""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agents.schema import AgentConfig, TrainConfig
from agents.store import folder_name
from envs.core.errors import PolicyError, ScenarioError
from envs.core.files import REPOSITORY

CHECKPOINT = "checkpoint.safetensors"
OWN = ("name", "scenario", "trace", "episode_length", "steps", "options")   # keys of every `env`
# Keys that may differ between a run and its continuation.
FREE = {"resume", "steps", "minutes", "table", "all_baselines", "pictures", "save", "replace",
        "library", "debug", "checkpoint_s", "env_threads"}


@dataclass(frozen=True)
class Task:
    """What is learned on: everything that follows from the configuration before the learner."""

    domain: Any
    scenario: Any           # as evaluation gets it
    workload: Any
    options: dict[str, Any]         # under which the policy acts, wherever it acts
    extra: dict[str, Any]           # the user's own scenario options, which win
    episode_length: float | None    # in the domain's unit

    def make_env(self, num_envs: int, threads: int) -> Any:
        """The training batch: random starts in the training part."""
        told = self.domain.prepared(self.scenario, self.workload)
        return self.domain.training_env(told.merge(self.options).merge(self.extra), self.workload,
                                        self.episode_length, num_envs, threads)


def open_task(config: TrainConfig) -> Task:
    """Domain, scenario and workload of a configuration."""
    from agents.domains import domain

    env = dict(config.env)
    own = {key: env.pop(key, None) for key in OWN}
    options = {**(own["options"] or {}), "env": env}
    chosen = domain(own["name"])
    name = config.scenario or own["scenario"] or chosen.scenario_name
    trace = config.trace or own["trace"]
    scenario = chosen.load_on(trace, name, config.options)
    workload = chosen.open_workload(trace, scenario)
    return Task(chosen, scenario, workload, options, dict(config.options),
                _checked_length(own["episode_length"]))


def _checked_length(length: Any) -> float | None:
    if length is not None and not (isinstance(length, int | float) and length > 0):
        raise ScenarioError(f"{length!r} is no length of an episode", "env.episode_length",
                            "give a number above 0, or null")
    return length


def check(config: TrainConfig) -> None:
    """Mistakes that would otherwise show after minutes of training."""
    if not isinstance(config.agent, AgentConfig):
        raise PolicyError("no agent is given", "agent", "say agent=ppo")
    if config.save is not None:
        place = store_folder(config)
        if place.exists() and not config.replace:
            raise PolicyError("a policy of this name is stored already", str(place),
                              "choose another name or say replace=true")
    if config.library is not None:
        from agents.library.library import check_name

        check_name(config.env["name"], config.library)
    for key, least in (("seed", 0), ("windows", 1), ("validations", 1)):
        value = getattr(config, key)
        if value is not None and value < least:
            raise PolicyError(f"{value} is below {least}", key,
                              f"give an integer from {least} on")
    for key in ("steps", "minutes"):
        value = getattr(config, key)
        if value is not None and value <= 0:
            raise PolicyError(f"{value} is not above 0", key, "give a positive number or null")


def store_folder(config: TrainConfig) -> Path:
    """Where `save=NAME` goes."""
    return REPOSITORY / "saved_models" / config.env["name"] / folder_name(config.save)


def comparable(config: TrainConfig) -> dict[str, Any]:
    """The keys that decide what is learned, as JSON has them."""
    kept = {k: v for k, v in asdict(config).items() if k not in FREE}
    return _flat(kept)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        found |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def check_same(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """A run goes on only as what it was."""
    for key in sorted({*before, *now}):
        if before.get(key) != now.get(key):
            raise PolicyError(f"was {before.get(key)} when the run began, not {now.get(key)}", key,
                              "resume with the settings of the run, or start a new one")


def device_of(name: str) -> str:
    """`auto` takes a GPU if there is one."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise PolicyError("this machine has no usable GPU", "device", "say device=cpu")
    return name


def threads_of(given: int | None) -> int:
    """Threads of the simulator: as asked, else the cores at hand."""
    return given or len(os.sched_getaffinity(0))


def run_folder(root: Path, env: str, agent: str, seed: int, resume: bool) -> Path:
    """A new folder for a run, or the newest one of this env, agent and seed to go on with."""
    place = Path(root, env, agent)
    if resume:
        found = sorted(p.parent for p in place.glob(f"*_seed{seed}/{CHECKPOINT}"))
        if found:
            return found[-1]
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    for number in range(1, 1000):       # runs that start in the same second do not share a folder
        folder = place / (f"{stamp}_seed{seed}" if number == 1 else f"{stamp}-{number}_seed{seed}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
    raise PolicyError("every name is taken", str(place), "remove old runs")
