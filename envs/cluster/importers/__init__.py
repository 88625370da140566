"""Traces in other people's formats, told apart by what a file or folder holds.

    found = import_trace("cluster_log.csv")     # found.trace, found.notes, found.cluster
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from envs.cluster.importers import gavel, helios, openb, pai, philly, sia, simple, slurm
from envs.cluster.importers.draft import Draft, Imported
from envs.cluster.importers.options import ImportOptions
from envs.cluster.replay import read_trace
from envs.core.errors import TraceError, nearest
from envs.core.files import read_start


@dataclass(frozen=True)
class Format:
    """One foreign format: what it is, how its files are recognised and read."""

    what: str
    read: Callable[[Path, ImportOptions], Draft]
    header: Sequence[str] = ()      # columns that only this format has
    separator: str = ","
    files: str = ""                 # what its file names contain, where no header tells


FORMATS = {
    "philly-log": Format("Philly job log, JSON (CC-BY 4.0)", philly.read_log, files=philly.LOG),
    "philly": Format("Philly table (CC-BY 4.0)", philly.read_table, philly.TABLE_COLUMNS),
    "helios": Format("Helios, cluster_log.csv or its folder (CC-BY 4.0)", helios.read,
                     helios.COLUMNS),
    "pai": Format("Alibaba PAI v2020, folder of job and task table (CC-BY 4.0)", pai.read,
                  files=pai.JOBS),
    "openb": Format("Alibaba OpenB v2023, list of pods", openb.read, openb.COLUMNS),
    "gavel": Format("Gavel, 10 or 7 fields between tabs (MIT)", gavel.read, files=".trace"),
    "tiresias": Format("Tiresias simulator (Apache-2.0)", simple.read_tiresias, simple.TIRESIAS),
    "sia": Format("Sia workload; needs models=FILE", sia.read, sia.COLUMNS),
    "blox": Format("Blox CSV (MIT)", simple.read_blox, simple.BLOX),
    "slurm": Format("Slurm, sacct -P", slurm.read, slurm.COLUMNS, "|"),
}
OWN = "own"


def import_trace(
    source: str | Path, form: str | None = None, options: ImportOptions | None = None
) -> Imported:
    """The jobs of a file or folder; `form` is a key of `FORMATS`, `own`, or what is recognised."""
    path = Path(source)
    if not path.exists():
        raise TraceError("no such file or folder", str(path), "check the path")
    form = form or recognise(path)
    if form == OWN:
        trace = read_trace(path)
        return Imported(trace, (f"{len(trace)} jobs",))
    if form not in FORMATS:
        raise TraceError(f'unknown format "{form}"', str(path), nearest(form, [*FORMATS, OWN]))
    return FORMATS[form].read(path, options or ImportOptions()).imported()


def recognise(path: Path) -> str:
    """The format of a file or folder; a table with a strange header is taken for our own."""
    if path.is_dir():
        return _of_folder(path)
    for name, form in FORMATS.items():
        if form.files and form.files in path.name:
            return name
    fields = read_start(path).split("\n", 1)[0]
    for name, form in FORMATS.items():
        columns = {cell.strip() for cell in fields.split(form.separator)}
        if form.header and columns.issuperset(form.header):
            return name
    return OWN


def _of_folder(folder: Path) -> str:
    for name, part in (("helios", helios.LOG), ("philly-log", philly.LOG), ("pai", pai.JOBS)):
        if any(part in path.name for path in folder.iterdir()):
            return name
    raise TraceError("the folder holds no trace of a known format", str(folder),
                     f"give a file, or a folder with {helios.LOG}, {philly.LOG} or *{pai.JOBS}*")
