"""What a policy of one growing job is worth on another, before and after it learns there.

A row of a table: a policy learns the stages of `from` one after the other, each from the weights
that the last one left. It is saved, read back, and then

    zero-shot   plays the held-out windows of `to` as it is
    after n     has learned on `to` for n episodes; a new learner, so the entropy's weight is whole
                again, since a policy that has settled does not explore
    scratch     what a fresh network reaches in these n episodes
    to .9       episodes until its most probable actions are worth .9 (0 the mean of all sequences,
                1 the best) by the validation accuracy of the seeds that it learns on
"""
from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from agents import store
from agents.contenders import play
from agents.domains import Column, domain
from agents.learner import make_learner
from agents.networks import for_environment, registry_name
from agents.networks.acting import NetworkPolicy
from agents.schema import AgentConfig
from envs.core.errors import ScenarioError
from envs.core.files import write_whole

ENV = "net2net"
ROW = "row.json"
ENOUGH = 0.9            # of the way from the mean of all sequences to the best
COLUMNS = ("from", "to", "zero-shot", "after n", "scratch, n", "to .9", "scratch to .9", "n",
           "policy")


@dataclass
class TransferConfig:
    """`python scripts/transfer.py key=value ...`."""

    table: str = "transfer"             # its name
    scenario: str = "depth"             # name or path, under `options`
    options: dict[str, Any] = field(default_factory=dict)       # of all stages
    # {from: [stage, ...], to: stage}; a stage: scenario options, `name` and `episodes` of its own
    rows: list[Any] = field(default_factory=list)
    row: int = 0                        # which of them
    source_episodes: int = 30_000       # of each stage of `from`
    episodes: int = 6_000               # n, on `to`
    looks: int = 30                     # at the policy on the way, for `to .9`
    agent: Any = None                   # group: as in train.py
    seed: int = 0
    debug: bool = False                 # show tracebacks


class Learned(NamedTuple):
    """A policy after a stage, and its score by episodes on the way."""

    policy: NetworkPolicy
    looks: list[tuple[int, float]]

    @property
    def reached(self) -> int | None:
        """Episodes until it was good enough; None: it never was."""
        return next((episodes for episodes, score in self.looks if score >= ENOUGH), None)


@dataclass(frozen=True)
class Stage:
    """Where a policy learns."""

    name: str
    scenario: Any
    episodes: int

    @classmethod
    def of(cls, config: TransferConfig, given: Mapping[str, Any], episodes: int) -> Stage:
        """From a row of the configuration."""
        own = dict(given)
        name, count = own.pop("name", None), own.pop("episodes", episodes)
        scenario = domain(ENV).load_scenario(config.scenario, config.options).merge(own)
        cells = ", ".join(cell.name for cell in scenario.cells)
        return cls(name or cells, scenario, int(count))

    @cached_property
    def looked_at(self) -> Any:
        """The scenario on which learning is followed; None where that would cost trainings."""
        backend = self.scenario.options.backend
        if backend == "tabular":
            return self.scenario.merge({"evaluated": "tabular", "seed": "mean", "split": "train"})
        if backend == "parametric":
            return self.scenario.merge({"evaluated": "parametric", "noise": None, "vary": 0.0})
        return None


def fill(config: TransferConfig, place: Path, root: Path) -> None:
    """One row into `place`, and the table so far into `root`; the first row is printed with its
    heading."""
    torch.set_num_threads(1)
    found = transfer(config, root)
    write_whole(place / ROW, json.dumps(found, indent=1).encode())
    lines = table(root)
    write_whole(root / "table.md", "\n".join([*lines, ""]).encode())
    print(*(lines if len(lines) == 3 else [line([shown(found[c]) for c in COLUMNS])]), sep="\n")


def transfer(config: TransferConfig, root: Path) -> dict[str, Any]:
    """One row; policies of sources are kept in `root` for the other rows."""
    row = row_of(config)
    target = Stage.of(config, row["to"], config.episodes)
    sources = [Stage.of(config, given, config.source_episodes) for given in row["from"]]
    folder = policy_of(config, sources, root)
    found = {"from": " > ".join(s.name for s in sources), "to": target.name,
             "zero-shot": score(store.load(folder), target.scenario), "n": target.episodes,
             "policy": fingerprint(folder)}
    if target.episodes:
        tuned = learn(config, target, store.load(folder))
        fresh = learn(config, target, None)
        found |= {"after n": score(tuned.policy, target.scenario), "to .9": tuned.reached,
                  "scratch, n": score(fresh.policy, target.scenario),
                  "scratch to .9": fresh.reached}
    return {column: found.get(column) for column in COLUMNS}


