"""Command lines of `key=value`, as everywhere in this project, checked against a dataclass.

    @dataclass(frozen=True)
    class Keys:
        '''Write a synthetic trace.'''
        preset: str = key("zipf_exponential", "what to generate")
        seed: int = key(0, "random seed")

    sys.exit(command(main, Keys))       # --help, one-line errors, exit status 2
"""
from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

from envs.core.errors import SuiteError, nearest

REQUIRED = dataclasses.MISSING


def key(default: Any = REQUIRED, meaning: str = "") -> Any:
    """A field that `--help` explains; without a default it must be given."""
    fixed = {"default": default}
    if isinstance(default, list | dict):
        fixed = {"default_factory": lambda: default.copy()}
    return dataclasses.field(**fixed, kw_only=True, metadata={"meaning": meaning})


def parse(argv: Sequence[str], keys: Any) -> Any:
    """The dataclass (a class, or an instance that gives the defaults) with what `argv` sets."""
    cls = keys if isinstance(keys, type) else type(keys)
    kinds = typing.get_type_hints(cls)
    given: dict[str, Any] = {}
    for argument in argv:
        name, sign, text = argument.partition("=")
        if not sign:
            raise SuiteError("is no key=value", argument, f"keys: {', '.join(kinds)}")
        if name not in kinds:
            raise SuiteError("unknown key", argument, nearest(name, kinds))
        if name in given:
            raise SuiteError("the key is given twice", argument, "give it once")
        given[name] = convert(text, kinds[name], argument)
    if not isinstance(keys, type):
        return dataclasses.replace(keys, **given)
    for field in dataclasses.fields(cls):
        if field.name not in given and _default(field) is REQUIRED:
            raise SuiteError("is needed", f"{field.name}=...", field.metadata.get("meaning", ""))
    return cls(**given)


def convert(text: str, kind: Any, where: str) -> Any:
    """The text of a value as the annotated type: numbers, truth values, paths, lists, mappings."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        kind = next(k for k in inner if k is not types.NoneType)
        none = types.NoneType in inner and text == "null"
        return None if none else convert(text, kind, where)
    if origin in (list, tuple):
        return origin(convert(part, inner[0], where) for part in _parts(text, "[]"))
    if origin is dict:
        pairs = [part.partition(":") for part in _parts(text, "{}")]
        if not all(sign for _, sign, _ in pairs):
            raise SuiteError("is no mapping", where, "write a:b,c:d")
        return {k.strip(): convert(v.strip(), inner[1], where) for k, _, v in pairs}
    if kind is bool:
        return _truth(text, where)
    try:
        return kind(text)
    except ValueError:
        wanted = {int: "an integer", float: "a number"}.get(kind, kind.__name__)
        raise SuiteError(f'"{text}" is not {wanted}', where, "") from None


def command(
    main: Callable[[Any], int | None], keys: type, argv: Sequence[str] | None = None
) -> int:
    """Run `main` on the parsed keys; errors of the user are one line on stderr and status 2."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help", "help"} & set(argv):
        print(explain(keys))
        return 0
    debug = "debug=true" in argv
    try:
        return main(parse([a for a in argv if not a.startswith("debug=")], keys)) or 0
    except SuiteError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


def explain(keys: type) -> str:
    """What `--help` prints: the docstring of the dataclass, then every key with its default."""
    lines = [inspect.cleandoc(keys.__doc__ or ""), "", "Keys:"]
    for field in dataclasses.fields(keys):
        default = _default(field)
        given = "(needed)" if default is REQUIRED else f"[{_shown(default)}]"
        lines.append(f"  {field.name + '=':18}{field.metadata.get('meaning', '')} {given}")
    lines.append(f"  {'debug=':18}true shows the traceback of an error [false]")
    return "\n".join(lines)


def _default(field: dataclasses.Field) -> Any:
    made = field.default_factory is not REQUIRED
    return field.default_factory() if made else field.default


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, dict):
        return ",".join(f"{k}:{v}" for k, v in value.items())
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _parts(text: str, brackets: str) -> list[str]:
    text = text.strip()
    if text[:1] == brackets[0] and text[-1:] == brackets[1]:
        text = text[1:-1]
    return [part.strip() for part in text.split(",") if part.strip()]


def _truth(text: str, where: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise SuiteError(f'"{text}" is no truth value', where, "write true or false")
    return text.lower() == "true"
