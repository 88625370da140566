"""Recording whole grids: unit by unit, on one or more processes, resumable after a kill."""
from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from envs.core.errors import TraceError
from envs.core.workers import end_with_parent
from envs.net2net.architectures import LADDER, LARGEST_KERNEL
from envs.net2net.cells import DEEPEST, Cell
from envs.net2net.manifest import FILE, Entry, cell_config, entries_of, read_manifest, split_of
from envs.net2net.recording_files import ELSEWHERE, finish, has_unit, open_units, write_unit
from envs.net2net.training import batches, data, learner, networks, trainer
from envs.net2net.training.grid import train_grid

PROFILE = "cpu"
PACKAGES = ("numpy", "torch", "scikit-learn")

Plan = Mapping[Cell, Sequence[int]]
Unit = tuple[Cell, int]


def facts() -> dict[str, Any]:
    """What a recording depends on, for its manifest: protocol, versions, processor, threads."""
    return {
        "protocol": {
            "lr0": learner.RATE, "lr_decay": trainer.DECAY, "betas": list(learner.BETAS),
            "eps": learner.DAMPING, "batch": batches.BATCH, "calibration": batches.CALIBRATION,
            "loss_average": learner.FORGET, "ladder": list(LADDER), "deepest": DEEPEST,
            "largest_kernel": LARGEST_KERNEL,
            "batchnorm": {"momentum": networks.MOMENTUM, "eps": networks.EPSILON},
            "data": {"digits": list(data.PARTS), "pairs": list(data.PAIRS),
                     "copies": data.COPIES, "noise": [data.AUGMENTED_NOISE, data.PAIR_NOISE],
                     "shift": [data.AUGMENTED_SHIFT, data.PAIR_SHIFT]},
        },
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "cpu": _processor(), "threads": 1,
    }


def record(plan: Plan, folder: Path, workers: int = 1,
           tell: Callable[[str], None] = print) -> None:
    """Train every unit (cell, seed) that the folder lacks, then write tables and manifest.

    Raises `TraceError` where the folder holds a recording of another key or of other cells.
    """
    data.check_installed()
    about = facts()
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    if (folder / FILE).is_file():
        _check_same(plan, folder, key)
        tell(f"{folder} is complete")
        return
    open_units(folder, key, plan)
    missing = [(cell, seed) for cell, seeds in plan.items() for seed in seeds
               if not has_unit(folder, cell, seed)]
    for (cell, seed), seconds in _trained(missing, folder, workers):
        tell(f"{cell.name} seed {seed}: {seconds:.1f} CPU seconds")
    finish(folder, [Entry(cell, tuple(seeds), split_of(seeds), PROFILE)
                    for cell, seeds in plan.items()], {"key": key, **about})
    tell(f"{folder} is complete")


def _trained(units: Sequence[Unit], folder: Path, workers: int) -> Iterator[tuple[Unit, float]]:
    """Units as they are written, with their CPU seconds."""
    if workers == 1:
        for unit in units:
            yield unit, _unit(folder, *unit)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), end_with_parent) as pool:
        running = {pool.submit(_unit, folder, *unit): unit for unit in units}
        for done in as_completed(running):
            yield running[done], done.result()


def _unit(folder: Path, cell: Cell, seed: int) -> float:
    start = time.process_time()
    write_unit(folder, cell, seed, *train_grid(cell, seed))
    return time.process_time() - start


def _check_same(plan: Plan, folder: Path, key: str) -> None:
    """A finished folder holds exactly this recording."""
    manifest = read_manifest(folder)
    found = {entry.cell.name: (cell_config(entry.cell), entry.seeds)
             for entry in entries_of(manifest, folder / FILE)}
    if manifest.get("key") != key:
        raise TraceError(f"was recorded under another protocol: expected key {key}, "
                         f"found {manifest.get('key')}", str(folder / FILE), ELSEWHERE)
    if found != {cell.name: (cell_config(cell), tuple(seeds)) for cell, seeds in plan.items()}:
        raise TraceError("holds other cells or seeds", str(folder / FILE), ELSEWHERE)


def _processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
