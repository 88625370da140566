"""Scripts as modules, and their command lines run in this process."""
from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from envs.core.arguments import command

ROOT = Path(__file__).resolve().parents[1]


def load(name: str) -> ModuleType:
    """`scripts/<name>.py` as a module."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run(name: str, *argv: str) -> int:
    """The exit status of `python scripts/<name>.py key=value ...`."""
    module = load(name)
    return command(module.main, module.Keys, list(argv))
