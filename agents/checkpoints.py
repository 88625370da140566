"""Files of tensors and plain numbers that appear whole or not at all; nothing is unpickled."""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from envs.core.errors import PolicyError

LARGEST_WEIGHTS = 1 << 28       # bytes of a saved policy
LARGEST_STATE = 1 << 33         # bytes of a checkpoint, which may hold a whole environment


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A scratch folder beside `path` that takes its place when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part, old = (path.with_name(f".{path.name}.{os.getpid()}.{kind}") for kind in ("part", "old"))
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        if path.exists():
            path.rename(old)
        part.rename(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def read_limited(path: Path, limit: int, what: str = "file") -> bytes:
    """The bytes of a file of bounded size, or a `PolicyError`."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(limit + 1)
    except OSError as problem:
        raise PolicyError(f"no readable {what} ({problem.strerror})", str(path),
                          "check the path") from None
    if len(content) > limit:
        raise PolicyError(f"larger than {limit} bytes", str(path), f"this is no {what} of ours")
    return content


def read_tensors(path: Path, limit: int = LARGEST_WEIGHTS
                 ) -> tuple[dict[str, Any], dict[str, str]]:
    """All tensors and the text fields of a safetensors file, or a `PolicyError`."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file() or path.stat().st_size > limit:
        raise PolicyError(f"no file of at most {limit} bytes", str(path), "check the path")
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()     # the handle is no mapping
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as why:
        reason = str(why).splitlines()[0][:80] if str(why) else type(why).__name__
        raise PolicyError(f"not a safetensors file ({reason})", str(path),
                          "it is truncated or of another format; write it again") from None


def write_tensors(path: Path, tensors: Mapping[str, Any],
                  text: Mapping[str, str] | None = None) -> None:
    """Tensors and text fields as one safetensors file that appears whole."""
    from safetensors.torch import save

    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    try:
        part.write_bytes(save(plain, dict(text or {})))     # save_file keeps it to its owner
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def save_checkpoint(path: Path, tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
    """One file: tensors, and whatever JSON can hold."""
    write_tensors(Path(path), tensors, {"state": json.dumps(numbers)})


def load_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `save_checkpoint` wrote."""
    tensors, text = read_tensors(Path(path), LARGEST_STATE)
    try:
        return tensors, json.loads(text["state"])
    except (KeyError, ValueError):
        raise PolicyError("not a checkpoint", str(path), "start the run anew") from None


def pack(prefix: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The names of one part of a checkpoint."""
    return {f"{prefix}/{key}": value for key, value in tensors.items()}


def unpack(prefix: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a checkpoint that `pack` named."""
    start = f"{prefix}/"
    return {key[len(start):]: v for key, v in tensors.items() if key.startswith(start)}


def pack_optimiser(optimiser: Any) -> dict[str, Any]:
    """Moments and step counts of a torch optimiser, by parameter number."""
    import torch

    state = optimiser.state_dict()["state"]
    return {f"{index}/{key}": torch.as_tensor(value)
            for index, entries in state.items() for key, value in entries.items()}


def unpack_optimiser(optimiser: Any, tensors: Mapping[str, Any]) -> None:
    """Put moments back; hyperparameters stay those of the run."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        index, key = name.split("/", 1)
        state.setdefault(int(index), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
