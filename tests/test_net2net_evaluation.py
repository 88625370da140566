"""Growing networks in a comparison: scored by test accuracy, chosen by validation accuracy."""
from __future__ import annotations

import csv

import numpy as np
import polars as pl
import pytest

from agents.contenders import PolicyContender
from agents.domains import domain
from agents.evaluation import cache, report
from agents.evaluation.command import contenders, evaluate
from agents.evaluation.facts_net2net import by_cell, cell_table, mean_reference, mean_table
from agents.evaluation.figures_net2net import sequence_transfer
from agents.evaluation.protocol import BASELINES, compare
from agents.evaluation.settings import TestConfig
from agents.validation import Validator
from envs.core.errors import PolicyError, ScenarioError
from envs.net2net.cells import cell_of
from envs.net2net.metrics import metrics
from envs.net2net.simulate import simulate
from tests import scripting
from tests.net2net_recordings import write_recording
from tests.small_net2net import CELLS, NAMES, parametric, recording, scenario, small, usual


def test_windows_are_cells_and_test_seeds():
    found = usual()
    assert [w.name for w in found.windows] == [
        f"{cell} seed {seed}" for cell in CELLS for seed in (5, 6)]
    assert "4 test windows, 1 seed" in report.title(found)


def test_scores_are_of_the_test_accuracy_of_the_very_seed():
    found = usual()
    for o in found.outcomes:
        case, taken = o.digest.case, o.digest.taken
        leaf = case.cell.leaf_of(taken)
        values = case.table.leaves["test_accuracy"][case.row]
        assert o.metrics["test_accuracy"] == values[leaf]
        assert o.metrics["val_accuracy"] == case.table.leaves["val_accuracy"][case.row, leaf]
        spread = values.max() - values.mean()
        assert o.metrics["normalised"] == pytest.approx((values[leaf] - values.mean()) / spread)
        assert o.metrics["regret"] == pytest.approx(values.max() - values[leaf])
        assert o.metrics["rank"] == 1 + (values > values[leaf]).sum()
        assert o.metrics["rank_low"] <= o.metrics["rank"] <= o.metrics["rank_high"]
        assert o.metrics["p_better"] == float(values[leaf] > values[0])
        assert o.metrics["edits"] == sum(a.bit_count() for a in taken)


def test_the_oracle_is_a_bound_that_nobody_beats():
    found = usual()
    assert found.bound == "oracle" and (found.scores("oracle") == 1).all()
    assert all(found.scores(name).max() <= 1 for name in NAMES)
    assert found.strongest in ("never", "best_constant", "greedy_uniform", "planner")
    never = [o.metrics for o in found.of("never")]
    assert all(m["p_better"] == 0 and m["edits"] == 0 for m in never)


def test_training_chooses_by_validation_accuracy():
    d = domain("net2net")
    assert d.chosen_by.metric == "normalised_val" and d.main.metric == "normalised"
    given = scenario()
    validator = Validator(d, given, d.open_workload(None, given), {}, 2)
    score, = validator._scores(["never"])
    cases = [w.trace for w in d.open_workload(None, given).part("validation", 2)]
    expected = []
    for case in cases:
        values = case.table.leaves["val_accuracy"][case.row]
        expected.append((values[0] - values.mean()) / (values.max() - values.mean()))
    assert score.main == pytest.approx(np.mean(expected))
    assert score.metrics["normalised_val"] == score.main != score.metrics["normalised"]


def test_the_model_has_no_test_accuracy_and_gaps_stay_gaps():
    found = small(["never", "planner"], scenario=parametric(), windows=4)
    assert all(o.metrics["test_accuracy"] is None for o in found.outcomes)
    assert all(o.metrics["normalised"] == o.metrics["normalised_val"] for o in found.outcomes)
    column = domain("net2net").second
    assert np.isnan(found.scores("never", column)).all()
    means = next(t for t in report.printed_tables(found) if t.title == "means")
    assert {row[means.headings.index("test accuracy")] for row in means.rows} == {"-"}
    text = report.results_csv({"": found})
    assert {row["test_accuracy"] for row in csv.DictReader(text.splitlines())} == {""}
    assert "cells without a recording are scored by validation" in " ".join(
        found.domain.remarks(found))


