"""The named contenders: every one is a valid scenario, and the list is the published one."""
import pytest

from agents.baselines.blis import BASELINES, baseline
from envs.blis.scenario import Scenario
from envs.core.errors import PolicyError
from tests.planning_cases import CONFIG

NAMES = {
    "random_eft", "static_eft", "lfu_eft", "load_proportional_eft", "blis_ilp_eft", "static_lft",
    "blis_ilp_lft", "random_wc", "load_proportional_wc", "max_throughput", "clipper_ha",
    "clipper_ht", "infaas", "sommelier", "proteus", "proteus_wc", "nexus", "proteus_tuned",
    "clairvoyant"}


def test_the_table_is_complete():
    assert set(BASELINES) == NAMES
    assert {n for n, b in BASELINES.items() if b.privileged} == {"clairvoyant"}
    assert {n: b.tuned_from for n, b in BASELINES.items() if b.tuned_from} == {
        "proteus_tuned": "proteus"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_overrides_are_options(name):
    options = Scenario.from_config(CONFIG).replace(**baseline(name).overrides).options
    assert set(baseline(name).overrides) == {
        "routing", "batching", "dropping", "admission", "allocation"}
    assert (options.admission == "feasible") == name.endswith(("_eft", "_lft"))
    assert (options.allocation.demand.kind == "future") == baseline(name).privileged


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(PolicyError, match='did you mean "proteus_wc"'):
        baseline("proteus-wc")
