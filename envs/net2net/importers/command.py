"""What `scripts/import_trace.py env=net2net` does."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envs.core.errors import SuiteError
from envs.core.files import folder_to_write
from envs.net2net.importers.peer import read_peer
from envs.net2net.manifest import FILE, PARTS, Entry, digest, write_manifest
from envs.net2net.recording_files import write_table

KEYS: tuple[str, ...] = ()


def run(keys: Any) -> Iterator[str]:
    """Read published tables, check, write a recording; a line per cell."""
    tables = read_peer(keys.source)
    if not tables:
        raise SuiteError("holds no JSON file", str(keys.source), "name them like cnn1_early.json")
    if (keys.out / FILE).exists():
        raise SuiteError("holds a recording already", str(keys.out), "choose another folder")
    folder, names = folder_to_write(keys.out), []
    entries = [Entry(table.cell, table.seeds, dict.fromkeys(PARTS, table.seeds), table.profile)
               for table in tables]
    for entry, table in zip(entries, tables, strict=True):
        names += write_table(folder, entry, table.nodes, table.leaves)
        values = table.leaves["val_accuracy"][0]
        yield (f"{table.cell.name}: never {values[0]:.4f}, mean {values.mean():.4f}, "
               f"best {values.max():.4f} {table.cell.sequence_of(int(values.argmax()))}")
    sources = {Path(table.source) for table in tables}
    facts = {"source": {source.name: digest(source) for source in sorted(sources)}}
    write_manifest(folder, entries, facts, names)
    yield f"wrote {folder}: one seed, its accuracy serves as validation and test"
