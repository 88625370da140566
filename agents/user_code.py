"""A user's own contender file: load a name from it, and blame it in one line when it fails.

Loading executes the file: it is the user's explicit own code. A saved policy never comes this way.
"""
from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from envs.core.errors import PolicyError, SuiteError, nearest
from envs.core.files import path_of

REMEDY = "write contender=my_policy.py:name"


def load(reference: str) -> tuple[Any, Path]:
    """The object `file.py:name` and the file it came from."""
    file, colon, name = reference.rpartition(":")
    if not colon or not file.endswith(".py"):
        raise PolicyError("names no object in a Python file", reference, REMEDY)
    path = path_of(file)
    if not path.is_file():
        raise PolicyError("no such file", file, "check the path")
    module = _module(path.resolve())
    if not hasattr(module, name):
        own = [n for n, v in vars(module).items() if not n.startswith("_")
               and not inspect.ismodule(v)]
        raise PolicyError(f'defines no "{name}"', file, nearest(name, own))
    return getattr(module, name), path.resolve()


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"contender_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module     # dataclasses and pickling look it up
    with blame(path):
        spec.loader.exec_module(module)
    return module


@contextmanager
def blame(path: Path) -> Iterator[None]:
    """Turn an exception of the user's code into a `PolicyError` that names file and line."""
    try:
        yield
    except SuiteError:
        raise
    except (Exception, SystemExit) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        line = _line(error, path)
        where = f"{path}, line {line}" if line else str(path)
        raise PolicyError(what, where, "mend the policy") from error


def _line(error: BaseException, path: Path) -> int | None:
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    own = [f.lineno for f in frames if Path(f.filename) == path]
    return own[-1] if own else None
