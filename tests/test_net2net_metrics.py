"""Scores of a run beside all sequences of its cell: published figures, and cases by hand."""
from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest

from envs.net2net.cells import cell_of
from envs.net2net.metrics import (
    Reference,
    edit_count,
    metrics,
    of_seeds,
    order_noise,
    seed_noise,
)
from envs.net2net.scenario import load_scenario
from envs.net2net.simulate import simulate
from envs.net2net.workloads import open_workload
from tests.net2net_oracles import FOLDER, oracle

TINY = cell_of("digits@600/depth", fractions=[0.1, 0.4])        # 16 sequences


def published(name: str) -> np.ndarray:
    """(64,) accuracies in the numbering of the specification."""
    model, opening = name.split("/")
    found = np.full(64, np.nan)
    with gzip.open(FOLDER / "peer_tables.csv.gz", "rt") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if (row["model"], row["scenario"]) == (model, opening):
            a, b, c = ((int(row[p]) + 1) % 4 for p in ("p1", "p2", "p3"))
            found[16 * a + 4 * b + c] = float(row["accuracy"])
    return found


@pytest.mark.parametrize("name", [f"{m}/{s}" for m in ("cnn1", "cnn2")
                                  for s in ("early", "middle", "late")])
def test_published_tables_come_out(name):
    expected = oracle("peer_expected")["scenarios"][name]
    known = of_seeds(cell_of(name), published(name)[None])
    assert known.never == expected["never"]["accuracy"]
    assert known.rank(known.never) == expected["never"]["rank"]
    assert known.oracle == expected["oracle"]["accuracy"]
    assert known.mean == pytest.approx(expected["uniform_random_mean"], abs=1e-9)
    assert known.noise == pytest.approx(expected["order_noise_sd"], abs=1e-9)
    assert list(known.band(known.oracle)) == expected["rank_band_of_oracle"]
    for letters, (accuracy, rank) in expected["fixed"].items():
        leaf = cell_of(name).leaf_of(["-ABC".index(letter) for letter in letters])
        assert known.values[leaf] == accuracy and known.rank(accuracy) == rank


def test_best_constant_of_the_published_openings():
    known = [of_seeds(cell_of(f"cnn1/{s}"), published(f"cnn1/{s}")[None])
             for s in ("early", "middle", "late")]
    leaf = cell_of("cnn1/early").leaf_of((1, 2, 2))
    scores = [one.normalised(one.values[leaf]) for one in known]
    assert np.mean(scores) == pytest.approx(0.832, abs=5e-4)


def test_scores_by_hand():
    known = Reference.of(np.array([0.5, 0.7, np.nan, 0.6]), 0.05)
    assert (known.never, known.oracle) == (0.5, 0.7) and known.mean == pytest.approx(0.6)
    assert known.normalised(0.7) == pytest.approx(1) and known.normalised(0.5) == pytest.approx(-1)
    assert [known.rank(x) for x in (0.7, 0.65, 0.6, 0.4)] == [1, 2, 2, 4]
    assert known.band(0.6) == (2, 2) and known.band(0.64) == (2, 2)
    assert known.band(0.66) == (1, 1) and known.band(0.9) == (1, 1)


def test_equal_sequences_have_no_normalised_score():
    known = Reference.of(np.full(16, 0.3), 0.0)
    assert known.normalised(0.3) is None and known.rank(0.3) == 1 and known.band(0.3) == (1, 16)


def test_order_noise_is_of_sequences_with_the_same_actions():
    values = np.full(16, np.nan)
    values[TINY.leaf_of((0, 1))], values[TINY.leaf_of((1, 0))] = 0.5, 0.7      # variance 0.02
    values[TINY.leaf_of((2, 3))], values[TINY.leaf_of((3, 2))] = 0.4, 0.4      # 0
    values[TINY.leaf_of((1, 1))] = 0.1                                         # alone
    values[TINY.leaf_of((0, 2))] = 0.9                                         # (2, 0) is unknown
    assert order_noise(TINY, values) == pytest.approx(0.1)
    assert order_noise(TINY, np.full(16, np.nan)) == 0


def test_noise_of_a_mean_is_its_standard_error():
    values = np.array([[0.1, 0.5], [0.3, 0.5], [0.2, 0.5]])
    assert seed_noise(values) == pytest.approx(np.sqrt((0.01 + 0) / 2 / 3))
    grid = np.tile(np.linspace(0, 1, 16), (3, 1)) + np.array([[0.0], [0.1], [0.2]])
    known = of_seeds(TINY, grid)
    assert known.noise == pytest.approx(0.1 / np.sqrt(3)) and known.never == pytest.approx(0.1)


def test_noise_of_recorded_seeds_is_that_of_the_recorder():
    for table in oracle("recorder")["tables"]:
        known = np.array(table["reference"]["leaf_test_of_seeds_0_1_2"])
        spread = np.sqrt(3) * seed_noise(known)
        assert 0.3 < spread / table["reference"]["seed_sd_of_a_leaf"] < 1.7


def test_edits_are_counted_one_by_one():
    assert edit_count(TINY, (3, 1)) == 3 and edit_count(TINY, (0, 0)) == 0
    malleable = cell_of("digits@600/malleable", fractions=[0.1, 0.4, 0.5])
    assert edit_count(malleable, (1, 7, 0)) == 2


def test_never_is_not_better_than_never_under_its_own_noise():
    scenario = load_scenario("pairs")
    windows = open_workload(None, scenario).part("test", 20)
    found = [[metrics(simulate(scenario, w.trace, sequence=[a] * 3))["p_better"] for w in windows]
             for a in (0, 2)]
    assert not any(found[0]) and 0 < sum(found[1]) < 20
