"""Scenario files: YAML that is read strictly, merged key by key, found by name or path."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from envs.core.errors import ScenarioError, nearest


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the leaves of `over`; blocks of options are merged, all else is replaced."""
    out = dict(base)
    for key, value in over.items():
        block = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = merged(out[key], value) if block else value
    return out


def read_yaml(path: Path) -> Mapping[str, Any]:
    """A YAML mapping, or one error that names file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError("cannot be read", str(path), str(error)) from None
    try:
        config = _OnceLoader(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}" if mark else str(path)
        reason = getattr(error, "problem", None) or "cannot be parsed"
        raise ScenarioError(f"is no valid YAML: {reason}", place, "mend the syntax") from None
    if not isinstance(config, Mapping):
        raise ScenarioError("holds no mapping", str(path), "write `key: value` lines")
    return config


class _OnceLoader(yaml.SafeLoader):
    """The safe loader, which takes a repeated key for the mistake that it is."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'key "{key.value}" is given twice', key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep)


def names_in(folder: Path) -> list[str]:
    """The scenarios that ship in a folder."""
    return sorted(p.stem for p in folder.glob("*.yaml"))


def find_config(name: str, folder: Path) -> Path:
    """The file of a scenario that ships under this name, or the file at this path."""
    shipped = folder / f"{name}.yaml"
    if "/" not in name and shipped.is_file():
        return shipped
    path = Path(name)
    if path.is_file():
        return path
    raise ScenarioError("no such scenario", name, nearest(name, names_in(folder))
                        + " (or give the path of a YAML file)")


def beside(path: str | Path, folder: Path | None) -> Path:
    """Paths inside a scenario are relative to its file, else to the working folder."""
    near = (folder or Path()) / path
    return near if near.exists() else Path(path)


def load_config(build: Callable[..., Any], name_or_path: str | Path | Mapping[str, Any],
                folder: Path, overrides: Mapping[str, Any] | None) -> Any:
    """What `build(config, where, folder)` makes of a shipped name, a file, or a mapping.

    An error is laid to the overrides where the file alone is fine.
    """
    if isinstance(name_or_path, Mapping):
        return build(merged(name_or_path, overrides or {}))
    path = find_config(str(name_or_path), folder)
    config, where = {"name": path.stem, **read_yaml(path)}, str(name_or_path)
    try:
        return build(merged(config, overrides or {}), where, path.parent)
    except ScenarioError:
        if overrides:
            build(config, where, path.parent)
            build(merged(config, overrides), "options", path.parent)
        raise
