"""What holds between cells and options: one tree, a budget that trains, a back-end that can."""
from __future__ import annotations

from envs.core.errors import ScenarioError, ranked
from envs.net2net.cells import TASKS, Cell
from envs.net2net.options import Options
from envs.net2net.theta import read_thetas, theta_for

MOST_STEPS, NODES = 1e12, 2**62


def check_cells(options: Options, cells: tuple[Cell, ...]) -> None:
    """Raise `ScenarioError` where cells and options do not go together."""
    first = cells[0]
    for cell in cells:
        if (cell.actions, cell.depth_of_tree) != (first.actions, first.depth_of_tree):
            raise ScenarioError(
                f"{cell.name} has {cell.actions} actions and {cell.depth_of_tree} decisions, "
                f"{first.name} {first.actions} and {first.depth_of_tree}", "cells",
                "use one environment each")
        _check_tree(cell)
        _check_budget(options, cell)
        _check_played(options, cell)


def _check_budget(options: Options, cell: Cell) -> None:
    """At least one step fits, and not more than can be counted."""
    step_ms = cell.network.step_ms(cell.network.base, 1, options.profile)
    if cell.budget_ms < step_ms:
        raise ScenarioError(f"{cell.budget_ms} is less than one step of the base network "
                            f"({step_ms:.4g})", "budget_ms")
    fastest = min(cell.network.step_ms(cell.network.base, max(1, gpus), options.profile)
                  for _, gpus in options.gpu_timeline)
    if cell.budget_ms > MOST_STEPS * fastest:
        raise ScenarioError(f"a step takes {fastest:.3g} ms, which are more than {MOST_STEPS:.0e} "
                            f"steps of {cell.name}", "profile", "give larger o, l or m")


def _check_tree(cell: Cell) -> None:
    """Numbers of nodes are integers of 64 bits."""
    if cell.actions ** (cell.depth_of_tree + 1) >= NODES:
        raise ScenarioError(f"{cell.name} has too many sequences ({cell.actions} actions, "
                            f"{cell.depth_of_tree} decisions)", "cells", "take fewer decisions")


def _check_played(options: Options, cell: Cell) -> None:
    played = (options.backend, options.on_held_out)
    if cell.published and played != ("tabular", "tabular"):
        raise ScenarioError(f"{cell.name} is a published table, which backend tabular plays",
                            "backend", "set backend: tabular")
    if cell.published and options.env.reward == "delta":
        raise ScenarioError("delta needs accuracies at decisions",
                            "reward", f"{cell.name} has none, use final")
    if "tabular" in played and not options.tables:
        raise ScenarioError("backend tabular needs recordings", "tables",
                            "write tables: [recorded], or the path of a folder")
    if "parametric" in played:
        theta_for(cell, read_thetas(options.theta))
    if "live" in played:
        _check_data(cell)


def _check_data(cell: Cell) -> None:
    """A live training needs the data of its task, in the form that the network takes."""
    if cell.task not in TASKS:
        raise ScenarioError(f'no data of task "{cell.task}" to train on', "cells",
                            ranked(cell.task, TASKS))
    usual, given = TASKS[cell.task].network, cell.network
    if (given.hw, given.cin, given.classes) != (usual.hw, usual.cin, usual.classes):
        raise ScenarioError(f"the data of {cell.task} are {usual.hw[0]}x{usual.hw[1]}x{usual.cin} "
                            f"in {usual.classes} classes", "cells", "give the network these")
