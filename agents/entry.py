"""What train.py and test.py share: one line for a user's mistake, exit status 2, no traceback.

    @hydra.main(version_base="1.3", config_path="conf", config_name="test")
    def main(config):
        with guard(TestConfig):      # inside too, or Hydra adds a line of its own
            evaluate(settings(config, TestConfig))

    if __name__ == "__main__":
        run(main, TestConfig)
"""
from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from envs.core.errors import SuiteError, nearest

USAGE = 2
SWEEPS = "choice|range|glob|shuffle|sort|tag|interval"      # functions of Hydra
CALL = re.compile(rf"^(trace|policy)=((?!{SWEEPS})\w+\([^\"]*\))$")


def run(main: Callable[[], Any], schema: type | None = None) -> None:
    """Call a Hydra main under `guard`; keys below `options.` may be given without a `+`."""
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv[1:] = free_options(sys.argv[1:])
    with guard(schema):
        main()


@contextmanager
def guard(schema: type | None = None) -> Iterator[None]:
    """A user's mistake ends the program with one line on stderr and status 2.

    `schema` is the dataclass whose fields are the valid keys; `debug=true` shows the traceback.
    """
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        line = explain(error, schema)
        if line is None or "debug=true" in sys.argv[1:]:
            raise
        print(line, file=sys.stderr)
        sys.exit(USAGE)


def free_options(arguments: Sequence[str]) -> list[str]:
    """`options.a.b=c` needs no `+`, since the scenario itself checks these keys; a call
    (`trace=cholesky(n=8)`, `policy=start(2)`) needs no quotes, unless Hydra's sweeps have it."""
    found = [f"++{a}" if re.match(r"options(\.[\w.]+)?=", a) else a for a in arguments]
    return [CALL.sub(r'\1="\2"', a) for a in found]


def settings(config: Any, schema: type) -> Any:
    """The Hydra configuration as an instance of `schema`; a key of no field is an error."""
    from omegaconf import OmegaConf

    plain = OmegaConf.to_container(config, resolve=True)
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), plain))


def explain(error: BaseException, schema: type | None = None) -> str | None:
    """One line for a mistake in input or configuration; None for a defect of the program."""
    if isinstance(error, SuiteError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename and not _is_config(error):
        return f"{error.filename}: {error.strerror}"
    return _explain_config(error, schema) if _is_config(error) else None


def _is_config(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in ("hydra", "omegaconf")


def _explain_config(error: BaseException, schema: type | None) -> str:
    choices = getattr(error, "options", None)
    if choices:
        group, name = re.search(r"Could not find '(?:(.*)/)?(.*?)'", str(error)).groups()
        return f"{group}={name}: no such choice; {nearest(name, choices)}"
    inner = str(error.__cause__ or error)
    key = re.search(r"full_key: (\S+)", inner) or re.search(r"override '([^']+)'", str(error))
    what = inner.splitlines()[0]
    if key is None:
        return what
    unknown = re.search(r"Key '([^']+)' (?:is )?not in", what)
    if unknown:
        beside = getattr(error.__cause__ or error, "parent_node", None)
        known = list(beside.keys()) if hasattr(beside, "keys") else _known(schema, key[1])
        return f"{key[1]}: unknown key" + (f"; {nearest(unknown[1], known)}" if known else "")
    return f"{key[1]}: {what}"


def _known(schema: type | None, key: str) -> list[str]:
    """The valid names beside `key` (dotted) in a dataclass of dataclasses."""
    for part in key.split(".")[:-1]:
        schema = _nested(schema, part)
    return [f.name for f in fields(schema)] if is_dataclass(schema) else []


def _nested(schema: type | None, part: str) -> type | None:
    if not is_dataclass(schema):
        return None
    for f in fields(schema):
        if f.name == part:
            kind = get_type_hints(schema)[part]
            if f.default_factory is not MISSING and is_dataclass(f.default_factory):
                return f.default_factory
            return next((k for k in (kind, *get_args(kind)) if is_dataclass(k)), None)
    return None
