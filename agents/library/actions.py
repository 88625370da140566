"""The commands of a library: what `scripts/policy_library.py` says and prints."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from agents.library import aliases, families, registry, versions
from agents.library.gate import Limits
from agents.library.library import HOME, Added, Library, existing, place_of
from agents.library.registry import Line
from agents.library.verify import verify as defects_of
from agents.library.versions import RULE, RULE_NAME
from envs.core.errors import PolicyError, SuiteError, nearest
from envs.core.files import path_of

if TYPE_CHECKING:
    from envs.dag.scenario import Scenario

WIDTH = 110     # the tables, whatever the terminal says
HOWS = ("soup", "greedy", "distill")


Keys = Any      # what the script reads; a command looks at a part of it


def opened(keys: Keys, root: Path | None = None) -> Library:
    """The library with its simulator."""
    from agents.library.simulated import Simulated

    limits = Limits(keys.mean_growth, keys.most, keys.each, keys.rule, keys.check_growth,
                    keys.check_most, keys.fresh)
    return Library(root or existing(keys.library), Simulated(), limits)


def add(keys: Keys) -> None:
    """A saved policy as a specialist."""
    from agents.library.joining import join
    from agents.store import CARD, CONFIG, RESULTS, load, read_config

    place = policy_folder(needed(keys, "policy"))
    config = read_config(place / CONFIG)
    scenario = trained_on(config.trained_on, keys.scenario, str(place / CONFIG))
    added, family = join(opened(keys, place_of(keys.library)), load(place), scenario,
                         card=(place / CARD).read_text(), results=(place / RESULTS).read_text(),
                         trained_on=config.trained_on)
    say(added, f"family {family}")


def trained_on(told: Mapping[str, Any], scenario: str | None, where: str) -> Scenario:
    """The scenario that the user names, or that a saved policy says it was trained on."""
    from agents.library.recognition import on_graph
    from envs.dag.generate import is_call
    from envs.dag.scenario import load_scenario, scenario_names
    from envs.dag.workloads import workload_names

    if scenario:
        return load_scenario(scenario)
    name, trace = (str(told.get(key) or "") for key in ("scenario", "trace"))
    if name not in scenario_names():
        raise PolicyError(f"was trained on a scenario of your own, {name}" if name else
                          "does not say on what it was trained", where, "give scenario=FILE")
    found = load_scenario(name, told.get("options") or None)
    if trace in ("", name):
        return found
    if not is_call(trace) and trace not in workload_names():
        raise PolicyError(f"was trained on a file of your own, {trace}", where,
                          "give scenario=FILE, with the graph as its workload")
    return on_graph(found, trace)


def policy_folder(name: str) -> Path:
    """A saved policy by its name or its folder."""
    place = HOME / name if (HOME / name).is_dir() else path_of(name)
    if not place.is_dir():
        known = [p.parent.name for p in HOME.glob("*/config.yaml")]
        raise PolicyError("no such saved policy", name, nearest(name, known))
    return place


def choose(keys: Keys) -> None:
    """The table of candidates, the best first."""
    from agents.library.choosing import choose as tried_on
    from agents.library.updating import scenario_of

    library = opened(keys)
    scenario = scenario_of(library, needed(keys, "graph"), keys.machine)
    show_tried(tried_on(library, scenario), scenario.name)


def merge(keys: Keys) -> None:
    """A soup, a greedy soup, or a student."""
    library = opened(keys)
    if keys.how not in HOWS:
        raise SuiteError("unknown way to merge", f"how={keys.how}", nearest(keys.how, HOWS))
    if keys.weights and keys.how != "soup":
        raise SuiteError(f"no effect with how={keys.how}", "weights", "remove it")
    numbers = [aliases.resolve(library.root, text) for text in keys.versions]
    if not numbers or RULE in numbers:
        raise SuiteError("these are no versions with weights", f"versions={keys.versions}",
                         "name at least one learned version")
    if keys.how == "distill":
        from agents.library.distilling import Lessons
        from agents.library.distilling import merge as distilled

        say(distilled(library, numbers, Lessons(states=keys.states, seed=keys.seed)))
    else:
        say(library.merge(numbers, keys.how, keys.weights or None))


def update(keys: Keys) -> None:
    """Choose, fine-tune, gate."""
    from agents.library.updating import Course
    from agents.library.updating import update as tuned

    course = Course(steps=keys.steps, divergence=keys.kl, seed=keys.seed)
    found = tuned(opened(keys), needed(keys, "graph"), keys.machine, course)
    show_tried(found.tried, found.family)
    say(found.added, f"family {found.family}, from version {found.added.meta.parents[0]}")


def split(keys: Keys) -> None:
    """Who serves which family."""
    library = opened(keys)
    found, line = library.split(keys.tau)
    table = library.accuracies()
    show("serves", ["family", "version", "A", "g"], [
        [d, name_of(m), f"{table.of(m, d):.3f}", f"{table.errors(m)[d]:.3f}"]
        for d, m in found.serves.items()])
    told(line)


def promote(keys: Keys) -> int:
    """Ask the gate for a version that is there; status 1 if it says no."""
    library = opened(keys)
    line = library.promote(aliases.resolve(library.root, keys.version), keys.family)
    told(line)
    return int(not line.verdict.startswith(registry.PROMOTED))


def rollback(keys: Keys) -> None:
    """The previous champion, by hand."""
    told(opened(keys).rollback(keys.family))


def check(keys: Keys) -> None:
    """The champion on fresh cases."""
    from agents.library.checking import check as checked

    told(checked(opened(keys)))


def overview(keys: Keys) -> None:
    """Versions with what is known of them; measures nothing."""
    root = existing(keys.library)
    known, served = registry.accuracies(registry.read(root)), families.names(root)
    called: dict[int, list[str]] = {}
    for alias, version in aliases.read(root).items():
        called.setdefault(version, []).append(alias)
    rows = [[name_of(RULE), "rule", "", ", ".join(called.get(RULE, [])), *["1"] * len(served)]]
    for number in versions.versions(root):
        meta = versions.read(root, number)
        rows.append([str(number), meta.op, ",".join(meta.families),
                     ", ".join(called.get(number, [])),
                     *(f"{known[number, d]:.3f}" if (number, d) in known else "-"
                       for d in served)])
    show(str(root), ["version", "op", "trained on", "alias", *(f"A({d})" for d in served)], rows)


def history(keys: Keys) -> None:
    """The registry."""
    for line in registry.shown(registry.read(existing(keys.library))):
        print(line)


def verify(keys: Keys) -> int:
    """Every defect; status 1 if there is one."""
    root = existing(keys.library)
    defects = defects_of(root)
    for line in defects:
        print(line)
    count = len(versions.versions(root))
    print(f"{len(defects)} defects" if defects else f"{count} versions, everything is as written")
    return int(bool(defects))


def needed(keys: Keys, name: str) -> str:
    """A key that this command cannot do without."""
    if getattr(keys, name) is None:
        raise SuiteError("is needed", f"{name}=...", "see --help")
    return getattr(keys, name)


def say(added: Added, more: str = "") -> None:
    """A new version, the gate's word, the check."""
    print(f"version {added.meta.version}" + (f", {more}" if more else ""))
    told(added.line)
    told(added.check)


def told(line: Line) -> None:
    """One operation in a line."""
    print(f"{line.op}: {line.verdict}")


def name_of(version: int) -> str:
    """A version in tables."""
    return RULE_NAME if version == RULE else str(version)


def show_tried(tried: Sequence[Any], title: str) -> None:
    """Candidates with their cost relative to `mct_wait`."""
    show(title, ["policy", "cost", "why"], [[t.name, f"{t.cost:.4f}", t.why] for t in tried])


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, numbers to the right."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    table = Table(title=title, title_justify="left")
    for name in header:
        table.add_column(name, justify="right" if name[0] in "Acg" else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
