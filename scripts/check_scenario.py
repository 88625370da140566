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

WIDTH = 110     # the tables, whatever the terminal says


@dataclass(frozen=True)
class Keys:
    """Look at a scenario and a trace before the first run: what will not work, and why.

    blis: families that no device can host within their allowance, load beyond the capacity, and
    numbers that look as if they were in other units. cluster: classes and jobs that no node can
    run, types that nobody uses, quotas, load, units; a cluster file is enough. dag: tasks that no
    worker can run or whose tiles fit no memory, cycles, idle workers, options without effect.
    net2net: cells that are not recorded or fitted, budgets, masks, seeds, options without effect.
    Exit status: 0 when nothing stands in the way, 1 with problems, 2 when a file cannot be read.

      python scripts/check_scenario.py env=blis scenario=my_cluster.yaml trace=my_requests.csv
      python scripts/check_scenario.py env=cluster scenario=philly-32
      python scripts/check_scenario.py env=dag scenario=tiled trace=my_graph.json
      python scripts/check_scenario.py env=net2net scenario=depth trace=my_recording/
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
    report = import_module(f"{domain}.check").check(scenario, keys.trace)
    show(report, f"{scenario.name} with {report.trace}" if report.trace else scenario.name)
    return 1 if report.problems else 0


def show(report, title: str) -> None:
    """The tables, the findings, and the verdict as the last line."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    sections = [section for section in report.sections() if section.rows]
    for n, section in enumerate(sections):
        table = Table(title="" if n else title, title_justify="left")
        for i, name in enumerate(section.header):
            table.add_column(name, justify="right" if i else "left", no_wrap=True)
        for row in section.rows:
            table.add_row(*row)
        console.print(table)
    for finding in report.findings:
        kind = "problem" if finding.problem else "note"
        line = f"{kind}: {finding.about}: {finding.what}; {finding.remedy}"
        console.print(line, markup=False, soft_wrap=True)
    console.print(report.verdict, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(command(main, Keys))
