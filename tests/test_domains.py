"""What a domain tells the evaluation."""
from __future__ import annotations

import numpy as np
import pytest

from agents.baselines.blis import BASELINES
from agents.domains import ADAPTERS, domain
from envs.core.errors import ScenarioError
from tests.small_comparison import scenario, trace


@pytest.mark.parametrize("name", list(ADAPTERS))
def test_every_domain_is_whole(name):
    d = domain(name)
    assert d.name == name and d is domain(name)
    assert set(d.rivals) <= set(d.baselines()) and set(d.grids) <= set(d.baselines())
    assert not any(d.baselines()[r].privileged for r in d.rivals)
    assert d.main is d.columns[0] and d.main.brief
    assert len({c.metric for c in d.columns}) == len(d.columns)


def test_every_environment_has_its_domain():
    import gymnasium as gym

    import envs  # noqa: F401

    ours = {name for name in gym.registry if name.startswith("sched/")}
    assert ours <= {domain(name).env_id for name in ADAPTERS} and len(ours) >= 2


def test_the_metric_to_rank_by():
    assert domain("blis").main.metric == "accuracy_per_request"
    assert domain("cluster").main.metric == "jct_mean"
    assert domain("blis").main.larger_is_better and not domain("cluster").main.larger_is_better


def test_an_unknown_environment_names_the_nearest():
    with pytest.raises(ScenarioError, match='did you mean "blis"'):
        domain("blos")


def test_an_unknown_suite_is_one_error():
    with pytest.raises(ScenarioError, match="env=blis has no such suite; sweep loads or devices"):
        domain("blis").suite("noise", None, None)


def test_the_table_holds_every_baseline_and_its_tuned_form(monkeypatch, tmp_path):
    from agents.evaluation.blis import Blis

    path = tmp_path / "tuned.yaml"
    path.write_text("infaas: {before: 1.0, after: 2.0, choice: {allocation.period: 2}}\n"
                    "nexus: {before: 1.0, after: 1.0, choice: {}}\n")
    monkeypatch.setattr(Blis, "tuned_path", path)
    table = Blis().baselines()
    assert set(table) == {*BASELINES, "infaas_tuned"}
    names = list(table)
    assert names.index("infaas_tuned") == names.index("infaas") + 1
    assert table["infaas_tuned"].overrides["allocation"] == {"policy": "infaas", "period": 2}
    assert table["infaas_tuned"].overrides["routing"] == table["infaas"].overrides["routing"]


@pytest.mark.parametrize(("devices", "counts"), [
    (6, [4, 2]), (9, [6, 3]), (4, [3, 1]), (1, [1, 0])])
def test_a_cluster_is_scaled_in_its_proportions(devices, counts):
    scaled = domain("blis").with_devices(scenario(), devices)
    assert [a.count for a in scaled.accelerators] == counts
    assert scaled.options == scenario().options


def test_load_multiplies_the_rate_of_both_kinds_of_workload():
    d = domain("blis")
    recorded = d.open_workload(trace(), scenario())
    faster = d.at_load(scenario(), recorded, 4.0)
    assert sum(faster.mean_demand().values()) == pytest.approx(
        4 * sum(recorded.mean_demand().values()), rel=0.01)
    named = d.load_scenario("zipf_exponential")
    generated = d.open_workload("zipf_exponential", named)
    double = d.at_load(named, generated, 2.0)
    assert len(double.part("test", 1)[0].trace) == pytest.approx(
        2 * len(generated.part("test", 1)[0].trace), rel=0.05)


def test_a_prepared_scenario_has_no_horizon_and_knows_the_training_demand():
    d = domain("blis")
    given = scenario(horizon_ms=400, episode={"random_start": True, "start_ms": 50})
    workload = d.open_workload(trace(), given)
    told = d.prepared(given, workload).options
    assert told.horizon_ms is None and not told.episode.random_start
    assert told.episode.start_ms == 0 and told.families == ("a", "b", "c")
    assert told.allocation.initial_demand == workload.mean_demand()
    assert told.family_slo_ms == {"a": 60.0, "b": 60.0, "c": 60.0}


def test_a_baseline_forgets_what_the_scenario_says_but_not_the_demand():
    d = domain("blis")
    given = scenario(batching={"policy": "aimd", "timeout_ms": 7})
    told = d.prepared(given, d.open_workload(trace(), given))
    blocks = {"batching": {"policy": "greedy"}, "allocation": {"policy": "lfu"}}
    own = d.configured(told, blocks, {}, trace())
    assert own.options.batching.timeout_ms is None and own.options.allocation.policy == "lfu"
    assert own.options.allocation.initial_demand == told.options.allocation.initial_demand


def test_a_scenario_without_a_trace_says_what_to_do():
    with pytest.raises(ScenarioError, match="say trace=NAME"):
        domain("blis").open_workload(None, scenario())


def test_records_have_names_and_nulls():
    d = domain("blis")
    workload = d.open_workload(trace(), scenario())
    window = workload.part("test", 1, 300.0)[0]
    run = d.simulate(d.prepared(scenario(), workload), window.trace, 0)
    columns = d.records(run)["requests"]
    assert list(columns) == ["request", "family", "arrival_ms", "slo_ms", "qos", "device",
                             "variant", "start_ms", "finish_ms", "status"]
    assert {len(v) for v in columns.values()} == {len(run.records)}
    never = np.isnan(columns["start_ms"])
    assert all((v is None) == n for v, n in zip(columns["variant"], never, strict=True))
