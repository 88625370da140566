"""Measure the speed of a domain; `--help` explains."""
from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from envs.core.arguments import command, key
from envs.core.errors import SuiteError, nearest
from envs.core.files import REPOSITORY

sys.path.insert(0, str(REPOSITORY))     # the plain references live beside the tests


@dataclass(frozen=True)
class Keys:
    """Print how fast a domain runs on this machine, one line per figure.

    Kernel figures are CPU seconds of one core, the best of several runs; environment figures are
    wall seconds. Quiet the machine first: other programs make every figure worse.

      python scripts/benchmark.py env=blis
      python scripts/benchmark.py env=blis only=kernel,reference json=speed.json
    """

    env: str = key("blis", "which domain")
    only: str = key("", "parts to measure, by commas; default: all (listed in the output)")
    json: Path | None = key(None, "also write the figures here")


def main(keys: Keys) -> int:
    """Measure the parts that were asked for."""
    scripts = Path(__file__).parent
    domains = sorted(p.stem.removeprefix("benchmark_") for p in scripts.glob("benchmark_*.py"))
    if keys.env not in domains:
        raise SuiteError("unknown domain", f"env={keys.env}", nearest(keys.env, domains))
    parts = import_module(f"benchmark_{keys.env}").PARTS
    wanted = [w for w in keys.only.split(",") if w] or list(parts)
    for name in wanted:
        if name not in parts:
            raise SuiteError("unknown part", f"only={name}", nearest(name, parts))
    figures: dict[str, float] = {}
    for name in wanted:
        print(f"[{name}] {parts[name].__doc__.splitlines()[0]}", flush=True)
        for label, value in parts[name]().items():
            figures[f"{name}/{label}"] = value
            print(f"  {label:58s} {value:14,.4g}", flush=True)
    if keys.json is not None:
        keys.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(command(main, Keys))
