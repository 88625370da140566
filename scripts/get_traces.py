"""List published traces and download one; `--help` explains."""
from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from envs.core.arguments import command, key
from envs.core.errors import SuiteError, nearest
from envs.core.files import REPOSITORY

TIMEOUT_S = 30


@dataclass(frozen=True)
class Keys:
    """List published traces with licence and size, or download one.

      python scripts/get_traces.py env=blis                   lists them
      python scripts/get_traces.py env=blis name=azure        downloads into $SCHED_DATA/blis
      python scripts/get_traces.py env=blis name=azure out=FOLDER

    The suite reads downloaded data from the folder that the variable SCHED_DATA names; with
    `out=` the files lie in FOLDER instead. Files that are there already are checked, not fetched
    again. Nothing is left half-written. Please keep to the licences.
    """

    env: str = key("blis", "domain")
    name: str | None = key(None, "trace to download")
    out: Path | None = key(None, "folder instead of $SCHED_DATA/<env>")


def main(keys: Keys) -> None:
    """List, or download and check."""
    known = catalogue(keys.env)
    if keys.name is None:
        print("\n\n".join(_described(name, entry) for name, entry in known.items()))
        return
    if keys.name not in known:
        raise SuiteError("no such published trace", keys.name, nearest(keys.name, known))
    entry = known[keys.name]
    folder = _target(keys) / entry["folder"]
    print(_described(keys.name, entry))
    for name, digest in fetch(entry, folder).items():
        print(f"{folder / name}  sha256 {digest}")


def catalogue(env: str) -> Mapping[str, Any]:
    """The published traces of a domain by name."""
    path = REPOSITORY / "traces" / env / "published.yaml"
    if not path.is_file():
        known = [p.parent.name for p in (REPOSITORY / "traces").glob("*/published.yaml")]
        raise SuiteError("no such domain", f"env={env}", nearest(env, known))
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def fetch(entry: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Download what is missing, all or nothing; the sha256 of every file, checked where known."""
    missing = [name for name in entry["files"] if not (folder / name).is_file()]
    found = {name: _checked(folder / name, entry["files"][name], "there already")
             for name in entry["files"] if name not in missing}
    if not missing:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    try:
        for name in missing:
            _download(entry["base"] + name, part / name, folder)
            found[name] = _checked(part / name, entry["files"][name], "as downloaded")
        for name in missing:
            (part / name).replace(folder / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return found


def _target(keys: Keys) -> Path:
    root = os.environ.get("SCHED_DATA")
    if keys.out is None and not root:
        raise SuiteError("no folder to put it in", "get_traces",
                         "set SCHED_DATA to a folder, or give out=FOLDER")
    return keys.out or Path(root) / keys.env


def _download(url: str, path: Path, folder: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file)
            announced = source.headers.get("Content-Length")
        if announced and path.stat().st_size != int(announced):
            raise OSError("the connection broke off")
    except (OSError, http.client.HTTPException) as problem:
        reason = getattr(problem, "reason", problem)
        raise SuiteError(f"cannot be downloaded ({reason})", url,
                         f"without a network: fetch it elsewhere, put it into {folder} under the "
                         "same name, and run this again to check it") from None


def _checked(path: Path, expected: str | None, which: str) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if expected and digest != expected:
        raise SuiteError(f"the file {which} has sha256 {digest} instead of {expected}",
                         path.name, "it is damaged or was changed; remove it and try again")
    return digest


def _described(name: str, entry: Mapping[str, Any]) -> str:
    lines = [f"{name}: {entry['what']}"]
    lines += [f"  {label:8} {entry[label]}" for label in ("source", "licence", "size", "use")]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(command(main, Keys))