def test_a_table_of_gaps_says_so():
    found = small(["never", "planner"], scenario=parametric(), windows=4)
    for o in found.outcomes:
        o.metrics["normalised"] = None
    row = report.standings_table(found).rows[0]
    assert row[1:4] == ["-", "-", "-"] and "nan" not in " ".join(row)


def test_remarks_say_seeds_splits_and_fits():
    told = " ".join(usual().domain.remarks(usual()))
    assert "recorded: 7 seeds a cell, validation and test seeds apart" in told
    assert "fitted curves: rank correlation" in told and "halves of the seeds" in told
    few = small(["never"], scenario=scenario(tables=[recording(3)]))
    assert f"too few seeds to keep training, validation and test apart: {CELLS[0]}" in " ".join(
        few.domain.remarks(few))
    grow = small(["never"], scenario="grow")
    assert "with the very seeds fitted" in " ".join(grow.domain.remarks(grow))
    assert all("(fitted seeds)" in row[9] for row in cell_table(grow).rows)
    published = small(["never", "best_constant"], scenario="published")
    told = " ".join(published.domain.remarks(published))
    assert "one seed and one accuracy" in told and "recorded" not in told and "fit" not in told


def test_published_figures_come_out_of_a_comparison():
    found = small(["never", "best_constant", "tabular_q", "oracle"], scenario="published")
    assert found.scores("best_constant").mean() == pytest.approx(0.832, abs=5e-4)
    assert [o.metrics["rank"] for o in found.of("never")] == [60, 60, 50]
    assert [o.metrics["rank"] for o in found.of("tabular_q")] == [1, 1, 1]
    bands = [(o.metrics["rank_low"], o.metrics["rank_high"]) for o in found.of("oracle")]
    assert bands == [(1, 6), (1, 3), (1, 5)]
    row = next(row for row in mean_table(found).rows if row[0] == "oracle")
    assert row[1:] == ["0.7391, 1 [1-6]", "0.7348, 1 [1-3]", "0.6827, 1 [1-5]"]


def test_means_over_seeds_have_ranks_and_bands_of_their_own():
    found = usual()
    table = mean_table(found)
    for row in table.rows:
        for name, cell in zip(table.headings[1:], row[1:], strict=True):
            mine = [o for o in found.of(row[0]) if o.digest.case.cell.name == name]
            mean = np.mean([o.metrics["test_accuracy"] for o in mine])
            values = np.mean([o.digest.reference.values for o in mine], axis=0)
            spread = np.array([o.digest.reference.values for o in mine]).var(axis=0, ddof=1).mean()
            rank = 1 + (values > mean + 1e-12).sum()
            low = 1 + (values > mean + np.sqrt(spread / 2) + 1e-12).sum()
            assert cell.startswith(f"{mean:.4f}, {rank} [{low}-")


def test_means_of_seeds_can_be_played_themselves():
    found = small(["never", "oracle"], scenario=scenario(seed="mean"))
    assert [w.name for w in found.windows] == [f"{cell} means" for cell in CELLS]
    table = usual().windows[0].trace.table
    values = table.leaves["test_accuracy"][list(table.split["test"])]
    never, oracle = found.of("never")[0].metrics, found.of("oracle")[0].metrics
    assert never["test_accuracy"] == pytest.approx(values[:, 0].mean())
    assert oracle["normalised"] == pytest.approx(1) and oracle["rank"] == 1
    band = values.var(axis=0, ddof=1).mean() / len(values)
    means = values.mean(axis=0)
    assert oracle["rank_high"] == (means >= means.max() - np.sqrt(band)).sum()


def test_cells_are_told_with_seeds_and_fit():
    found = usual()
    rows = cell_table(found).rows
    assert [row[0] for row in rows] == list(CELLS)
    assert [row[1:5] for row in rows] == [["tabular", "7", "4/1/2", "test"]] * 2
    known = mean_reference(next(iter(by_cell(found).values())), found.scenario)
    assert rows[0][5:8] == [f"{x:.4f}" for x in (known.never, known.mean, known.oracle)]
    assert 0 < float(rows[0][9]) <= 1 and 0 < float(rows[0][11]) < 0.1


