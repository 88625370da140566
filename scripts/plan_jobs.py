"""GPUs and growth plans for several jobs of net2net; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.core.arguments import REQUIRED, command, key

if TYPE_CHECKING:
    import numpy as np

    from envs.net2net.planning.jobs import Columns


@dataclass(frozen=True)
class Keys:
    """Share equal GPUs among jobs that may grow, so that the sum of their accuracies is largest.

    The optimum is an integer program over every plan of GPUs of every job, each with its best
    plan of growth; it stands beside its linear bound, the optimum without growth and heuristics.

      python scripts/plan_jobs.py file=jobs.yaml

    jobs.yaml (or .json; a file with `instances` holds several):

      gpus: 2
      slots: 3
      slot_ms: 530
      gpu_options: [0, 1, 2]                    # GPUs that a job may have in a slot
      jobs:                                     # deadlines are exclusive
        - {task: digits_aug@600/depth, arrival_slot: 0, deadline_slot: 3}
        - {task: pair_max@1500/depth, arrival_slot: 1, deadline_slot: 3}

    `task` names a parameter set.
    """

    file: Path = key(REQUIRED, "the jobs")
    theta: Path | None = key(None, "file of parameter sets, default: those that ship")


def main(keys: Keys) -> None:
    """Read, plan, print."""
    from envs.net2net.planning.jobs import KEYS, Jobs, columns_of
    from envs.net2net.theta import read_thetas

    sets, config = read_thetas(keys.theta), _read(keys.file)
    several = config.get("instances", [config])
    for number, one in enumerate(several):
        where = f"{keys.file}: instances[{number}]" if "instances" in config else str(keys.file)
        given = {k: v for k, v in one.items() if k in KEYS} if "instances" in config else one
        _tell(columns_of(Jobs.from_config(given, where), sets), where)


def _read(path: Path) -> Any:
    from envs.core.configs import read_yaml
    from envs.core.errors import ScenarioError
    from envs.core.files import parse_json

    if path.suffix == ".json":
        return parse_json(path, ScenarioError)
    return read_yaml(path)


def _tell(columns: Columns, where: str) -> None:
    """The plan of every job, then what the ways to allocate reach."""
    from envs.net2net.planning.allocation import HEURISTICS, lp_bound, optimal

    best, still = optimal(columns), optimal(columns, columns.never)
    print(f"{where}: {columns.jobs.gpus} GPUs, {columns.jobs.slots} slots of "
          f"{columns.jobs.slot_ms:g} ms, {len(columns.job)} columns")
    _tell_plans(columns, best)
    rows = {"optimum": columns.accuracy[best].sum(), "linear bound": lp_bound(columns),
            "optimum without growth": columns.never[still].sum(),
            **{name: columns.total(rule(columns)) for name, rule in HEURISTICS.items()}}
    for name, total in rows.items():
        print(f"  {name:24}{total:.4f}")


def _tell_plans(columns: Columns, best: np.ndarray) -> None:
    for k, column in enumerate(best):
        job, gpus = columns.jobs.jobs[k], columns.gpus[column]
        window = " ".join(str(g) if job.arrival_slot <= t < job.deadline_slot else "."
                          for t, g in enumerate(gpus))
        print(f"  {job.task:24}GPUs {window}   actions "
              f"{' '.join(map(str, columns.sequence[column]))}   accuracy "
              f"{columns.accuracy[column]:.4f}")


if __name__ == "__main__":
    sys.exit(command(main, Keys))
