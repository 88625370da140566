"""WfFormat 1.5 (T. Coleman et al., WfCommons, FGCS 128, 2022): executed workflows."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envs.core.errors import ScenarioError, TraceError, nearest
from envs.core.files import parse_json
from envs.core.options import as_number
from envs.dag.formats.draft import Draft
from envs.dag.graph import Graph, cleaned

NUMBERED = re.compile(r"[_-]?(ID)?[0-9]+$")     # what is cut from a name to get its kind


def read_wfformat(path: str | Path, speedup: Mapping[str, float] | None = None) -> Graph:
    """Unit s, type cpu; `speedup` by kind adds gpu times. Files of more than 0 bytes are tiles."""
    path = Path(path)
    specification, execution = _parts(path)
    tasks, ran, files = (_by_id(entries or (), str(path)) for entries in (
        specification.get("tasks"), execution, specification.get("files")))
    kinds = {name: cleaned(NUMBERED.sub("", _field(task, "name", str(path))))
             for name, task in tasks.items()}
    speedup = _checked(speedup or {}, kinds)
    edges = _edges(tasks, str(path))
    draft = Draft(path.name.split(".")[0], "s", source=str(path))
    empty = {name for name, file in files.items() if file.get("sizeInBytes") == 0}
    for name, file in files.items():
        if name not in empty:
            draft.tile(name, file.get("sizeInBytes"))
    for name in _sorted(list(tasks), edges, str(path)):
        duration = _duration(name, ran.get(name, {}), speedup.get(kinds[name]), str(path))
        draft.task(name, kinds[name], duration, _access(tasks[name], empty, name, str(path)))
    for src, dst in edges:
        draft.edge(src, dst)
    return draft.graph()


def _parts(path: Path) -> tuple[Mapping[str, Any], list]:
    """The specification and the executed tasks of a file."""
    content = parse_json(path, TraceError)
    try:
        workflow = content["workflow"]
        specification, execution = workflow["specification"], workflow["execution"]["tasks"]
    except (KeyError, TypeError):
        raise TraceError("no workflow.specification and workflow.execution.tasks", str(path),
                         "give a file of WfFormat 1.5") from None
    told = specification if isinstance(specification, Mapping) else {}
    lists = [told.get("tasks"), told.get("files") or [], execution]
    if not all(isinstance(entries, list) and all(isinstance(entry, Mapping) for entry in entries)
               for entries in lists):
        raise TraceError("tasks and files must be lists of objects", str(path),
                         "give a file of WfFormat 1.5")
    return specification, execution


def _field(entry: Mapping[str, Any], name: str, where: str) -> str:
    if not isinstance(entry.get(name), str | int):
        raise TraceError(f"an entry without {name}: {json.dumps(entry)[:60]}", where)
    return str(entry[name])


def _by_id(entries: list, where: str) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        name = cleaned(_field(entry, "id", where))
        if name in found:
            raise TraceError(f"the id {name!r} is given twice", where)
        found[name] = entry
    return found


def _duration(name: str, ran: Mapping[str, Any], speedup: float | None,
              where: str) -> dict[str, Any]:
    """Seconds by type; the draft checks them."""
    seconds = ran.get("runtimeInSeconds")
    if seconds is None:
        raise TraceError(f"task {name!r}: no execution entry with a runtimeInSeconds", where)
    return {"cpu": seconds, **({"gpu": seconds / speedup} if speedup else {})}


def _checked(speedup: Mapping[str, float], kinds: Mapping[str, str]) -> dict[str, float]:
    for kind in speedup:
        if kind not in kinds.values():
            raise ScenarioError(f'no task has the kind "{kind}"', "speedup",
                                nearest(kind, sorted(set(kinds.values()))))
    return {kind: as_number(value, f"speedup.{kind}", above=0) for kind, value in speedup.items()}


def _edges(tasks: Mapping[str, Mapping], where: str) -> list[tuple[str, str]]:
    """Parents and children united, each pair once."""
    found: dict[tuple[str, str], None] = {}
    for name, task in tasks.items():
        for key, pair in (("parents", lambda other, name=name: (other, name)),
                          ("children", lambda other, name=name: (name, other))):
            for other in _names(task, key, name, where):
                other = cleaned(str(other))
                if other not in tasks:
                    raise TraceError(f"task {name!r}: unknown task {other!r} in {key}", where)
                found[pair(other)] = None
    return list(found)


def _names(task: Mapping[str, Any], key: str, name: str, where: str) -> list:
    found = task.get(key) or []
    if not isinstance(found, list):
        raise TraceError(f"task {name!r}: {key} must be a list, found {json.dumps(found)[:40]}",
                         where)
    return found


def _sorted(names: list[str], edges: list[tuple[str, str]], where: str) -> list[str]:
    """The canonical topological order of these edges alone."""
    number = {name: i for i, name in enumerate(names)}
    bare = Graph.from_columns("order", ids=names, types=(), duration=[[]] * len(names),
                              listed=[(number[a], number[b]) for a, b in edges], source=where)
    return [names[i] for i in bare.order.tolist()]


def _access(task: Mapping[str, Any], empty: set[str], name: str,
            where: str) -> list[tuple[str, str]]:
    """Inputs, then what is written alone; a file that is read and written is RW."""
    read, written = (dict.fromkeys(cleaned(str(f)) for f in _names(task, key, name, where))
                     for key in ("inputFiles", "outputFiles"))
    modes = {**{f: "RW" if f in written else "R" for f in read},
             **{f: "W" for f in written if f not in read}}
    return [(f, mode) for f, mode in modes.items() if f not in empty]
