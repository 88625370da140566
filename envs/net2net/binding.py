"""From scenarios to what the kernels play: common rules, and cells with their model or table."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from envs.core.errors import ScenarioError
from envs.net2net.cells import PROFILES, Cell
from envs.net2net.leaves import mean_of
from envs.net2net.model import Setup
from envs.net2net.system import ALWAYS_ONE, Job, Rules, System, bind
from envs.net2net.theta import FittedSet, Noise, read_thetas, theta_for

if TYPE_CHECKING:
    from envs.net2net.cases import Case
    from envs.net2net.replay import Table
    from envs.net2net.scenario import Scenario


def bind_cells(scenario: Scenario, backend: str, cells: Sequence[Cell],
               tables: Sequence[Table | None]) -> System:
    """The system of a batch on one back-end; raises `ScenarioError` where it cannot play."""
    jobs = [_job(scenario, backend, cell, table)
            for cell, table in zip(cells, tables, strict=True)]
    return bind(_rules(scenario, backend, tables), jobs)


def setup_of(scenario: Scenario, case: Case) -> Setup:
    """A case under the model, without noise; its parameters vary where the model is played."""
    options = scenario.options
    fitted = fitted_of(scenario, case.cell)
    return Setup(case.cell, fitted.theta, options.gpu_timeline, options.profile,
                 options.jump_grow, options.jump_undo,
                 vary=options.vary if case.backend == "parametric" else 0.0,
                 max_parameters=options.max_parameters)


def fitted_of(scenario: Scenario, cell: Cell) -> FittedSet:
    """The parameter set that speaks for a cell."""
    return theta_for(cell, read_thetas(scenario.options.theta))


def noise_of(scenario: Scenario, fitted: FittedSet) -> Noise:
    """The noise that the model plays with."""
    given = scenario.options.noise
    return fitted.noise if given == "shipped" else given


def maybe_fitted(scenario: Scenario, cell: Cell) -> FittedSet | None:
    """The same; None where there is none."""
    try:
        return fitted_of(scenario, cell)
    except ScenarioError:
        return None


def _rules(scenario: Scenario, backend: str, tables: Sequence[Table | None]) -> Rules:
    """What the options say of all cells; recordings were made on one GPU of their own profile."""
    options, env = scenario.options, scenario.options.env
    timeline, profile = options.gpu_timeline, options.profile
    if backend == "tabular":
        _check_tables(scenario, tables)
        timeline, profile = ALWAYS_ONE, PROFILES[tables[0].profile]
    return Rules(backend, timeline, profile, options.jump_grow, options.jump_undo, options.vary,
                 options.max_parameters, env.reward, env.gpu_cost, env.show_task)


def _check_tables(scenario: Scenario, tables: Sequence[Table | None]) -> None:
    """What recordings cannot do."""
    options = scenario.options
    if options.max_parameters is not None:
        raise ScenarioError("recordings know no limit", "max_parameters",
                            "use backend parametric or live, or leave it out")
    profiles = sorted({table.profile for table in tables})
    if len(profiles) > 1:
        raise ScenarioError(f"tables of profiles {' and '.join(profiles)}", "cells",
                            "use one environment each")
    for table in tables:
        if options.env.reward == "delta" and not table.measured:
            raise ScenarioError(f"delta needs accuracies at decisions; {table.cell.name} has none",
                                "reward", "use final")


def _job(scenario: Scenario, backend: str, cell: Cell, table: Table | None) -> Job:
    if backend == "tabular":
        return Job(cell, table=table)
    fitted = fitted_of(scenario, cell) if backend == "parametric" else maybe_fitted(scenario, cell)
    if fitted is None:
        return Job(cell, table=table)
    noise = noise_of(scenario, fitted) if backend == "parametric" else Noise()
    return Job(cell, fitted.theta, noise, table)


def mean_table(table: Table, part: str) -> Table:
    """A table of one row: means over the seeds of a part."""
    rows = list(table.split[part])
    nodes, leaves = (records[:1].copy() for records in (table.nodes, table.leaves))
    for mean, records in ((nodes, table.nodes), (leaves, table.leaves)):
        for name in records.dtype.names:
            mean[name][0] = mean_of(records[name][rows], 0)
    return replace(table, seeds=(-1,), split=dict.fromkeys(table.split, (0,)), nodes=nodes,
                   leaves=leaves)
