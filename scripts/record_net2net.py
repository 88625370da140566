"""Record every action sequence of table cells of net2net by really training; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from envs.core.arguments import command, key
from envs.core.errors import SuiteError
from envs.core.files import REPOSITORY
from envs.core.options import as_number
from envs.net2net.cells import FRACTIONS, Cell, amount, cell_of

SHIPPED = REPOSITORY / "traces" / "net2net" / "recorded"
DEPTH_CELLS = ("digits@600/depth", "digits_aug@600/depth", "digits_aug@1500/depth",
               "pair_max@600/depth", "pair_max@1500/depth")
GROW_CELLS = ("digits_aug@1500/grow", "pair_max@1500/grow")
GROW_FRACTIONS = (0.1, 0.4)
DEPTH_SEEDS, GROW_SEEDS = 8, 3


@dataclass(frozen=True)
class Keys:
    """Train all action sequences of cells and seeds; their records become a recording.

    Without `tasks` the recording that ships is made: about 15 CPU minutes.

      python scripts/record_net2net.py out=again
      python scripts/record_net2net.py out=mine tasks=pair_cmp,pair_sum budgets=600,1500 seeds=8
      python scripts/record_net2net.py out=wide tasks=digits budgets=1000 action_set=grow \\
          fractions=0.1,0.5 seeds=3 workers=2

    One unit is a cell and seed. A unit is written whole, so a recording that was killed goes on
    where it was when the same command is given again. Afterwards
    `python scripts/fit_net2net.py` fits the learning-curve model to it, and a scenario reads it
    by `tables=[FOLDER]`. The same seed repeats exactly on the same versions and machine; elsewhere
    accuracies differ by rounding that grows through training, steps and clocks do not.
    """

    out: Path = key(SHIPPED, "folder of the recording")
    tasks: list[str] = key([], "tasks; none: the recording that ships")
    budgets: list[float] = key([600.0], "budgets in ms")
    action_set: str = key("depth", "depth, grow or malleable")
    fractions: list[float] = key(list(FRACTIONS), "decision times, parts of the budget")
    seeds: int = key(8, "seeds 0, 1, ..., per cell")
    workers: int = key(1, "processes, each with one thread")


def main(keys: Keys) -> None:
    """Plan the units, train those that are missing."""
    if keys.seeds < 1 or keys.workers < 1:
        raise SuiteError("must be at least 1", "seeds" if keys.seeds < 1 else "workers")
    from envs.net2net.training.recording import record

    record(_asked(keys) if keys.tasks else _shipped(), keys.out, keys.workers,
           lambda line: print(line, flush=True))


def _asked(keys: Keys) -> dict[Cell, range]:
    budgets = [amount(as_number(budget, "budgets", above=0)) for budget in keys.budgets]
    names = [f"{task}@{budget}/{keys.action_set}" for task in keys.tasks for budget in budgets]
    cells = [cell_of(name, "tasks", fractions=keys.fractions) for name in names]
    for cell in cells:
        step_ms = cell.network.step_ms(cell.network.base)
        if cell.budget_ms < step_ms:
            raise SuiteError(f"{cell.budget_ms} is less than one step of the base network "
                             f"({step_ms:.4g})", "budgets")
    return dict.fromkeys(cells, range(keys.seeds))


def _shipped() -> dict[Cell, range]:
    depth = {cell_of(name): range(DEPTH_SEEDS) for name in DEPTH_CELLS}
    return depth | {cell_of(name, fractions=GROW_FRACTIONS): range(GROW_SEEDS)
                    for name in GROW_CELLS}


if __name__ == "__main__":
    sys.exit(command(main, Keys))
