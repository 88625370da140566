"""The comparison: every contender on the same held-out windows and seeds.

    from agents.evaluation import compare
    comparison = compare(["infaas", "proteus_tuned"], "zipf_exponential_x5")
    print(comparison.strongest, comparison.standings())
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from agents.contenders import Contender, SavedContender, choose
from agents.domains import Domain, domain
from agents.evaluation import cache
from agents.evaluation.standings import Comparison, Outcome
from envs.core.errors import PolicyError, ScenarioError
from envs.core.files import folder_to_write
from envs.core.records import write_records
from envs.core.workers import end_with_parent

Progress = Callable[[str, int, int], None]     # name of the contender, units done, units in all
BASELINES = "baselines"         # in place of a name: every baseline that makes sense here
RIVALS = "rivals"               # those of them that training measures itself against


@dataclass
class Plan:
    """What is compared on what; plain data, so that another process can do a part of it."""

    domain: str
    scenario: Any
    contenders: Sequence[Contender]
    windows: Sequence[Any]
    seeds: Sequence[int]
    records: Path | None = None
    label: str = ""
    part: str = "test"
    window_length: float | None = None
    lenient: bool = False           # nobody asked for these by name: one that cannot run is noted
    cached: bool = False            # baselines from the cache: metrics alone, no pictures

    def unit(self, contender: int, window: int) -> list[Outcome] | str:
        """One contender on one window under every seed, or why it was left out."""
        who, where = self.contenders[contender], self.windows[window]
        try:
            return [self._outcome(who, where, seed) for seed in self.seeds]
        except PolicyError as error:
            if self.lenient and who.kind == "policy":
                return f"{who.name} is left out: {error}"
            raise

    def _outcome(self, who: Contender, where: Any, seed: int) -> Outcome:
        name = cache.key(who, self.scenario, where, seed) if self.cached else None
        began, metrics, digest = time.perf_counter(), cache.read(name), None
        if metrics is None:
            warm_up(self.domain)        # or the first contender would seem slow
            began = time.perf_counter()
            run = who.run(self.scenario, [where], [seed])[0]
            metrics, digest = self._measured(who, where, seed, run)
            cache.write(name, metrics)
        return Outcome(who.name, where.name, seed, time.perf_counter() - began, metrics, digest)

    def _measured(self, who: Contender, where: Any, seed: int, run: Any) -> tuple[dict, Any]:
        d = domain(self.domain)
        if self.records:
            place = self.records / self.label / who.name / f"{_file_name(where.name)}_seed{seed}"
            for table, columns in d.records(run).items():
                write_records(place.with_name(f"{place.name}_{table}.parquet"), columns)
        return d.metrics(run), None if self.cached else d.digest(run)


def compare(contenders: Sequence[str | Contender] | None, scenario: Any, *, env: str = "blis",
            trace: Any = None, windows: int | None = None, window_length: float | None = None,
            seeds: Sequence[int] = (0,), options: Mapping[str, Any] | None = None,
            part: str = "test", load: float | None = None, devices: int | None = None,
            workers: int = 1, records: str | Path | None = None, label: str = "",
            cached: bool = False, lenient: bool = False,
            progress: Progress | None = None) -> Comparison:
    """Run contenders (names, `file.py:name`, objects; None: all saved and all baselines).

    `options` are scenario options that win over those of every contender; `load` is in the
    domain's unit, `devices` scales the cluster, `cached` takes known scores of baselines without
    running them, `lenient` notes policies that cannot act here instead of failing. With more than
    one worker, call it under `if __name__ == "__main__"`.
    """
    _check(windows, window_length, seeds, workers)
    d, options = domain(env), dict(options or {})
    if isinstance(scenario, str | Path):
        scenario = d.load_on(trace, scenario, options)
    workload = d.open_workload(trace, scenario)
    if devices is not None:
        scenario = d.with_devices(scenario, devices)
    if load is not None:
        workload = d.at_load(scenario, workload, load)
    length = window_length or d.window_length
    held_out = workload.part(part, windows or d.windows, length)
    told = d.prepared(scenario, workload)
    offered, left_out = d.offered(told, held_out)
    chosen = [c.with_options(d.options_of(c.name, options))
              for c in select(d, contenders, offered)]
    place = folder_to_write(Path(records)) if records else None
    plan = Plan(env, told, chosen, held_out, list(seeds), place, label, part, length,
                contenders is None or lenient, cached)
    notes = left_out if contenders is None or BASELINES in contenders else []
    return _gather(d, plan, workload.name, notes, _run(plan, workers, progress))


@lru_cache
def warm_up(name: str) -> None:
    """Compile and load the kernels of a domain, once in a process."""
    domain(name).warm_up()


def _check(windows: int | None, window_length: float | None, seeds: Sequence[int],
           workers: int) -> None:
    for key, value in (("windows", windows), ("window_length", window_length),
                       ("workers", workers)):
        if value is not None and not value > 0:
            raise ScenarioError(f"{value} is not above 0", key, "give a positive number")
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ScenarioError(f"{list(seeds)} are no seeds", "seeds",
                            "give at least one, none twice, none negative")


def select(d: Domain, wanted: Sequence[str | Contender] | None,
           offered: Sequence[Contender]) -> list[Contender]:
    """Contenders by name or as they are; None: every saved policy, then all that is offered."""
    table = {**d.baselines(), **{c.name: c for c in offered}}   # as they stand on this scenario
    saved = saved_policies(d)
    found = []
    for c in [*saved.values(), BASELINES] if wanted is None else wanted:
        if c == BASELINES:
            found += [b for b in offered if b not in found]
        elif c == RIVALS:
            here = {b.name: b for b in offered if not b.privileged}
            found += [here[name] for name in d.rivals if name in here]
        else:
            found.append(choose(c, table, saved, d.name) if isinstance(c, str) else c)
    names = [c.name for c in found]
    for name in names:
        if names.count(name) > 1:
            raise PolicyError("two contenders have this name", name, "rename one")
    return found


def saved_policies(d: Domain) -> dict[str, SavedContender]:
    """The policies that ship for this environment."""
    from agents.store import saved

    return {p.name: SavedContender(p.name, d.name, folder=p)
            for p in saved(d.saved_models.parent, d.saved_models.name)}


def _gather(d: Domain, plan: Plan, trace: str, notes: Sequence[str],
            results: Iterator[list[Outcome] | str]) -> Comparison:
    outcomes, notes = [], list(notes)
    for result in results:
        if isinstance(result, str):
            notes.append(result)
        else:
            outcomes.extend(result)
    if not outcomes:
        raise PolicyError("no contender could run", trace, "; ".join(notes) or "name a contender")
    _relate(d, outcomes)
    return Comparison(d, plan.scenario, trace, plan.contenders, plan.windows, plan.seeds,
                      outcomes, plan.part, plan.window_length, sorted(set(notes)))


def _relate(d: Domain, outcomes: Sequence[Outcome]) -> None:
    """Metrics that compare the contenders of a window and seed, side by side."""
    places: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for o in outcomes:
        places.setdefault((o.window, o.seed), {})[o.contender] = o.metrics
    for metrics in places.values():
        d.related(metrics)


def _run(plan: Plan, workers: int, progress: Progress | None) -> Iterator[list[Outcome] | str]:
    if not plan.cached:
        warm_up(plan.domain)            # once before several processes would each do it
    units = [(c, w) for w in range(len(plan.windows)) for c in range(len(plan.contenders))]
    done = _in_processes(plan, units, workers) if workers > 1 else (
        (c, plan.unit(c, w)) for c, w in units)
    for count, (c, result) in enumerate(done, 1):
        if progress:
            progress(plan.contenders[c].name, count, len(units))
        yield result


def _in_processes(plan: Plan, units: Sequence[tuple[int, int]],
                  workers: int) -> Iterator[tuple[int, list[Outcome] | str]]:
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _Worker.begin, (plan,))
    try:
        jobs = {pool.submit(_Worker.unit, c, w): c for c, w in units}
        for job in as_completed(jobs):
            yield jobs[job], job.result()
    except BrokenProcessPool:
        raise PolicyError("a worker process ended without a word (out of memory?)", "workers",
                          "say workers=1") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Worker:
    """What a spawned process keeps between units: the plan, and policies once loaded."""

    plan: Plan

    @classmethod
    def begin(cls, plan: Plan) -> None:
        end_with_parent()
        cls.plan = plan

    @classmethod
    def unit(cls, contender: int, window: int) -> list[Outcome] | str:
        return cls.plan.unit(contender, window)


def _file_name(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_.@" else "_" for c in text)
