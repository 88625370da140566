"""Versions on the disk: `versions/0007/` with a policy and its `meta.json`, never changed."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents import store
from agents.library.disk import new_folder, read_json, sha256
from envs.core.errors import PolicyError

if TYPE_CHECKING:
    from agents.networks.acting import NetworkPolicy

META = "meta.json"
OPS = ("train", "finetune", "soup", "distill", "split")
BESIDE = (store.CONFIG, store.CARD, store.RESULTS)      # hashed next to the weights
RULE = 0                                                # version 0: `mct_wait`
RULE_NAME = "mct_wait"
DIGITS = 4


@dataclass(frozen=True)
class Meta:
    """What `meta.json` says of a version."""

    version: int
    parents: tuple[int, ...]
    op: str                             # one of OPS
    families: tuple[str, ...]           # trained on
    sha256: str                         # of policy.safetensors
    schema: str                         # equal: parameters mean the same
    features: Mapping[str, Any]         # names of the observation's columns
    files: Mapping[str, str]            # SHA-256 of what stands beside the weights


KINDS = {"version": int, "parents": list, "op": str, "families": list, "sha256": str,
         "schema": str, "features": dict, "files": dict}


def folder_of(root: Path, version: int) -> Path:
    """Where a version lies."""
    return root / "versions" / f"{version:0{DIGITS}d}"


def versions(root: Path) -> list[int]:
    """The complete versions, rising; `mct_wait` is not among them."""
    found = (p for p in (root / "versions").glob("[0-9]*") if p.name.isdecimal() and p.is_dir())
    return sorted(int(p.name) for p in found)


def schema_of(policy: NetworkPolicy, features: Mapping[str, Any]) -> str:
    """SHA-256 of feature names, shapes and network configuration."""
    shapes = {k: [str(v.dtype), list(v.shape)] for k, v in policy.network.state_dict().items()}
    told = {"features": features, "shapes": shapes, "network": policy.network_name,
            "settings": asdict(policy.network.config)}
    return hashlib.sha256(canonical(told).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def write(root: Path, policy: NetworkPolicy, *, op: str, parents: Sequence[int] = (),
          families: Sequence[str] = (), features: Mapping[str, Any], card: str = "",
          results: str = "", trained_on: Mapping[str, Any] | None = None) -> Meta:
    """A new version; it exists when its folder has been renamed into place."""
    number = max(versions(root), default=RULE) + 1
    place = folder_of(root, number)
    with new_folder(place) as part:
        store.save(part, policy, card=card or f"# Version {number}\n", results=results,
                   trained_on=trained_on, replace=True)
        meta = Meta(number, tuple(parents), op, tuple(families), sha256(part / store.WEIGHTS),
                    schema_of(policy, features), dict(features),
                    {name: sha256(part / name) for name in BESIDE})
        (part / META).write_text(_lines(asdict(meta)))
    return meta


def _lines(content: Mapping[str, Any]) -> str:
    """JSON with a key a line."""
    rows = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    return "{" + ",\n ".join(rows) + "}\n"


def read(root: Path, version: int) -> Meta:
    """The checked `meta.json` of a version."""
    folder = folder_of(root, version)
    if not folder.is_dir():
        raise PolicyError(f"no version {version}", str(folder), "known: " + ", ".join(
            map(str, versions(root))) if versions(root) else "the library has none yet")
    path = folder / META
    content = read_json(path)
    for name in KINDS:
        if not isinstance(content.get(name), KINDS[name]):
            raise PolicyError(f'version {version}: key "{name}" is no {KINDS[name].__name__}',
                              str(path), "restore the folder from a copy")
    if content["version"] != version or content["op"] not in OPS:
        raise PolicyError(f"says version {content['version']}, {content['op']}", str(path),
                          "restore the folder from a copy")
    lists = {k: tuple(content[k]) for k in ("parents", "families")}
    return Meta(**{f.name: content[f.name] for f in fields(Meta)} | lists)


def load(root: Path, version: int) -> NetworkPolicy:
    """The policy of a version, after its hashes."""
    check_files(root, read(root, version))
    policy = store.load(folder_of(root, version))
    policy.name = str(version)
    return policy


def check_files(root: Path, meta: Meta) -> None:
    """Every file has the hash that was written with it."""
    folder = folder_of(root, meta.version)
    for name, wanted in {store.WEIGHTS: meta.sha256, **meta.files}.items():
        if name not in (store.WEIGHTS, *BESIDE):
            raise PolicyError(f'version {meta.version}: unknown file "{name}"',
                              str(folder / META), "restore the folder from a copy")
        found = sha256(folder / name)
        if found != wanted:
            raise PolicyError(f"version {meta.version}: hash mismatch, {found[:12]} instead of "
                              f"{str(wanted)[:12]}", str(folder / name),
                              "restore the folder from a copy")


def same_schema(root: Path, numbers: Sequence[int]) -> Meta:
    """Parents of a merge must have equal schema; the first one's meta."""
    metas = [read(root, n) for n in numbers]
    for meta in metas[1:]:
        if meta.schema != metas[0].schema:
            raise PolicyError(
                f"unequal schema: version {meta.version} has {meta.schema[:12]}, version "
                f"{metas[0].version} has {metas[0].schema[:12]}",
                str(folder_of(root, meta.version) / META),
                "merge versions with the same features and network")
    return metas[0]
