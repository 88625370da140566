"""Which jobs serve training, validation and test, by back-end."""
from __future__ import annotations

import numpy as np
import pytest

from envs.core.errors import ScenarioError, TraceError
from envs.net2net.cells import cell_of
from envs.net2net.replay import read_recording
from envs.net2net.scenario import Scenario
from envs.net2net.workloads import open_workload, workload_names
from tests.net2net_recordings import SMALL, write_recording

OTHER = cell_of("pair_max@1500/depth", fractions=(0.1, 0.4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("recordings") / "mine", (SMALL, OTHER))


def opened(trace=None, **keys):
    keys = {"cells": ["digits@600/depth", "pair_max@1500/depth"], **keys}
    return open_workload(trace, Scenario.from_config(keys, "my.yaml"))


def seeds(windows):
    return [(window.trace.cell.task, window.seed) for window in windows]


def test_the_model_has_the_same_seeds_for_every_cell():
    workload = opened()
    assert seeds(workload.part("train")) == [
        (task, seed) for seed in range(4) for task in ("digits", "pair_max")]
    assert seeds(workload.part("test", 3)) == [
        ("digits", 1_000_000), ("pair_max", 1_000_000), ("digits", 1_000_001)]
    assert len(workload.part("test")) == 10 and len(workload.part("validation")) == 4
    case = workload.part("validation", 1)[0].trace
    assert (case.backend, case.table, case.row, case.seed) == ("parametric", None, -1, 500_000)
    assert case.name == "digits@600/depth seed 500000"
    pool = workload.pool("train")
    assert pool.tables == (None, None) and pool.rows == ((), ())


def test_recorded_seeds_follow_the_split(folder):
    workload = opened(backend="tabular", tables=str(folder))
    assert seeds(workload.part("train")) == [
        (task, seed) for task in ("digits", "pair_max") for seed in (0, 1, 2)]
    assert seeds(workload.part("test")) == [("digits", 4), ("pair_max", 4)]
    assert seeds(workload.part("train", 2)) == [("digits", 0), ("pair_max", 2)]
    case = workload.part("test")[0].trace
    assert case.table.cell == SMALL and (case.row, case.seed) == (4, 4)
    pool = workload.pool("train")
    assert pool.rows == ((0, 1, 2), (0, 1, 2)) and pool.cells == (SMALL, OTHER)
    assert workload.pool("test", "tabular").rows == ((4,), (4,))


def test_a_split_may_be_named(folder):
    workload = opened(backend="tabular", tables=str(folder), split="validation")
    assert seeds(workload.part("test")) == [("digits", 3), ("pair_max", 3)]
    assert workload.pool("train").rows == ((3,), (3,))


def test_what_is_held_out_may_be_played_elsewhere(folder):
    workload = opened(evaluated="tabular", tables=str(folder), fractions=[0.1, 0.4])
    assert {window.trace.backend for window in workload.part("train")} == {"parametric"}
    assert seeds(workload.part("test")) == [("digits", 4), ("pair_max", 4)]
    assert workload.backend("train") == "parametric" and workload.backend("test") == "tabular"


def test_means_over_seeds_are_one_job(folder):
    workload = opened(backend="tabular", tables=str(folder), seed="mean")
    windows = workload.part("train")
    assert [window.name for window in windows] == [
        "digits@600/depth means", "pair_max@1500/depth means"]
    case = windows[0].trace
    recorded = read_recording(folder).tables[SMALL.name].leaves["val_accuracy"]
    assert case.mean and len(case.table.leaves) == 1
    assert case.table.leaves["val_accuracy"][0] == pytest.approx(recorded[:3].mean(0), abs=1e-15)
    assert np.array_equal(workload.part("test")[0].trace.table.leaves["val_accuracy"],
                          recorded[4:])


def test_live_trainings_take_recorded_seeds(folder):
    workload = opened(backend="live", tables=str(folder), fractions=[0.1, 0.4])
    assert seeds(workload.part("train")) == [("digits", 0), ("pair_max", 0)]
    assert seeds(workload.part("train", 5)) == [
        ("digits", 0), ("pair_max", 0), ("digits", 1), ("pair_max", 1), ("digits", 2)]
    assert len(workload.part("train", 50)) == 6
    case = workload.part("test")[0].trace
    assert (case.backend, case.row, case.seed) == ("live", 4, 4)
    assert workload.pool("test").rows == ((4,), (4,))


def test_live_trainings_without_a_table():
    workload = opened(backend="live")
    assert seeds(workload.part("test")) == [("digits", 1_000_000), ("pair_max", 1_000_000)]
    assert seeds(workload.part("test", 3))[-1] == ("digits", 1_000_001)
    assert workload.part("test")[0].trace.table is None
    assert workload.pool("test").rows == ((), ())


@pytest.mark.parametrize("form", [str, read_recording])
def test_a_recording_that_is_given_is_played(folder, form):
    workload = opened(form(folder), cells=["pair_max@1500/depth"], fractions=[0.1, 0.4])
    assert workload.name == "mine" and workload.cells == (OTHER,)
    assert seeds(workload.part("test")) == [("pair_max", 4)]
    assert workload.backend("train") == workload.backend("test") == "tabular"
    assert open_workload(workload, None) is workload
    live = opened(form(folder), backend="live", fractions=[0.1, 0.4])
    assert live.part("test")[0].trace.backend == "live"
    assert live.part("test")[0].trace.table.cell == SMALL


def test_a_recording_of_its_own_decision_times(folder):
    assert opened(str(folder)).cells == (SMALL, OTHER)
    assert opened(str(folder), fractions=[0.3]).cells == (SMALL, OTHER)


def test_all_cells_of_a_recording(folder):
    scenario = Scenario.from_config({"cells": None, "tables": str(folder), "backend": "tabular"})
    assert open_workload(None, scenario).cells == (SMALL, OTHER)
    published = open_workload("published", scenario)
    assert len(published.cells) == 10 and published.backend("test") == "tabular"


def test_mistakes(folder):
    with pytest.raises(ScenarioError, match="trace: mine has no table of digits@900/depth; did"):
        opened(str(folder), cells=["digits@900/depth"], theta=None, backend="live")
    with pytest.raises(ScenarioError, match="cells: pair_max@600/depth is not recorded; did"):
        opened(cells=["pair_max@600/depth"], backend="tabular", tables=str(folder)).part("test")
    with pytest.raises(TraceError, match='workload: unknown part "tst"; did you mean "test"'):
        opened().part("tst")
    with pytest.raises(TraceError, match="nowhere: no such recording"):
        opened("nowhere")
    assert "published" in workload_names()