def row_of(config: TransferConfig) -> Mapping[str, Any]:
    """The row that is asked for, checked."""
    if not 0 <= config.row < len(config.rows):
        raise ScenarioError(f"there are {len(config.rows)} rows", f"row={config.row}",
                            "count from 0")
    row, where = config.rows[config.row], f"rows[{config.row}]"
    if not isinstance(row, Mapping) or set(row) != {"from", "to"} or not row["from"]:
        raise ScenarioError("is no row", where, "write {from: [stage, ...], to: stage}")
    return row


def policy_of(config: TransferConfig, stages: Sequence[Stage], root: Path) -> Path:
    """The folder of the policy that has learned these stages in turn; it learns them once."""
    folder = root / "policies" / key_of(config, stages)
    if not folder.exists():
        before = policy_of(config, stages[:-1], root) if len(stages) > 1 else None
        start = None if before is None else store.load(before)
        learned = learn(config, stages[-1], start)
        store.save(folder, learned.policy, card=f"# {' > '.join(s.name for s in stages)}\n")
    return folder


def key_of(config: TransferConfig, stages: Sequence[Stage]) -> str:
    """A name that says all that decides a policy."""
    parts = [(s.scenario.identity, s.episodes) for s in stages]
    text = repr((parts, asdict(config.agent), config.seed))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def learn(config: TransferConfig, stage: Stage, start: NetworkPolicy | None) -> Learned:
    """A policy after the stage's episodes, from the weights of `start` or from nothing."""
    torch.manual_seed(config.seed)
    d, agent = domain(ENV), config.agent
    env = d.training_env(stage.scenario, d.open_workload(None, stage.scenario), None,
                         agent.num_envs, 1)
    name = registry_name(agent.network, ENV, env.single_action_space)
    network = fresh(name, env, agent) if start is None else deepcopy(start.network)
    network.start(env)
    steps = stage.episodes * stage.scenario.cells[0].depth_of_tree
    learner = make_learner(agent, env, network, seed=config.seed, steps=steps)
    policy = NetworkPolicy(network, name, name="transfer", env=ENV)
    looks, due = [], 0.0
    while True:
        if learner.steps >= due or learner.steps >= steps:
            looks += look(policy, stage, learner)
            due += steps / config.looks
        if learner.steps >= steps:
            env.close()
            return Learned(policy, looks)
        learner.update()


def fresh(name: str, env: Any, agent: AgentConfig) -> Any:
    """A network that knows nothing."""
    return for_environment(name, env, {} if agent.hidden is None else {"hidden": agent.hidden})


def look(policy: NetworkPolicy, stage: Stage, learner: Any) -> list[tuple[int, float]]:
    """Episodes so far and the score where it learns, if that is cheap to know."""
    if stage.looked_at is None:
        return []
    found = score(policy, stage.looked_at, domain(ENV).chosen_by, len(stage.scenario.cells))
    learner.network.start(learner.env)      # it was bound to what it was looked at on
    return [(learner.steps // stage.scenario.cells[0].depth_of_tree, found)]


def score(policy: NetworkPolicy, scenario: Any, column: Column | None = None,
          windows: int | None = None) -> float:
    """Mean of a column, the normalised score unless said, over the held-out windows."""
    d = domain(ENV)
    held_out = d.open_workload(None, scenario).part("test", windows)
    values = [d.metrics(play(d, policy, scenario, window, 0))[(column or d.main).metric]
              for window in held_out]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else math.nan


def fingerprint(folder: Path) -> str:
    """The start of the SHA-256 of a policy's weights."""
    return hashlib.sha256((folder / store.WEIGHTS).read_bytes()).hexdigest()[:12]


def table(root: Path) -> list[str]:
    """All rows below `root` so far, as Markdown."""
    paths = sorted(root.rglob(ROW), key=lambda p: (len(p.parent.name), p.parent.name))
    rows = [[shown(json.loads(path.read_text())[c]) for c in COLUMNS] for path in paths]
    return [line(COLUMNS), line(["---"] * 2 + ["---:"] * (len(COLUMNS) - 2)), *map(line, rows)]


def line(cells: Sequence[str]) -> str:
    """A row of Markdown."""
    return f"| {' | '.join(cells)} |"


def shown(value: Any) -> str:
    """A cell of the table; what is not known is a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
