"""Pickled object arrays from .npy files, read by an unpickler that runs no foreign code.

Only dict, list, int, float, str and numpy scalars and arrays are admitted; any other class or
function that a file names is refused. It is the one place where the project unpickles.
"""
from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError
from envs.core.files import read_bytes

ADMITTED = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    **{(f"numpy.{core}.multiarray", name): getattr(np._core.multiarray, name)
       for core in ("core", "_core") for name in ("_reconstruct", "scalar")},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Nothing but what numpy arrays and scalars are made of."""
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"the file names {module}.{name}")
        return ADMITTED[module, name]


def read_array(path: Path) -> Any:
    """The content of a .npy file as plain dicts, lists, numbers and texts."""
    data = read_bytes(path, TraceError)
    try:
        return _plain(_load(io.BytesIO(data)))
    except Exception as problem:    # a damaged pickle can raise anything
        raise TraceError(f"cannot be read ({problem})", str(path), "only dict, list, int, float, "
                         "str and numpy numbers are admitted; take the published file") from None


def _load(file: io.BytesIO) -> Any:
    version = np.lib.format.read_magic(file)
    header = {(1, 0): np.lib.format.read_array_header_1_0,
              (2, 0): np.lib.format.read_array_header_2_0}[version]
    _, _, dtype = header(file)
    if dtype.hasobject:
        return _Unpickler(file, encoding="latin1").load()   # as numpy reads arrays of Python 2
    file.seek(0)
    return np.load(file, allow_pickle=False)


def _plain(value: Any) -> Any:
    """The value without numpy: arrays as lists, scalars as numbers; other types are refused."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if type(value) not in (int, float, str):
        raise ValueError(f"it holds a {type(value).__name__}")
    return value
