"""The Helios traces (Hu et al., SC 2021; CC-BY 4.0): `cluster_log.csv` of one cluster."""
from __future__ import annotations

from pathlib import Path

from envs.cluster.importers.cells import Cells
from envs.cluster.importers.draft import Draft
from envs.cluster.importers.options import ImportOptions

LOG, GPUS = "cluster_log.csv", "cluster_gpu_number.csv"
COLUMNS = ("job_id", "user", "vc", "gpu_num", "cpu_num", "node_num", "state", "submit_time",
           "start_time", "end_time", "duration", "queue")
NODE_GPUS = 8       # every node of Helios


def read(path: Path, _options: ImportOptions) -> Draft:
    """Jobs that ran; the tenant is the virtual cluster, whose nodes lie in the file beside."""
    path = path / LOG if path.is_dir() else path
    cells = Cells.read(path, COLUMNS)
    duration = cells.number("duration")
    draft = Draft(
        cells, arrival_s=cells.clock("submit_time"), gpus=cells.number("gpu_num"),
        duration_s=duration.set(cells.clock("start_time").is_null(), None),
        tenant=cells.text("vc"), name=cells.text("job_id"), user=cells.text("user"),
        status=cells.text("state"))
    beside = path.with_name(GPUS)
    if beside.is_file():
        _add_nodes(draft, beside)
    return draft


def _add_nodes(draft: Draft, path: Path) -> None:
    """The nodes on the day with most GPUs; the virtual clusters' shares as a note."""
    cells = Cells.read(path, ("date", "total"))
    names = [name for name in cells.frame.columns if name not in ("date", "total")]
    day = cells.number("total").arg_max()
    gpus = {name: int(cells.number(name)[day] or 0) for name in names}
    nodes = sum(-(-count // NODE_GPUS) for count in gpus.values())
    draft.cluster = {"types": ["gpu"], "nodes": [{"type": "gpu", "gpus": NODE_GPUS,
                                                  "count": nodes}]}
    shares = ", ".join(f"{name} {count}" for name, count in gpus.items() if count)
    draft.notes.append(f"GPUs of virtual clusters on {cells.text('date')[day]}: {shares}")
