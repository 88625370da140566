"""The few parameters of baselines, chosen on the validation windows.

Coordinate descent: one parameter at a time takes its best value from a small grid, the others
stay; a round without a change ends it. Scores come from the cache where they are known.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from agents.baselines.table import Baseline
from agents.contenders import RulesContender
from agents.domains import Domain, domain
from agents.evaluation.protocol import compare
from envs.core.errors import PolicyError, nearest
from envs.core.files import write_whole

Grid = Mapping[str, Sequence[Any]]      # dotted option -> values
Choice = dict[str, Any]                 # dotted option -> value


@dataclass(frozen=True)
class Tuned:
    """What was chosen for one baseline, and what it gained on the validation windows."""

    name: str
    choice: Choice
    before: float
    after: float


def tune(env: str, names: Iterable[str] | None, say: Callable[[str], None] = print,
         **settings: Any) -> list[Tuned]:
    """Tune the named baselines (None: all that have a grid); `settings` go to `compare`."""
    d = domain(env)
    names = list(d.grids if names is None else names)
    if not names:
        raise PolicyError("no baseline has parameters to tune", f"env={env}", "run test.py")
    for name in names:
        if name not in d.grids:
            raise PolicyError("has no parameters to tune", name, nearest(name, d.grids))
    found = []
    for name in names:
        found.append(_tune_one(d, name, d.grids[name], settings))
        say(f"{name}: {found[-1].before:.2f} -> {found[-1].after:.2f} {found[-1].choice}")
    return found


def _tune_one(d: Domain, name: str, grid: Grid, settings: Mapping[str, Any]) -> Tuned:
    choice: Choice = {}
    first = best = _score(d, name, choice, settings)
    changed = True
    while changed:
        changed = False
        for option, values in grid.items():
            for value in values:
                trial = {**choice, option: value}
                score = _score(d, name, trial, settings)
                if score > best:
                    choice, best, changed = trial, score, True
    sign = 1 if d.main.larger_is_better else -1
    return Tuned(name, choice, sign * first, sign * best)


def _score(d: Domain, name: str, choice: Choice, settings: Mapping[str, Any]) -> float:
    """The mean of the main metric, larger is better."""
    base = d.baselines()[name]
    trial = RulesContender(name, d.name, overrides=with_choice(base.overrides, choice))
    found = compare([trial], settings.get("scenario") or d.scenario_name, env=d.name,
                    part="validation", cached=True,
                    **{k: v for k, v in settings.items() if k != "scenario"})
    mean = float(found.scores(name).mean())
    return mean if d.main.larger_is_better else -mean


def with_choice(overrides: Mapping[str, Any], choice: Choice) -> dict[str, Any]:
    """Option overrides with dotted keys put in their places."""
    out = {k: dict(v) if isinstance(v, Mapping) else v for k, v in overrides.items()}
    for option, value in choice.items():
        block, _, key = option.partition(".")
        if key:
            out[block] = {**out.get(block, {}), **with_choice(out.get(block, {}), {key: value})}
        else:
            out[block] = value
    return out


def contenders(env: str, baselines: Mapping[str, Baseline],
               path: Path) -> dict[str, RulesContender]:
    """A contender per baseline, each tuned form (by the file) after its default form."""
    chosen, table = read(path), {}
    for name, b in baselines.items():
        table[name] = RulesContender(name, env, privileged=b.privileged, overrides=b.overrides,
                                     about=b.about)
        if name in chosen:
            table[f"{name}_tuned"] = RulesContender(
                f"{name}_tuned", env, about=f"{b.about}, tuned",
                overrides=with_choice(b.overrides, chosen[name]))
    return table


def write(path: Path, command: str, windows: str, found: Sequence[Tuned]) -> None:
    """The file that the table of baselines reads; what was not tuned this time stays."""
    content = {**_content(path), **{t.name: {
        "before": round(t.before, 4), "after": round(t.after, 4), "choice": t.choice}
        for t in found}}
    text = (f"# Last written by: {command}\n# The main metric before and after, on {windows}.\n"
            + yaml.safe_dump(content, sort_keys=False))
    write_whole(path, text.encode())


def read(path: Path) -> dict[str, Choice]:
    """Baseline -> chosen options, where they differ from the default."""
    return {name: t["choice"] for name, t in _content(path).items() if t["choice"]}


def _content(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
