"""Mistakes that a new user of the cluster made, each with the one line that it earns now."""
from __future__ import annotations

import math

import pytest
import yaml

from agents.domains import domain
from agents.evaluation.command import sweep
from agents.evaluation.settings import TestConfig
from agents.validation import Score
from envs.cluster.check import check
from envs.cluster.replay import Trace, read_trace
from envs.cluster.scenario import Scenario, load_scenario
from envs.cluster.workloads import open_workload
from envs.core.errors import ScenarioError, SuiteError, TraceError
from tests.small_cluster import scenario, small

ONE = {"types": ["gpu"], "nodes": [{"gpus": 1}]}
JOB = {"arrival_s": 3, "gpus": 1, "duration_s": 500_000}


def test_an_option_of_the_command_line_is_not_blamed_on_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"cluster": ONE}))
    with pytest.raises(ScenarioError, match=r"^options: ordr: unknown key"):
        load_scenario(path, {"ordr": "las"})
    path.write_text(yaml.safe_dump({"cluster": ONE, "ordr": "las"}))
    with pytest.raises(ScenarioError, match=r"mine\.yaml: ordr: unknown key"):
        load_scenario(path, {"round_s": 60})


def test_a_class_that_is_no_mapping_names_the_file():
    with pytest.raises(ScenarioError, match=r"my\.yaml: class 0: 'bert' is no mapping"):
        Scenario.from_config({"cluster": {**ONE, "classes": ["bert"]}}, "my.yaml")


def test_a_place_for_records_is_tried_before_the_run(tmp_path):
    taken = tmp_path / "records"
    taken.write_text("mine")
    with pytest.raises(SuiteError, match="records: cannot be written"):
        small(["fifo"], windows=1, records=taken)
    assert taken.read_text() == "mine"


def test_a_load_beyond_the_limit_hears_of_it():
    with pytest.raises(ScenarioError, match="above 0 and below 1e6"):
        sweep(TestConfig(loads=[1e9]), domain("cluster"))


@pytest.mark.parametrize(("text", "message"), [
    ("arrival_s,gpus,duration_s\n0,1e30,9\n", r'line 2, column gpus: "1e30" is not an integer'),
    ("arrival_s,gpus,duration_s,priority\n0,1,9,1e19\n", "priority.* is not an integer"),
    ('arrival_s,gpus,duration_s,class\n0,1,9,a\n1,1,9,"b\n2,1,9,c\n',
     "line 3: a quotation mark is not closed"),
])
def test_cells_that_are_no_numbers_or_have_no_end(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=message) as error:
        read_trace(path)
    assert "\n" not in str(error.value)


def test_rows_in_python_hold_integers_of_64_bits():
    with pytest.raises(TraceError, match="is not a finite int"):
        Trace.from_rows([{**JOB, "priority": 10**19}])


def test_lines_may_end_as_on_an_old_mac(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"arrival_s,gpus,duration_s\r0,1,9\r5,2,9\r")
    assert read_trace(path).gpus.tolist() == [1, 2]


def test_a_policy_that_leaves_jobs_undone_is_never_the_best():
    nothing, few, slow, fast = (Score("policy", {}, main, undone) for main, undone in (
        (math.nan, 9), (-1, 8), (-7, 0), (-5, 0)))
    ranked = [nothing, few, slow, fast]
    for i, worse in enumerate(ranked):
        assert worse.better_than(None) and not worse.better_than(worse)
        assert all(b.better_than(worse) and not worse.better_than(b) for b in ranked[i + 1:])


def test_a_check_counts_in_words():
    gone = {**ONE, "events": [{"time_s": 9, "node": 0, "event": "fail"}]}
    report = check(Scenario.from_config({"cluster": gone}), Trace.from_rows([JOB]))
    assert report.verdict.endswith(": 1 job at once for 1 GPU")
    for what in ("no job falls into the part for train, validation", "node 0 leaves for good"):
        assert any(f.what.startswith(what) for f in report.findings)


def test_a_trace_without_a_span_has_no_parts_and_no_load():
    once = Trace.from_rows([JOB], name="once")
    with pytest.raises(TraceError, match=r"no job falls into the train part; .*simulate\(\)"):
        open_workload(once, scenario()).part("train")
    with pytest.raises(TraceError, match="all at once have no load"):
        domain("cluster").at_load(scenario(), open_workload(once, scenario()), 0.5).part("test")


def test_a_scenario_may_be_a_mapping():
    assert load_scenario({"cluster": ONE, "order": "las"}, {"round_s": 60}).options.order == "las"


def test_a_scenario_in_place_of_a_cluster_file(tmp_path):
    path = tmp_path / "cl.yaml"
    path.write_text(yaml.safe_dump({**ONE, "mode": "event"}))
    with pytest.raises(ScenarioError, match=r'cl\.yaml: "mode" belongs to a scenario'):
        Scenario.from_config({"cluster": str(path)})
