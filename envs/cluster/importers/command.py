"""What `scripts/import_trace.py env=cluster` does."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from envs.cluster.generator.measure import describe
from envs.cluster.importers import import_trace
from envs.cluster.importers.options import ImportOptions
from envs.cluster.replay import write_trace
from envs.core.errors import SuiteError
from envs.core.files import write_whole

KEYS = ("format", "cluster", "throughputs", "reference", "models")


def run(keys: Any) -> Iterator[str]:
    """Read, check, write; what was dropped, and other lines for a person."""
    options = ImportOptions(keys.throughputs, keys.reference, keys.models)
    found = import_trace(keys.source, keys.format, options)
    if keys.cluster and not found.cluster:
        raise SuiteError("this format tells nothing of the cluster", f"cluster={keys.cluster}",
                         "leave it out")
    write_trace(found.trace, keys.out)
    yield from found.notes
    yield describe(found.trace)
    yield f"wrote {keys.out} ({keys.out.stat().st_size / 1000:.0f} kB)"
    if keys.cluster:
        text = yaml.safe_dump(dict(found.cluster), sort_keys=False, default_flow_style=None)
        write_whole(keys.cluster, text.encode())
        missing = [key for key in ("types", "nodes") if key not in found.cluster]
        yield f"wrote {keys.cluster}" + (f"; add {' and '.join(missing)}" if missing else "")
