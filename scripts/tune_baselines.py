"""Tune the few parameters of the baselines on the validation windows; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from agents.domains import domain
from agents.evaluation.tuning import tune, write
from envs.core.arguments import command, key


@dataclass(frozen=True)
class Keys:
    """Tune baselines on the validation windows and write what the table of baselines reads.

    The default and the tuned form (`NAME_tuned`) both stand in every table of test.py.

      python scripts/tune_baselines.py env=blis
    """

    env: str = key("blis", "domain")
    scenario: str | None = key(None, "name or file, default: that of the domain")
    names: list[str] = key([], "baselines to tune, default: all that have parameters")
    windows: int = key(2, "validation windows")
    window_length: float | None = key(None, "their length, default: that of the domain")
    output: Path | None = key(None, "file to write, default: the one that the table reads")


def main(keys: Keys) -> None:
    """Tune, say what it brought, write."""
    d = domain(keys.env)
    given = {"scenario": keys.scenario or d.scenario_name, "windows": keys.windows,
             "window_length": keys.window_length or d.window_length}
    found = tune(keys.env, keys.names or None, **given)
    extent = d.extent(given["window_length"])
    where = f"{given['windows']} validation windows {extent}".strip()
    where += f", scenario {given['scenario']}"
    write(keys.output or d.tuned_path, " ".join(["python", *sys.argv]), where, found)


if __name__ == "__main__":
    sys.exit(command(main, Keys))
