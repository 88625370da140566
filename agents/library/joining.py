"""What `train.py library=NAME` does at the end: the run's policy becomes a version."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.library import families
from agents.library.library import Added, Library, place_of
from agents.library.recognition import family_of
from envs.core.errors import PolicyError

if TYPE_CHECKING:
    from agents.networks.acting import NetworkPolicy
    from envs.dag.scenario import Scenario

DOMAIN = "dag"


def check_library(env: str, name: str) -> None:
    """Mistakes that would otherwise show after the training."""
    if env != DOMAIN:
        raise PolicyError(f"libraries are for env={DOMAIN}", "library",
                          "say save=NAME to keep a policy of another environment")
    place_of(name)


def join(library: Library, policy: NetworkPolicy, scenario: Scenario, *, card: str = "",
         trained_on: Mapping[str, Any] | None = None) -> tuple[Added, str]:
    """Add a specialist; its family is found by the signatures of its graphs, or made."""
    family = families.make_or_join(library.root, family_of(scenario))
    return library.add(policy, op="train", trained=[family.name], family=family.name, card=card,
                       trained_on=trained_on), family.name
