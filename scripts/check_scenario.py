"""Say before the first run what will not work and why; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module

from rich.console import Console
from rich.table import Table

from envs.core.arguments import command, key
from envs.core.errors import ScenarioError, nearest
from envs.core.files import REPOSITORY

WIDTH = 110     # the table, whatever the terminal says


@dataclass(frozen=True)
class Keys:
    """Look at a scenario and a trace before the first run: what will not work, and why.

    Finds families that no device can host within their allowance, load beyond the capacity, and
    numbers that look as if they were in other units. Exit status: 0 when nothing stands in the
    way, 1 with problems, 2 when a file cannot be read.

      python scripts/check_scenario.py env=blis scenario=my_cluster.yaml trace=my_requests.csv
      python scripts/check_scenario.py env=blis scenario=zipf_exponential trace=zipf_exponential@5
    """

    env: str = key("blis", "domain")
    scenario: str = key(meaning="name or YAML file of a scenario")
    trace: str | None = key(None, "name or file of a trace, default: the scenario's own")


def main(keys: Keys) -> int:
    """Check, print, count the problems."""
    domains = sorted(p.parent.name for p in (REPOSITORY / "envs").glob("*/check.py"))
    if keys.env not in domains:
        raise ScenarioError("no such domain", f"env={keys.env}", nearest(keys.env, domains))
    domain = f"envs.{keys.env}"
    scenario = import_module(f"{domain}.scenario").load_scenario(keys.scenario)
    trace = keys.trace or scenario.options.trace
    if trace is None:
        raise ScenarioError("the scenario names no trace", keys.scenario, "give trace=...")
    report = import_module(f"{domain}.check").check(scenario, trace)
    show(report, f"{scenario.name} with {report.trace}")
    return 1 if report.problems else 0


def show(report, title: str) -> None:
    """A table of the rows, the findings, and the verdict as the last line."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    header, rows = report.table()
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    if rows:
        console.print(table)
    for finding in report.findings:
        kind = "problem" if finding.problem else "note"
        line = f"{kind}: {finding.about}: {finding.what}; {finding.remedy}"
        console.print(line, markup=False, soft_wrap=True)
    console.print(report.verdict, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(command(main, Keys))
