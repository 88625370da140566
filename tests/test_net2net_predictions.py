"""Live trainings beside what the fitted curve and the recording say of the same actions."""
from __future__ import annotations

import numpy as np
import pytest

from agents.evaluation.command import evaluate
from agents.evaluation.predictions_net2net import prediction_table
from agents.evaluation.settings import TestConfig
from tests.small_net2net import parametric, scenario, small

pytest.importorskip("sklearn")
QUICK = {"cells": [{"cell": "digits@200/depth", "theta": "digits@600/depth"}]}


@pytest.fixture(scope="module")
def live():
    return small(["never", "fixed(3,1)"], scenario=parametric(evaluated="live", **QUICK))


def test_the_fitted_curve_stands_beside_every_decision(live):
    table = prediction_table(live)
    assert len(table.rows) == 2 * 3 and {len(row) for row in table.rows} == {len(table.headings)}
    for o, rows in zip(live.outcomes, (table.rows[:3], table.rows[3:]), strict=True):
        states, told = o.digest.states, o.digest.predictions["fitted curve"]
        assert np.allclose(states["clock"], told["clock"]) and len(o.digest.predictions) == 1
        assert [row[2] for row in rows] == [*map(str, o.digest.taken), ""]
        assert [row[3] for row in rows] == [f"{x:.4f}" for x in states["val_accuracy"]]
        assert [row[4] for row in rows] == [f"{x:.4f}" for x in told["val_accuracy"]]
        assert {row[5] for row in rows} == {"-"} and all(float(row[9]) >= 0 for row in rows)
    errors = [abs(o.digest.predictions["fitted curve"]["val_accuracy"][-1]
                  - o.metrics["val_accuracy"]) for o in live.outcomes]
    assert table.note == (
        f"final accuracy by fitted curve: {np.mean(errors):.4f} off in the mean")


def test_a_live_training_has_a_test_accuracy_but_is_scored_beside_the_model(live):
    for o in live.outcomes:
        assert 0 < o.metrics["test_accuracy"] < 1
        assert o.metrics["normalised"] == o.metrics["normalised_val"]


def test_the_recording_of_the_very_seed_stands_there_too():
    found = small(["fixed(1,2)"], scenario=scenario(evaluated="live", cells=["digits@600/depth"]))
    o, = found.outcomes
    case = o.digest.case
    leaf = case.table.leaves[case.row, case.cell.leaf_of((1, 2))]
    row = prediction_table(found).rows[-1]
    assert o.window == "digits@600/depth seed 5" and set(o.digest.predictions) == {
        "fitted curve", "recording"}
    assert row[5] == f"{leaf['val_accuracy']:.4f}" and row[8] == f"{leaf['clock']:.1f}"
    assert o.metrics["normalised"] != o.metrics["normalised_val"]


def test_the_command_prints_both(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evaluate(TestConfig(env={"name": "net2net"}, backend="live", policy="late(1)", workers=1,
                        report=False, options={**QUICK, "tables": []}), tmp_path / "out")
    printed = " ".join(capsys.readouterr().out.split())
    assert "predicted and measured" in printed and "late(1), digits@200/depth" in printed
    assert "final accuracy by fitted curve" in printed and "best_constant" not in printed
