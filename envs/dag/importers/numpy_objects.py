"""Pickled object arrays from .npy files, read by an unpickler that runs no foreign code.

Only dict, list, int, float, str and numpy scalars and arrays are admitted. What a file calls
`numpy.ndarray` and `numpy.dtype` are stand-ins that only keep their state, so not even numpy's own
unpickling runs; any other class or function is refused. Nowhere else does the project unpickle.
"""
from __future__ import annotations

import io
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np

from envs.core.errors import TraceError
from envs.core.files import read_bytes

NUMBERS = re.compile("[iu][1248]|f[248]")


def read_array(path: Path) -> Any:
    """The content of a .npy file as plain dicts, lists, numbers and texts."""
    data = read_bytes(path, TraceError)
    try:
        return _plain(_load(io.BytesIO(data)))
    except Exception as problem:    # a damaged pickle can raise anything
        raise TraceError(f"cannot be read ({problem})", str(path), "only dict, list, int, float, "
                         "str and numpy numbers are admitted; take the published file") from None


class _Type:
    """A dtype: its code, `f8`, and byte order."""

    def __init__(self, code: str, *_: object):
        self.code, self.order = str(code), "="

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]

    def numbers(self, data: bytes | str) -> np.ndarray:
        """The values in raw memory, which is a text if Python 2 wrote it."""
        if not NUMBERS.fullmatch(self.code) or self.order not in "<>=|":
            raise ValueError(f"it holds numpy values of type {self.code}")
        raw = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(raw, np.dtype(self.order + self.code))


class _Array:
    """An array: nested lists, or one object."""

    def __init__(self, *_: object):
        self.content: Any = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, by_column, data = state
        if kind.code.startswith("O"):
            flat = np.empty(len(data), object)
            for i, value in enumerate(data):
                flat[i] = value
        else:
            flat = kind.numbers(data)
        self.content = flat.reshape(shape, order="F" if by_column else "C").tolist()


def _scalar(kind: _Type, data: bytes | str) -> float:
    return kind.numbers(data).item()


ADMITTED = {
    ("numpy", "dtype"): _Type, ("numpy", "ndarray"): _Array,
    **{(f"numpy.{core}.multiarray", name): stand_in for core in ("core", "_core")
       for name, stand_in in (("_reconstruct", _Array), ("scalar", _scalar))},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Nothing but what numpy arrays and scalars are made of."""
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"the file names {module}.{name}")
        return ADMITTED[module, name]


def _load(file: io.BytesIO) -> Any:
    version = np.lib.format.read_magic(file)
    header = {(1, 0): np.lib.format.read_array_header_1_0,
              (2, 0): np.lib.format.read_array_header_2_0}[version]
    _, _, dtype = header(file)
    if dtype.hasobject:
        return _Unpickler(file, encoding="latin1").load()   # as numpy reads arrays of Python 2
    file.seek(0)
    return np.load(file, allow_pickle=False).tolist()


def _plain(value: Any) -> Any:
    """The value with arrays as lists; other types than the admitted ones are refused."""
    if isinstance(value, _Array):
        return _plain(value.content)
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if type(value) not in (int, float, str):
        raise ValueError(f"it holds a {type(value).__name__}")
    return value
