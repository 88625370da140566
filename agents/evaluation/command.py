"""What `test.py` does: contenders and points of a sweep in, table, files and pictures out."""
from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from agents.contenders import Contender, SavedContender, UserContender
from agents.domains import Domain, Point, Sweep, domain
from agents.evaluation import report
from agents.evaluation.protocol import BASELINES, Progress, compare, saved_policies, select
from agents.evaluation.settings import TestConfig
from agents.evaluation.standings import Comparison, joined
from envs.core.errors import PolicyError, ScenarioError, nearest
from envs.core.files import path_of, write_whole

OWN = ("name", "scenario", "trace", "episode_length", "steps", "options")   # no scenario options


def evaluate(config: TestConfig, folder: Path) -> dict[str, Comparison]:
    """Compare as the configuration says; results.csv, report.html and PNGs go to `folder`."""
    d = domain(config.env.get("name", "blis"))
    if config.backend is not None:
        config = replace(config, options={**d.on_backend(config.backend), **config.options})
    chosen = contenders(config, d)
    swept = sweep(config, d)
    found = {}
    with bar() as progress:
        for label, point in swept.points.items():
            windows = swept.windows if config.windows is None else config.windows
            change = {"windows": windows, **point.change}
            found[label] = _compared(config, d, chosen, label, change, progress)
    write(config, folder, found, swept)
    return found


def _compared(config: TestConfig, d: Domain, chosen: list[Contender | str] | None, label: str,
              change: Mapping[str, Any], progress: Progress) -> Comparison:
    usual = {"scenario": _scenario(config, d), "trace": _trace(config),
             "window_length": config.window_length, "seeds": config.seeds}
    return compare(chosen, env=d.name, options=config.options, part=config.part,
                   workers=config.workers or cores(), records=config.records, label=label,
                   progress=progress, **{**usual, **change})


def _scenario(config: TestConfig, d: Domain) -> str:
    return config.scenario or config.env.get("scenario") or d.scenario_name


def _trace(config: TestConfig) -> str | None:
    return config.trace or config.env.get("trace")


def contenders(config: TestConfig, d: Domain) -> list[Contender | str] | None:
    """Those that were named, next to the baselines; None: everything there is."""
    names = [*([config.policy] if config.policy else []), *config.policies]
    users = [config.contender] if config.contender else []
    if not names and not users and not config.contenders and not config.library:
        return None
    found = [saved_policy(name, d) for name in names]
    if config.library:
        from agents.library.contending import contenders as of_library

        found += of_library(config.library, d.name)
    named = [c for c in config.contenders if c != BASELINES]
    found += select(d, [*users, *named], ())
    alone = config.contenders or config.backend is not None
    everybody = not alone or BASELINES in config.contenders
    return [*(acting(c, config.env) for c in found), *([BASELINES] if everybody else [])]


def saved_policy(name: str, d: Domain) -> Contender:
    """A saved policy by its name under `saved_models/` or by its folder; or a baseline."""
    known, baseline = saved_policies(d), d.baselines().get(name) or d.named(name)
    if name in known or baseline is not None:
        return known.get(name) or baseline
    place = path_of(name)
    if not place.is_dir():
        hint = nearest(name, known) if known else f"none is saved for env={d.name}"
        raise PolicyError("no such saved policy", name, f"{hint} (or give the folder of one)")
    return SavedContender(place.resolve().name, d.name, folder=place.resolve())


def acting(contender: Contender, env: Mapping[str, Any]) -> Contender:
    """A user's policy acts under the rules that the environment's configuration names."""
    if not isinstance(contender, UserContender):
        return contender
    block = {k: v for k, v in env.items() if k not in OWN}
    return replace(contender, acting={**(env.get("options") or {}), "env": block})


def sweep(config: TestConfig, d: Domain) -> Sweep:
    """The points that are compared; one without a label where nothing is swept."""
    if config.part not in ("test", "validation"):
        raise ScenarioError(f'"{config.part}" is no held-out part', "part",
                            nearest(config.part, ("test", "validation")))
    given = [key for key in ("loads", "devices", "suite") if getattr(config, key)]
    if len(given) > 1:
        raise ScenarioError(f"{len(given)} things are swept", ", ".join(given),
                            "sweep one at a time")
    for key in ("loads", "devices"):
        values = getattr(config, key)
        if not all(0 < v < 1e6 for v in values) or len(set(values)) < len(values):
            raise ScenarioError(f"{values} are no points of a sweep", key,
                                "give different numbers above 0 and below 1e6")
    if config.suite is not None:
        scenario = d.load_scenario(_scenario(config, d), config.options)
        return d.suite(config.suite, scenario, d.open_workload(_trace(config), scenario))
    if config.library and config.scenario is None and not given:
        from agents.library.contending import points

        return points(config.library, d.name, config.options)
    if config.loads:
        return Sweep({f"load {x:g}": Point({"load": x}, x) for x in sorted(config.loads)},
                     d.load_axis)
    if config.devices:
        return Sweep({f"{n} devices": Point({"devices": n}, n) for n in sorted(config.devices)},
                     "devices")
    return Sweep()


def write(config: TestConfig, folder: Path, found: Mapping[str, Comparison],
          swept: Sweep) -> None:
    """Print the tables, then write what stays."""
    points = list(found.items())
    whole = points[0][1] if len(points) == 1 else joined(found)
    if len(points) > 1:
        report.print_table(report.sweep_table(found))
    tables = report.printed_tables(whole, "all points" if len(points) > 1 else "")
    for table in [*tables, *whole.domain.printed(whole)]:
        report.print_table(table)
    write_whole(folder / "results.csv", report.results_csv(found).encode())
    print(f"results: {folder / 'results.csv'}")
    if config.report:
        page = write_page(config, folder, found, whole, swept)
        print(f"report:  {page}")


def write_page(config: TestConfig, folder: Path, found: Mapping[str, Comparison],
               whole: Comparison, swept: Sweep) -> Path:
    """The HTML page with full tables, the pictures of the first point and of the sweep."""
    d, (label, first) = whole.domain, next(iter(found.items()))
    tables = [report.standings_table(c, label, brief=False) for label, c in found.items()]
    pictures = d.figures(first)
    if len(found) > 1:
        tables = [report.sweep_table(found), report.standings_table(whole, "all points", False),
                  *tables]
        pictures = [*report.sweep_pictures(swept, found), *pictures]
    tables += d.facts(whole)
    about = {"scenario": yaml.safe_dump(_plain(first.scenario.config), sort_keys=False),
             "configuration": yaml.safe_dump(_plain(asdict(config)), sort_keys=False),
             "versions": report.versions()}
    heading = f"{d.env_id}: {first.scenario.name}" + (f", {label}" if label else "")
    return report.write_report(folder, heading, tables, pictures, about)


def cores() -> int:
    """Cores at hand, at most four workers: each holds the windows in memory."""
    return min(4, len(os.sched_getaffinity(0)))


@contextmanager
def bar() -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, disable=not console.is_terminal, transient=True) as drawn:
        task = drawn.add_task("comparing", total=None)

        def progress(name: str, done: int, total: int) -> None:
            drawn.update(task, description=name, completed=done, total=total)

        yield progress


def _plain(value: Any) -> Any:
    """What YAML can write: mappings, lists, numbers and text; a long table by its length."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value] if len(value) <= 40 else f"{len(value)} entries"
    return value if isinstance(value, int | float | str | None) else str(value)
