"""What a policy library does with a few families: specialists, merges, updates; `--help`."""
from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from agents.library import registry, versions
from agents.library.distilling import Lessons
from agents.library.distilling import merge as distilled
from agents.library.library import Library, place_of
from agents.library.simulated import Simulated
from agents.library.updating import Course, update
from agents.library.versions import RULE, RULE_NAME
from envs.core.arguments import command, key
from envs.core.errors import PolicyError
from envs.core.files import REPOSITORY, write_whole

BLOCK = re.compile(r"(?<=<!-- library study -->\n).*?(?=<!-- end -->)", re.S)
NOISE = 1.0         # deviation of what is added to the weights of the spoilt version


@dataclass(frozen=True)
class Keys:
    """Train a specialist for each graph, merge them in three ways, fine-tune on a new graph, add a
    spoilt version past the gate, split; print how good every version is on every family.

      python scripts/library_study.py page=docs/dag.md
    """

    library: str = key("outputs/study", "name below saved_models/dag/ or a folder; must be new")
    scenario: str = key("chol_readys", "machine and options")
    graphs: list[str] = key(["cholesky(n=6)", "lu(n=5)", "qr(n=5)"], "one family each")
    new: str = key("cholesky(n=8)", "the graph that comes later")
    sigma: float = key(0.1, "noise of the durations")
    agent: list[str] = key(["agent=reinforce", "agent.gamma=1", "agent.learning_rate=0.003"],
                           "what train.py is told of the agent")
    steps: int = key(150_000, "of each training")
    states: int = key(20_000, "of each family, to distill from")
    tuning: int = key(50_000, "steps of the update")
    seed: int = key(0, "of all learning")
    page: Path | None = key(None, "a page whose block `library study` is replaced")


def main(keys: Keys) -> None:
    """Everything in turn; the tables last."""
    root = place_of(keys.library)
    if root.exists():
        raise PolicyError("exists already", str(root), "name a new library")
    for graph in keys.graphs:
        train(keys, root, graph)
    library = Library(root, Simulated())
    parents = versions.versions(root)
    for how in ("soup", "greedy"):
        library.merge(parents, how)
    distilled(library, parents, Lessons(states=keys.states, seed=keys.seed))
    update(library, keys.new, course=Course(steps=keys.tuning, seed=keys.seed))
    spoil(library, keys.seed)
    library.split()
    lines = [*table(library, keys.scenario), "", *story(root, keys.scenario)]
    print(*lines, sep="\n")
    if keys.page is not None:
        fill(keys.page, [f"    {shlex.join(['python', *sys.argv])}", "", *lines])


def train(keys: Keys, root: Path, graph: str) -> None:
    """A specialist by `train.py`."""
    argv = [sys.executable, "train.py", "env=dag", *keys.agent, f"scenario={keys.scenario}",
            f"trace='{graph}'", f"steps={keys.steps}", f"seed={keys.seed}", f"library={root}",
            "options.noise=lognormal", f"options.sigma={keys.sigma}", "table=false",
            "pictures=false"]
    print("python", *argv[1:])
    if subprocess.run(argv, cwd=REPOSITORY).returncode:
        raise PolicyError("the training failed", graph, "see the lines above")


def spoil(library: Library, seed: int) -> None:
    """A deliberately bad update of the champion that the gate, told to allow all, lets through."""
    champion = library.aliases["champion"]
    policy = deepcopy(library.accuracies().actor(champion if champion != RULE else 1))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in policy.network.parameters():
            values += NOISE * torch.randn(values.shape, generator=generator)
    asleep = replace(library.limits, mean_growth=1e9, most=1e9, each=1e9, rule=1e9)
    Library(library.root, library.judge, asleep).add(
        policy, op="finetune", parents=[champion], trained=[*library.families],
        card="# A spoilt copy\n")


def table(library: Library, scenario: str) -> list[str]:
    """Markdown: A of every version on every family, and its G."""
    known, families = library.accuracies(), [*library.families]
    rows = [["version", "made by", *(f"A {short(d, scenario)}" for d in families), "G_mean",
             "G_max"], ["---", "---", *["---:"] * (len(families) + 2)]]
    for number in [RULE, *versions.versions(library.root)]:
        row = known.row(number)
        meta = None if number == RULE else versions.read(library.root, number)
        made = "rule" if meta is None else " ".join(
            [meta.op, "+".join(map(str, meta.parents)) or short(meta.families[0], scenario)])
        total = known.generality(row)
        rows.append([RULE_NAME if meta is None else str(number), made,
                     *(f"{x:.3f}" for x in (*row.values(), total.mean, total.max))])
    return [f"| {' | '.join(row)} |" for row in rows]


def story(root: Path, scenario: str) -> list[str]:
    """Markdown: what gate and checks said."""
    rows = [["operation", "version", "verdict"], ["---"] * 3]
    rows += [[line.op, "+".join(map(str, line.versions)), short(line.verdict, scenario)]
             for line in registry.read(root)]
    return [f"| {' | '.join(row)} |" for row in rows]


def short(text: str, scenario: str) -> str:
    """Families without the scenario that all of them share."""
    return text.replace(f"{scenario}_", "")


def fill(page: Path, lines: Sequence[str]) -> None:
    """Replace the block of the page."""
    text = page.read_text()
    if not BLOCK.search(text):
        raise PolicyError("has no block `library study`", str(page),
                          "write <!-- library study --> and <!-- end -->")
    body = "\n".join([*lines, ""])
    write_whole(page, BLOCK.sub(lambda _: body, text).encode())


if __name__ == "__main__":
    sys.exit(command(main, Keys))
