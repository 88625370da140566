"""What `train.py library=NAME` does at the end: the run's policy becomes a version."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.library import aliases, families
from agents.library.library import Added, Library, place_of
from agents.library.recognition import family_of, on_graph
from envs.core.configs import merged

if TYPE_CHECKING:
    from agents.networks.acting import NetworkPolicy
    from agents.schema import TrainConfig
    from agents.training import Run
    from envs.dag.scenario import Scenario


def join(library: Library, policy: NetworkPolicy, scenario: Scenario, *, card: str = "",
         results: str = "", trained_on: Mapping[str, Any] | None = None) -> tuple[Added, str]:
    """Add a specialist; its family is found by the signatures of its graphs, or made."""
    family = families.make_or_join(library.root, family_of(scenario))
    return library.add(policy, op="train", trained=[family.name], family=family.name, card=card,
                       results=results, trained_on=trained_on), family.name


def scenario_of(config: TrainConfig, scenario: Scenario) -> Scenario:
    """What a run trains on: its scenario, with the graph of `trace=` in place of its own."""
    trace = config.trace or config.env.get("trace")
    return scenario if trace is None else on_graph(scenario, trace)


def check_run(config: TrainConfig, scenario: Scenario) -> None:
    """Whether what a run trains on can be a family of its library, which must be readable."""
    root = place_of(config.library)
    families.read_all(root)
    aliases.read(root)
    family_of(scenario_of(config, scenario))


def join_run(run: Run) -> str:
    """The policy of a run as a version of `library=NAME`; what came of it, in a line."""
    from agents.finish import card, trained_on
    from agents.library.simulated import Simulated

    library = Library(place_of(run.config.library), Simulated())
    scenario = scenario_of(run.config, run.task.scenario)
    policy = run.policy         # acts wherever it goes as it acted here
    policy.options = merged(policy.options, {"env": run.task.extra.get("env", {})})
    added, family = join(library, policy, scenario, card=card(run, library.root.name),
                         trained_on=trained_on(run))
    return (f"version {added.meta.version} of {run.config.library}, family {family}: "
            f"{added.line.verdict}; check: {added.check.verdict}")
