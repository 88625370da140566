"""Policies of many graph families: add, choose, merge, update, split, take back; `--help`."""
from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from agents.library import actions
from envs.core.arguments import command, key
from envs.core.errors import SuiteError, nearest


@dataclass(frozen=True)
class Keys:
    """Keep a library of policies below saved_models/dag/: what serves went through a gate, and is
    taken back when fresh cases show that it is worse than it seemed.

      policy_library.py add LIBRARY POLICY [SCENARIO]      a saved policy as a specialist
      policy_library.py choose LIBRARY GRAPH [MACHINE]     who would do best; writes nothing
      policy_library.py merge LIBRARY VERSION... --how soup|greedy|distill [--weights .5,.5]
      policy_library.py update LIBRARY GRAPH [MACHINE]     choose, then fine-tune
      policy_library.py split LIBRARY                      few versions that serve all families
      policy_library.py promote LIBRARY VERSION            ask the gate again
      policy_library.py rollback LIBRARY [--family NAME]   champion <- previous, by hand
      policy_library.py check LIBRARY                      the champion on fresh cases
      policy_library.py list|history|verify LIBRARY

    A version is a number or an alias (champion, candidate, previous, champion/FAMILY). Every
    --key value may be written key=value. Exit status: 1 if verify finds a defect.
    """

    command: str = key(meaning="one of those above")
    library: str = key(meaning="name below saved_models/dag/, or a folder")
    policy: str | None = key(None, "add: name below saved_models/dag/, or a folder")
    scenario: str | None = key(None, "add: what it was trained on, default: as its file says")
    graph: str | None = key(None, "choose, update: a file or a call such as cholesky(n=8)")
    machine: str | None = key(None, "choose, update: a file, default: that of the library")
    versions: list[str] = key([], "merge: the parents")
    version: str = key("candidate", "promote: which")
    how: str = key("soup", "merge: soup, greedy or distill")
    weights: list[float] = key([], "merge: of a soup, sum 1; default: equal")
    states: int = key(20_000, "merge: of each family, to distill from")
    steps: int = key(50_000, "update: of the environment")
    kl: float = key(0.1, "update: weight of the divergence from the parent")
    seed: int = key(0, "merge, update: of the learning")
    tau: float = key(0.10, "split: the greatest generality error that is good enough")
    family: str | None = key(None, "promote, rollback: after a split, whose champion")
    mean_growth: float = key(0.02, "gate 1: growth of G_mean over the champion's")
    most: float = key(0.10, "gate 2: G_max, unless the champion's is greater")
    each: float = key(1.05, "gate 3: cost relative to the champion's, each family")
    rule: float = key(1.05, "gate 4: cost relative to mct_wait, unless the champion's is greater")
    check_growth: float = key(0.05, "check: growth of G_mean since promotion")
    check_most: float = key(0.15, "check: G_max")
    fresh: int = key(20, "check: fresh cases of each family")


LIMITS = ("mean_growth", "most", "each", "rule", "check_growth", "check_most", "fresh")
POSITIONAL = {"add": ["policy", "scenario"], "choose": ["graph", "machine"],
              "update": ["graph", "machine"], "promote": ["version"]}
USED = {
    "add": {"policy", "scenario", *LIMITS}, "choose": {"graph", "machine"},
    "merge": {"versions", "how", "weights", "states", "seed", *LIMITS},
    "update": {"graph", "machine", "steps", "kl", "seed", *LIMITS}, "split": {"tau"},
    "promote": {"version", "family", *LIMITS}, "rollback": {"family"}, "check": {*LIMITS},
    "list": set(), "history": set(), "verify": set(),
}
ACTIONS: dict[str, Callable[[Keys], int | None]] = {
    name: actions.overview if name == "list" else getattr(actions, name) for name in USED}


def key_values(argv: Sequence[str]) -> list[str]:
    """`choose tiled graph.json --seed 3` as `command=choose library=tiled graph=... seed=3`."""
    plain, given, words = [], [], iter(argv)
    for word in words:
        if re.match(r"--\w+$", word) and word != "--help":
            given.append(f"{word[2:]}={next(words, '')}")
        elif re.match(r"(--)?[a-z_]+=", word):
            given.append(word.removeprefix("--"))
        else:
            plain.append(word)
    if {"-h", "--help", "help"} & {*plain}:
        return ["--help"]
    order = ["command", "library", *POSITIONAL.get(plain[0] if plain else "", [])]
    if plain[:1] == ["merge"] and plain[2:]:
        given.append(f"versions={','.join(plain[2:])}")
        plain = plain[:2]
    surplus = plain[len(order):]        # `parse` says that they are no key=value
    return [f"{name}={word}" for name, word in zip(order, plain, strict=False)] + given + surplus


def main(keys: Keys) -> int | None:
    """One command."""
    if keys.command not in USED:
        raise SuiteError("unknown command", keys.command, nearest(keys.command, USED))
    plain = Keys(command=keys.command, library=keys.library)
    for f in fields(Keys):
        if getattr(keys, f.name) != getattr(plain, f.name) and f.name not in USED[keys.command]:
            raise SuiteError(f"no effect with {keys.command}", f.name, "remove it")
    return ACTIONS[keys.command](keys)


if __name__ == "__main__":
    sys.exit(command(main, Keys, key_values(sys.argv[1:])))
