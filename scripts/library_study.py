"""What a policy library does with three families: specialists, merges, a split; `--help`."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.library import registry, versions
from agents.library.distilling import Lessons
from agents.library.distilling import merge as distilled
from agents.library.library import Library, place_of
from agents.library.simulated import Simulated
from agents.library.versions import RULE, RULE_NAME
from envs.core.arguments import command, key
from envs.core.errors import PolicyError
from envs.core.files import REPOSITORY, write_whole


@dataclass(frozen=True)
class Keys:
    """Train a specialist for each graph, merge them in three ways, split, and print how good every
    version is on every family.

      python scripts/library_study.py library=study steps=150000
    """

    library: str = key("study", "name below saved_models/dag/ or a folder; must be new")
    scenario: str = key("chol_readys", "machine and options")
    graphs: list[str] = key(["cholesky(n=6)", "lu(n=5)", "qr(n=5)"], "one family each")
    sigma: float = key(0.1, "noise of the durations")
    agent: list[str] = key(["agent=reinforce", "agent.gamma=1", "agent.learning_rate=0.003"],
                           "what train.py is told of the agent")
    steps: int = key(150_000, "of each training")
    states: int = key(20_000, "of each family, to distill from")
    seed: int = key(0, "of all learning")
    output: Path = key(Path("outputs/library_study.csv"), "the table as CSV")


def main(keys: Keys) -> None:
    """Everything in turn; the tables last."""
    root = place_of(keys.library)
    if root.exists():
        raise PolicyError("exists already", str(root), "name a new library")
    for graph in keys.graphs:
        train(keys, root, graph)
    library = Library(root, Simulated())
    parents = versions.versions(root)
    for name in ("soup", "greedy"):
        print(f"{name}: {library.merge(parents, name).line.verdict}")
    lessons = Lessons(states=keys.states, seed=keys.seed)
    print(f"distill: {distilled(library, parents, lessons).line.verdict}")
    print(library.split()[1].verdict)
    rows = table(library)
    write_whole(keys.output, "".join(f"{','.join(row)}\n" for row in rows).encode())
    print(*markdown(rows), sep="\n")
    print(*registry.shown(registry.read(root)), sep="\n")


def train(keys: Keys, root: Path, graph: str) -> None:
    """A specialist by `train.py`."""
    argv = [sys.executable, "train.py", "env=dag", *keys.agent, f"scenario={keys.scenario}",
            f"trace='{graph}'", f"steps={keys.steps}", f"seed={keys.seed}", f"library={root}",
            "options.noise=lognormal", f"options.sigma={keys.sigma}",
            "table=false", "pictures=false"]
    print(*argv[1:])
    if subprocess.run(argv, cwd=REPOSITORY).returncode:
        raise PolicyError("the training failed", graph, "see the lines above")


def table(library: Library) -> list[list[str]]:
    """Version, op, and A and g on every family; G_mean and G_max."""
    known, families = library.accuracies(), [*library.families]
    rows = [["version", "op", *(f"A {d}" for d in families), *(f"g {d}" for d in families),
             "G_mean", "G_max"]]
    for number in [RULE, *versions.versions(library.root)]:
        row, errors = known.row(number), known.errors(number)
        op = versions.read(library.root, number).op if number != RULE else "rule"
        total = known.generality(row)
        rows.append([str(number) if number != RULE else RULE_NAME, op, *(
            f"{x:.3f}" for x in (*row.values(), *errors.values(), total.mean, total.max))])
    return rows


def markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """The table for a page."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]


if __name__ == "__main__":
    sys.exit(command(main, Keys))
