"""What looks wrong in a scenario of growing networks, or has no effect."""
from __future__ import annotations

from collections.abc import Sequence

from envs.core.errors import SuiteError
from envs.core.findings import Finding
from envs.net2net.cells import PROFILES, Cell
from envs.net2net.options import Options
from envs.net2net.replay import Table
from envs.net2net.scenario import Scenario
from envs.net2net.theta import FittedSet, Noise, theta_for
from envs.net2net.tree import after

FEW = 20            # trained steps below which nothing is learnt
NEAR = 2.0          # ratio of budgets up to which a set speaks for a cell
MODEL = {"noise": Noise(), "vary": 0.0, "jump_grow": 0.0, "jump_undo": 0.02}


def of_options(scenario: Scenario, cells: Sequence[Cell]) -> list[Finding]:
    """Options that have no effect on the back-ends that are played."""
    options = scenario.options
    played = {options.backend, options.on_held_out}
    found = []
    if "parametric" not in played:
        found += [_idle(key, "is the parametric back-end's") for key, usual in MODEL.items()
                  if getattr(options, key) != usual]
    if options.seed == "mean" and "tabular" not in played:
        found.append(_idle("seed", "is the tabular back-end's"))
    if options.clock != "virtual" and "live" not in played:
        found.append(_idle("clock", "is the live back-end's"))
    return found + _of_gpus(options, cells, played)


def of_cell(scenario: Scenario, cell: Cell) -> list[Finding]:
    """A budget that is too short, actions that are masked from the start, a fit from afar."""
    options, network, found = scenario.options, cell.network, []
    steps = int(cell.budget_ms / network.step_ms(network.base, 1, options.profile))
    if steps < FEW:
        found.append(Finding(False, cell.name, f"the base network trains {steps} steps at most",
                             "give a larger budget"))
    masked = [action for action in range(1, cell.actions - (cell.action_set == "malleable"))
              if after(cell, (network.base,), action) is None]
    if len(masked) == cell.actions - 1:
        found.append(Finding(True, cell.name, "no action can grow the base network",
                             "start from a smaller one"))
    limit, size = options.max_parameters, network.parameters(network.base)
    if limit is not None and size > limit:
        found.append(Finding(True, "max_parameters", f"the base network of {cell.name} has {size}",
                             "give a larger limit"))
    return found + _of_fit(scenario, cell)


def of_table(scenario: Scenario, table: Table) -> list[Finding]:
    """What must be known of scores on a recording."""
    options, found = scenario.options, []
    if not table.apart:
        found.append(Finding(False, table.cell.name, "training and test are the same seeds "
                             f"({', '.join(map(str, table.seeds))})",
                             "scores there are not held out; record at least 4 seeds"))
    if not table.test_apart:
        found.append(Finding(False, table.cell.name, "its one accuracy serves as validation and "
                             "test", "differences within the order noise mean nothing"))
    if options.env.reward == "delta" and not table.measured:
        found.append(Finding(True, "reward", f"delta needs accuracies at decisions; "
                             f"{table.cell.name} has none", "use final"))
    if PROFILES.get(table.profile) != options.profile:
        found.append(Finding(False, table.cell.name, f"was recorded under profile {table.profile}, "
                             "which its step costs follow", "set profile to it to train alike"))
    return found


def _of_gpus(options: Options, cells: Sequence[Cell], played: set[str]) -> list[Finding]:
    timeline, longest = options.gpu_timeline, max(cell.budget_ms for cell in cells)
    found = []
    if played == {"tabular"} and timeline != ((0.0, 1),):
        found.append(_idle("gpu_timeline", "is not for recordings, which were made on one GPU"))
    late = [time for time, _ in timeline if time >= longest]
    if late:
        found.append(Finding(False, "gpu_timeline", f"the change at {late[0]:g} ms is after the "
                             f"largest budget ({longest:g})", "remove it"))
    if not any(gpus for time, gpus in timeline if time < min(c.budget_ms for c in cells)):
        found.append(Finding(True, "gpu_timeline", "the smallest budget ends without a GPU",
                             "let one come earlier"))
    return found


def _of_fit(scenario: Scenario, cell: Cell) -> list[Finding]:
    """A joint set, or one of another task, is used where the cell has none of its own."""
    if "parametric" not in (scenario.options.backend, scenario.options.on_held_out):
        return []
    try:
        found = theta_for(cell, scenario.thetas)
    except SuiteError as error:
        return [Finding(True, cell.name, error.what, error.remedy)]
    silent = scenario.options.noise == "shipped" and found.noise == Noise()
    noise = [Finding(False, cell.name, f"{found.name} has no noise", "give noise: {run, curve}")]
    return [*_of_set(cell, found), *(noise if silent else ()), *_of_end(scenario.options, cell)]


def _of_set(cell: Cell, found: FittedSet) -> list[Finding]:
    budgets = [row["budget_ms"] for row in found.fit.get("budgets", ()) if "budget_ms" in row]
    if cell.prior and not found.name.startswith(f"{cell.task}@") and found.name != cell.joint:
        return [Finding(False, cell.name, f"is modelled by the fit of {found.name}",
                        "record and fit it for scores of its own")]
    if budgets and not min(budgets) / NEAR <= cell.budget_ms <= NEAR * max(budgets):
        return [Finding(False, cell.name, f"{found.name} was fitted at "
                        f"{' and '.join(f'{b:g}' for b in budgets)} ms", "take it with caution")]
    return []


def _of_end(options: Options, cell: Cell) -> list[Finding]:
    """The learning rate falls with the clock, so the model pays for edits that overrun."""
    step_ms = cell.network.step_ms(cell.network.base, 1, options.profile)
    if cell.decisions[-1] + 2 * step_ms <= cell.budget_ms:      # the edit, and a step after it
        return []
    return [Finding(False, cell.name, "nothing can be trained after an edit at the last decision, "
                    "which the model rewards all the same", "decide earlier")]


def _idle(key: str, why: str) -> Finding:
    return Finding(False, key, f"no effect: it {why}", "remove it")
