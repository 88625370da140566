"""The named contenders: every one is a valid scenario, the list is the published one."""
from __future__ import annotations

import pytest

from agents.baselines.cluster import BASELINES, GRIDS, NEEDS, baseline, completed, missing
from agents.evaluation.tuning import with_choice
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario, load_scenario
from envs.core.errors import PolicyError

# Policy of the table of named scenarios -> what must differ from the default options.
PUBLISHED = {
    "fifo": {"misfit": "stop"}, "easy": {"misfit": "reserve"}, "fifo_backfill": {},
    "sjf_gpus": {"order": "sjf-gpus"}, "sjf": {"order": "sjf"},
    "las": {"order": "las", "preempt": "strict"},
    "tiresias": {"order": "tiresias", "preempt": "strict"},
    "gittins": {"order": "gittins", "preempt": "strict"},
    "las_gpu": {"order": "las-gpu", "preempt": "strict"},
    "srtf": {"order": "srtf", "preempt": "strict"},
    "srtf_gpu": {"order": "srtf-gpu", "preempt": "strict"},
    "srtf_gpu_consolidated": {"order": "srtf-gpu", "preempt": "strict",
                              "placement": "consolidated", "relax_after_s": 3600},
    "srtf_gpu_spread": {"order": "srtf-gpu", "preempt": "strict", "placement": "spread"},
    "fifo_repack": {"misfit": "stop", "preempt": "repack"},
    "las_gpu_repack": {"order": "las-gpu", "preempt": "repack"},
    "srtf_gpu_repack": {"order": "srtf-gpu", "preempt": "repack"},
    "isolated": {"share": {"policy": "isolated"}},
    "optimus": {"order": "srtf-gpu", "elastic": {"policy": "optimus", "sizes": "pow2"}},
}
OTHERS = {
    "random", "hrrn", "priority", "edf", "llf", "max_min", "max_min_agnostic", "water_filling",
    "hierarchical", "ftf", "makespan", "throughput", "throughput_slo", "sia", "lookahead",
    "easy_estimate", "sjf_estimate", "srtf_estimate", "srtf_gpu_estimate", "optimus_estimate",
    "las_gpu_consolidated", "gittins_consolidated", "blox_fifo", "blox_las", "blox_srtf"}
BLIND = {"fifo", "las", "las_gpu", "tiresias", "gittins", "sjf_gpus", "priority", "edf", "random"}


def small(**options) -> Scenario:
    return Scenario.from_config({"cluster": {"types": ["a"], "nodes": [{"gpus": 4}]}, **options})


def jobs(**columns) -> list[Trace]:
    rows = [{"arrival_s": k, "gpus": 1, "duration_s": 9, **{c: v[k] for c, v in columns.items()}}
            for k in range(2)]
    return [Trace.from_rows(rows)]


def many() -> list[Trace]:
    return [Trace.from_rows([{"arrival_s": 0, "gpus": 1, "duration_s": 1}] * 2001)]


def test_the_table_is_complete():
    assert set(BASELINES) == {*PUBLISHED, *OTHERS}


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_overrides_are_options(name):
    plain = small(completion="boundary")
    options = plain.replace(**completed(baseline(name).overrides, plain, jobs()[0])).options
    assert (name in BLIND) <= (not baseline(name).privileged)
    assert (options.size == "estimate") == name.endswith("_estimate")
    changed = {k for k, v in vars(options).items() if v != getattr(plain.options, k)}
    assert changed <= {"order", "misfit", "preempt", "evict", "size", "placement", "relax_after_s",
                       "consolidate", "share", "elastic", "lookahead"}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_names_mean_the_published_options(name):
    assert small().replace(**baseline(name).overrides).options == (
        small().replace(**PUBLISHED[name]).options)


