"""Nested snapshots of arrays as named tensors and back: a checkpoint needs no pickle.

Arrays of records are kept field by field, since the bytes between their fields are arbitrary.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch

from envs.core.errors import PolicyError

Named = Mapping[str, tuple[str, torch.Tensor]]


def flatten(tree: Any, name: str = "0") -> dict[str, torch.Tensor]:
    """Every array or number of nested tuples, lists, mappings and dataclasses, as its bytes."""
    if _is_leaf(tree):
        array = np.ascontiguousarray(tree)
        if array.dtype.hasobject:
            raise PolicyError(f"part {name} holds Python objects", "snapshot",
                              "keep arrays of numbers only")
        content = np.frombuffer(array.tobytes(), np.uint8).copy()
        return {f"{name}:{','.join(map(str, np.shape(tree)))}": torch.as_tensor(content)}
    found: dict[str, torch.Tensor] = {}
    for key, part in _parts(tree):
        found.update(flatten(part, f"{name}.{key}"))
    return found


def fill(template: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """A tree of the template's structure and types with the values of `flatten`."""
    return _fill(template, {key.split(":")[0]: (key, v) for key, v in tensors.items()}, "0")


def _fill(template: Any, named: Named, name: str) -> Any:
    if _is_leaf(template):
        return _leaf(template, named, name)
    values = {key: _fill(part, named, f"{name}.{key}") for key, part in _parts(template)}
    if template is None:
        return None
    if isinstance(template, np.ndarray):
        return _records(template, values)
    if isinstance(template, Mapping):
        return {key: values[str(key)] for key in template}
    if is_dataclass(template) or hasattr(template, "_fields"):
        return type(template)(**values)
    return type(template)(values[str(i)] for i in range(len(template)))


def _leaf(template: Any, named: Named, name: str) -> Any:
    if name not in named:
        raise PolicyError(f"part {name} is missing", "checkpoint",
                          "it belongs to another environment; start the run anew")
    key, content = named[name]
    shape = tuple(int(n) for n in key.split(":")[1].split(",") if n)
    array = np.frombuffer(content.numpy().tobytes(), np.asarray(template).dtype).reshape(shape)
    return array.copy() if isinstance(template, np.ndarray) else type(template)(array.item())


def _records(template: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
    shape = next(iter(values.values())).shape[:template.ndim]
    records = np.zeros(shape, template.dtype)
    for key, value in values.items():
        records[key] = value
    return records


def _is_leaf(tree: Any) -> bool:
    if isinstance(tree, np.ndarray):
        return tree.dtype.names is None
    return isinstance(tree, np.generic | bool | int | float)


def _parts(tree: Any) -> list[tuple[str, Any]]:
    if tree is None:
        return []
    if isinstance(tree, np.ndarray):
        return [(key, tree[key]) for key in tree.dtype.names]
    if isinstance(tree, Mapping):
        return [(str(key), part) for key, part in tree.items()]
    if is_dataclass(tree):
        return [(f.name, getattr(tree, f.name)) for f in fields(tree)]
    if hasattr(tree, "_fields"):
        return [(key, getattr(tree, key)) for key in tree._fields]
    if isinstance(tree, list | tuple):
        return [(str(i), part) for i, part in enumerate(tree)]
    raise PolicyError(f"{type(tree).__name__} cannot be kept", "snapshot",
                      "keep arrays, numbers and nested tuples of them")