def test_best_sequences_of_one_cell_are_tried_on_the_others():
    found = usual()
    scores = sequence_transfer(found)
    assert scores.shape == (2, 2) and scores.max() <= 1
    cells = by_cell(found)
    rows = [c[0].table.split["train"] for c in cells.values()]
    best = [int(c[0].table.leaves["val_accuracy"][list(r)].mean(axis=0).argmax())
            for c, r in zip(cells.values(), rows, strict=True)]
    known = [mean_reference(cases, found.scenario) for cases in cells.values()]
    assert scores[0, 1] == pytest.approx(known[1].normalised(known[1].values[best[0]]))


def test_all_pictures_have_axes():
    found = usual().domain.figures(usual())
    stems = [stem for stem, _, _ in found]
    assert {"ranking", "heat_map", "learning_curves", "edits", "transfer", "boxes"} <= set(stems)
    assert sum(stem.startswith("timeline_") for stem in stems) == 4
    for stem, caption, figure in found:
        assert caption and any(ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes), stem


def test_edits_are_marked_on_learning_curves():
    figure = next(f for stem, _, f in usual().domain.figures(usual()) if stem == "learning_curves")
    case = usual().windows[0].trace
    marks = sorted(x for line in figure.axes[0].lines if line.get_marker() == "^"
                   for x in line.get_xdata())
    told = [o for o in usual().outcomes if o.window == case.name]
    assert marks and set(marks) <= {t for o in told for t in o.digest.states["clock"][:-1]}


def test_records_are_states():
    d, case = domain("net2net"), usual().windows[0].trace
    run = simulate(scenario(), case, sequence=(3, 1))
    table = d.records(run)["states"]
    assert table["action"] == [3, 1, None] and len(table["clock"]) == 3
    assert list(table["parameters"]) == sorted(table["parameters"])


def test_the_key_of_a_score_knows_cell_seed_and_recording():
    found = usual()
    who, (first, second, third, _) = found.contenders[0], found.windows
    keys = {cache.key(who, found.scenario, w, 0) for w in (first, second, third)}
    keys |= {cache.key(who, found.scenario.merge({"max_parameters": 3000}), first, 0),
             cache.key(who, parametric(), first, 0)}
    assert len(keys) == 5
    again = domain("net2net").open_workload(None, scenario()).part("test")[0]
    assert cache.key(who, found.scenario, again, 0) in keys


class Both:
    """Deepens everything, as a policy, a plan or a rule."""

    options = {}

    def act(self, observation, mask):
        return np.full(len(mask), mask.shape[1] - 1)


@pytest.mark.parametrize("given", [scenario, parametric])
def test_a_policy_plays_the_case_it_is_given(given):
    told = given()
    d = domain("net2net")
    for window in d.open_workload(None, told).part("test", 3):
        run = PolicyContender("both", "net2net", policy=Both()).run_one(told, window, 0)
        same = simulate(told, window.trace, sequence=(3, 3))
        assert run.case.cell == window.trace.cell and run.taken.tolist() == [3, 3]
        assert metrics(run) == metrics(same)


PLANS = """
class Late:
    def plan(self, case):
        return [0, case.cell.actions - 1]

class Wrong:
    def plan(self, case):
        return [9]

class Broken:
    def plan(self, case):
        return [1.5, 0]

def greedy(view):
    return max(a for a, legal in enumerate(view.mask) if legal)

def large(view):
    return 4

def negative(view):
    return -1

def broken(view):
    return 1.5
"""


def test_users_plan_or_decide(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLANS)
    found = small([f"{path}:Late", f"{path}:greedy"])
    assert {o.digest.taken for o in found.of("Late")} == {(0, 3)}
    assert {o.digest.taken for o in found.of("greedy")} == {(3, 3)}
    with pytest.raises(PolicyError, match=r"\[9\] is no sequence of 2 actions below 4"):
        small([f"{path}:Wrong"])
    for name, what in (("large", "4 is no action below 4"), ("negative", "-1 is no action below 4"),
                       ("broken", "'float' object"), ("Broken", "'float' object")):
        with pytest.raises(PolicyError, match=rf"mine.py.*{what}"):
            small([f"{path}:{name}"])


