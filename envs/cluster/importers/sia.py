"""Sia (Jayaram Subramanya et al., SOSP 2023): workloads without durations, which models give."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.cluster.importers.cells import Cells
from envs.cluster.importers.draft import Draft
from envs.cluster.importers.options import ImportOptions
from envs.cluster.planning.goodput import Goodput, choose
from envs.core.configs import read_yaml
from envs.core.errors import TraceError, nearest
from envs.core.options import as_mapping, as_number

COLUMNS = ("name", "time", "application", "num_replicas", "batch_size")
MOST_GPUS = 64      # of one job with a goodput model
EXAMPLE = "write `APPLICATION: {duration_s: 3600}`, or {samples: N, goodput: {...}} as for a class"


def read(path: Path, options: ImportOptions) -> Draft:
    """Jobs of an application each: its duration on one GPU by goodput, or as the models say."""
    import polars as pl

    cells = Cells.read(path, COLUMNS)
    names = cells.text("application").fill_null("")
    models = _models(path, options, sorted(set(names)))
    gpus = cells.number("num_replicas")
    most = pl.Series([models[name].most for name in names], dtype=pl.Float64)
    elastic = most.is_not_null().any()
    draft = Draft(
        cells, arrival_s=cells.number("time"), gpus=gpus, name=cells.text("name"),
        duration_s=pl.Series([models[name].duration_s for name in names]),
        min_gpus=gpus.set(most.is_not_null(), 1) if elastic else None,
        max_gpus=pl.Series(np.fmax(gpus.to_numpy(), most.to_numpy())) if elastic else None,
        **{"class": names})
    draft.cluster = {"classes": [model.job_class for model in models.values()]}
    return draft


class _Model:
    """An application: seconds of work, the entry of a cluster file, GPUs at most (None: rigid)."""

    def __init__(self, name: str, entry: Any, where: str):
        entry = as_mapping(entry, where)
        self.most: float | None = None
        self.job_class: dict[str, Any] = {"name": name}
        if set(entry) == {"duration_s"}:
            self.duration_s = as_number(entry["duration_s"], f"{where}.duration_s", above=0)
        elif set(entry) == {"samples", "goodput"}:
            self._by_goodput(entry, where)
        else:
            raise TraceError("needs a duration, or samples and a goodput model", where, EXAMPLE)

    def _by_goodput(self, entry: Mapping[str, Any], where: str) -> None:
        model = Goodput.from_config(entry["goodput"], f"{where}.goodput")
        samples = as_number(entry["samples"], f"{where}.samples", above=0)
        self.duration_s = samples / choose(model, 1, 1).goodput
        self.most = float(min(MOST_GPUS, max(1, model.batch_max // model.atomic_min)))
        self.job_class["goodput"] = dict(entry["goodput"])


def _models(path: Path, options: ImportOptions, names: list[str]) -> dict[str, _Model]:
    if options.models is None:
        raise TraceError("this format has no durations", str(path),
                         f"give models=FILE for {', '.join(names)}: {EXAMPLE}")
    table = read_yaml(options.models)
    for name in names:
        if name not in table:
            raise TraceError(f'no model for the application "{name}"', str(options.models),
                             nearest(name, table))
    return {name: _Model(name, table[name], f"{options.models}: {name}") for name in names}