@pytest.mark.parametrize("name", sorted(GRIDS))
def test_grids_hold_options_other_than_the_default(name):
    default = small().replace(**baseline(name).overrides).options
    assert not baseline(name).privileged
    for option, values in GRIDS[name].items():
        tried = [small().replace(**with_choice(baseline(name).overrides, {option: v})).options
                 for v in values]
        assert all(t != default for t in tried) and len({repr(t) for t in tried}) == len(values)


def test_a_baseline_replaces_the_policy_of_a_scenario_and_keeps_its_rules():
    given = small(mode="round", share={"policy": "isolated"}, placement="spread", admission="load",
                  theta=1.5, boost_after_s=100)
    options = given.replace(**baseline("las").overrides).options
    assert options.share is None and options.order == "las"
    assert (options.placement, options.admission, options.theta) == ("spread", "load", 1.5)
    assert options.boost_after_s == 100


@pytest.mark.parametrize(("name", "scenario", "trace", "reason"), [
    ("max_min", small(mode="event"), jobs(), "mode: event"),
    ("max_min", small(), jobs(), None),
    ("max_min_agnostic", small(), jobs(), "one GPU type"),
    ("max_min", small(), jobs() * 2000, None),
    ("max_min", small(round_s=30), jobs(), "a round is no longer than a restart"),
    ("max_min", small(), many(), "more than 2000 jobs: name them to wait for their solves"),
    ("edf", small(), jobs(), "no deadlines"),
    ("edf", small(), jobs(deadline_s=[50, 60]), None),
    ("throughput", small(), jobs(deadline_s=[50, 60]), "there are deadlines"),
    ("priority", small(), jobs(priority=[1, 1]), "one priority"),
    ("priority", small(), jobs(priority=[1, 2]), None),
    ("hierarchical", small(), jobs(tenant=[0, 3]), None),
    ("hierarchical", small(), jobs(), "one tenant"),
    ("srtf_estimate", small(), jobs(), "no estimates"),
    ("srtf_estimate", small(), jobs(estimate_s=[9, 8]), None),
    ("optimus", small(), jobs(max_gpus=[1, 4]), "no elastic jobs"),
    ("optimus", load_scenario("elastic-32"), jobs(max_gpus=[1, 4]), None),
    ("optimus", load_scenario("mixed-36"), jobs(max_gpus=[1, 4]), "no elastic jobs"),
    ("srtf_gpu_repack", load_scenario("mixed-36"), jobs(), None),
    ("srtf_gpu_consolidated", load_scenario("philly-32"), jobs(), None),
    ("srtf_gpu_consolidated", small(), jobs(), "no class minds its place"),
    ("blox_las", small(), jobs(), "completion: exact"),
    ("blox_las", load_scenario("blox-2024"), jobs(), None),
])
def test_a_baseline_is_offered_where_it_makes_sense(name, scenario, trace, reason):
    assert missing(name, scenario, trace) == reason


def test_tenants_are_the_entities_of_hierarchical_shares():
    trace, = jobs(tenant=[5, 2])
    own = completed(baseline("hierarchical").overrides, small(), trace)
    entities = small().replace(**own).options
    assert [e.jobs for e in entities.share.entities] == [(1,), (0,)]
    own = {"share": {"policy": "hierarchical", "entities": [{"jobs": [0, 1]}]}}
    assert completed(own, small(), trace) == own


def test_look_ahead_does_not_lift_a_quota():
    ruled = small(admission="quota", quota={0: 2})
    own = completed(baseline("lookahead").overrides, ruled, jobs()[0])
    candidates = ruled.replace(**own).options.lookahead.candidates
    assert [c["order"] for c in candidates] == ["fifo", "srtf", "las"]
    assert not any("admission" in c for c in candidates)
    free = completed(baseline("lookahead").overrides, small(), jobs()[0])
    assert len(small().replace(**free).options.lookahead.candidates) == 9


def test_every_need_is_used():
    assert {n for b in BASELINES.values() for n in b.needs} == set(NEEDS)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(PolicyError, match='did you mean "srtf_gpu"'):
        baseline("srtf-gpu")
