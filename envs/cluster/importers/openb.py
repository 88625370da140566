"""Alibaba OpenB v2023 (Weng et al., ATC 2023; no licence stated): pods, and nodes beside them."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envs.cluster.importers.cells import Cells
from envs.cluster.importers.draft import Draft
from envs.cluster.importers.options import ImportOptions

COLUMNS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec", "qos",
           "pod_phase", "creation_time", "deletion_time", "scheduled_time")
NODE_COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
WHOLE_GPU = 1000        # gpu_milli


def read(path: Path, _options: ImportOptions) -> Draft:
    """Pods with GPUs; a share becomes a whole GPU, and the first model allowed is the GPU type."""
    cells = Cells.read(path, COLUMNS)
    gpus, milli = cells.number("num_gpu"), cells.number("gpu_milli")
    draft = Draft(
        cells, arrival_s=cells.number("creation_time"), gpus=gpus,
        duration_s=cells.number("deletion_time") - cells.number("scheduled_time"),
        name=cells.text("name"), status=cells.text("pod_phase"),
        gpu_type=cells.text("gpu_spec").str.split("|").list.first(),
        share=((gpus == 1) & (milli < WHOLE_GPU)).fill_null(False))
    draft.note_shares()
    nodes = _nodes_beside(path)
    if nodes is not None:
        draft.cluster = _cluster(nodes)
    return draft


def _nodes_beside(path: Path) -> Path | None:
    """The list of nodes in the same folder, if there is one; that of GPU nodes by preference."""
    found = sorted(path.parent.glob("*node_list*.csv"), key=lambda p: ("gpu_node" not in p.name, p))
    return found[0] if found else None


def _cluster(path: Path) -> Mapping[str, Any]:
    import polars as pl

    cells = Cells.read(path, NODE_COLUMNS)
    frame = pl.DataFrame({"type": cells.text("model"), "gpus": cells.number("gpu")})
    frame = frame.filter(pl.col("gpus") > 0).with_columns(pl.col("gpus").cast(pl.Int64))
    counted = frame.group_by("type", "gpus", maintain_order=True).len("count")
    return {"types": frame["type"].unique(maintain_order=True).to_list(),
            "nodes": counted.to_dicts()}