def test_a_contender_plays_the_job_of_the_scenario(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("""
class Shown:
    options = {"env": {"show_task": True}}
    def act(self, observation, mask):
        return [int(observation[0, -1])]

class Alone(Shown):
    options = {"gpu_timeline": [[0, 64]]}
""")
    assert small([f"{path}:Shown"]).of("Shown")
    with pytest.raises(PolicyError, match=r"mine.py: options: gpu_timeline is the scenario's; a "
                                          "contender may bring: env"):
        small([f"{path}:Alone"])


def test_a_recording_is_given_as_trace(tmp_path):
    short = cell_of("digits@60/depth", fractions=(0.3,))
    folder = str(write_recording(tmp_path / "mine", (short,)))
    with pytest.raises(ScenarioError, match=r"no table of .*options.cells names others, null all"):
        compare(["never"], "depth", env="net2net", trace=folder)
    found = compare(["never"], "depth", env="net2net", trace=folder, options={"cells": None})
    assert [o.digest.case.name for o in found.outcomes] == ["digits@60/depth seed 4"]
    assert found.outcomes[0].digest.case.backend == "tabular"


def test_back_ends_are_named():
    d = domain("net2net")
    assert d.on_backend("tabular") == {"evaluated": "tabular"}
    assert d.on_backend("live")["evaluated"] == "live"
    with pytest.raises(ScenarioError, match=r'backend=lvie.*did you mean "live"'):
        d.on_backend("lvie")
    with pytest.raises(ScenarioError, match="env=dag has one back-end"):
        domain("dag").on_backend("live")
    with pytest.raises(ScenarioError, match="no load"):
        d.at_load(scenario(), None, 0.5)
    with pytest.raises(ScenarioError, match="suite=noise: there are no suites here"):
        d.suite("noise", scenario(), None)
    assert d.with_devices(parametric(), 4).options.gpu_timeline == ((0.0, 4),)
    several = parametric(gpu_timeline=[[0, 1], [10, 8], [20, 0], [30, 6]])
    assert [gpus for _, gpus in d.with_devices(several, 4).options.gpu_timeline] == [1, 4, 0, 3]


def test_on_a_back_end_the_named_stand_alone():
    d = domain("net2net")
    found = contenders(TestConfig(env={"name": "net2net"}, backend="live", policy="start(2)"), d)
    assert [c.name for c in found] == ["start(2)"]
    found = contenders(TestConfig(env={"name": "net2net"}, policy="never"), d)
    assert found[-1] == BASELINES and found[0].name == "never"


def test_a_name_with_arguments_is_a_baseline():
    found = small(["fixed(2,1)", "always(1)"])
    assert {o.digest.taken for o in found.of("fixed(2,1)")} == {(2, 1)}
    with pytest.raises(PolicyError, match="no such contender"):
        small(["alwys"])


def test_the_command_writes_everything(tmp_path, capsys):
    evaluate(TestConfig(env={"name": "net2net"}, scenario="published", workers=1,
                        contenders=["never", "best_constant"]), tmp_path)
    printed = " ".join(capsys.readouterr().out.split())
    assert "scenario published" in printed and "published tables have one seed" in printed
    assert {"results.csv", "report.html", "heat_map.png", "learning_curves.png"} <= {
        p.name for p in tmp_path.iterdir()}
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert {r["window"] for r in rows} == {f"cnn1/{s} seed 0" for s in ("early", "middle", "late")}


def test_records_are_written(tmp_path):
    small(["planner"], windows=1, records=tmp_path)
    table = pl.read_parquet(next(tmp_path.rglob("*_states.parquet")))
    assert table["decision"].to_list() == [0, 1, 2] and table["clock"].is_sorted()


def test_readme_tables_keep_gaps(tmp_path, monkeypatch):
    script = scripting.load("update_readme")
    monkeypatch.setattr(script, "MEASURED", tmp_path / "results")
    monkeypatch.setattr(script, "PICTURES", tmp_path)
    found = small(["never", "planner"], scenario=parametric(), windows=4)
    found.outcomes[0].metrics["normalised"] = None
    place = tmp_path / "source" / "depth"
    place.mkdir(parents=True)
    (place / "results.csv").write_text(report.results_csv({"": found}))
    script.take_over(tmp_path / "source", tmp_path / "results" / "net2net")
    text = script.comparison_table(domain("net2net"))
    lines = [line.split(" | ") for line in text.splitlines()[2:]]
    assert all(cells[2].strip(" |") == "-" and "nan" not in " ".join(cells) for cells in lines)
    known = found.scores(found.outcomes[0].contender)
    known = known[np.isfinite(known)]
    mine = next(c for c in lines if c[0].strip("| ") == found.outcomes[0].contender)
    assert mine[1].startswith(f"{known.mean():.3f} [")
