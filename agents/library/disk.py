"""Files and folders that appear whole, and are on the disk before anything points to them."""
from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.checkpoints import read_limited
from envs.core.errors import PolicyError

LARGEST_JSON = 1 << 20      # bytes
READ_ONLY_FILE, READ_ONLY_FOLDER = 0o444, 0o555


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as problem:
        raise PolicyError(f"no readable file ({problem.strerror})", str(path),
                          "restore the folder from a copy") from None


def read_json(path: Path) -> dict[str, Any]:
    """A mapping, or a `PolicyError`."""
    try:
        content = json.loads(read_limited(path, LARGEST_JSON, "JSON file"))
    except (ValueError, RecursionError):
        raise PolicyError("no JSON", str(path), "restore it from a copy") from None
    if not isinstance(content, dict):
        raise PolicyError("no mapping of keys", str(path), "restore it from a copy")
    return content


def replace_file(path: Path, text: str) -> None:
    """Write, sync, rename: afterwards the file is the new one, before it the old one."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(part, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else who asks for this file has it at the same time; it exists afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def append_line(path: Path, text: str) -> None:
    """One line more, in one write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, f"{text}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def sync(path: Path) -> None:
    """Bring a file's content, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """A scratch folder that becomes `place`, read-only, when the block ends without an error."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        for file in part.iterdir():
            sync(file)
        sync(part)
        _rename(part, place)
        sync(place.parent)
        _close(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _rename(part: Path, place: Path) -> None:
    try:
        os.rename(part, place)
    except OSError as problem:
        if not place.exists():
            raise
        raise PolicyError(f"exists already ({problem.strerror})", str(place),
                          "another command added it; run yours again") from None


def _close(place: Path) -> None:
    with contextlib.suppress(PermissionError):
        for file in place.iterdir():
            file.chmod(READ_ONLY_FILE)
        place.chmod(READ_ONLY_FOLDER)
