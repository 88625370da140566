"""Aggregates and bootstrap intervals against naive forms."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.evaluation.intervals import (
    bootstrap,
    draws,
    interquartile_mean,
    mean,
    median,
    share_above,
)


def naive_iqm(values):
    """Repeat every value four times: then a quarter of the copies can be cut exactly."""
    copies = sorted(v for v in values for _ in range(4))
    quarter = len(copies) // 4
    middle = copies[quarter:len(copies) - quarter]
    return sum(middle) / len(middle)


def naive_bootstrap(scores, strata, statistic, indices):
    found = []
    for row in indices:
        for i, j in enumerate(row):
            assert strata[i] == strata[j]
        found.append(statistic([v for j in row for v in scores[j]]))
    found.sort()

    def quantile(q):
        place = q * (len(found) - 1)
        low = int(place)
        high = min(low + 1, len(found) - 1)
        return found[low] + (place - low) * (found[high] - found[low])

    return quantile(0.025), quantile(0.975)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=23))
def test_interquartile_mean_equals_the_mean_of_the_middle_copies(values):
    assert interquartile_mean(np.array([values])) == pytest.approx(naive_iqm(values), abs=1e-9)


def test_interquartile_mean_ignores_one_outlier_in_four():
    assert interquartile_mean(np.array([[1.0, 2.0, 3.0, 1e9]])) == pytest.approx(2.5)


@pytest.mark.parametrize(("statistic", "naive"), [
    (mean, lambda v: sum(v) / len(v)),
    (median, lambda v: sorted(v)[len(v) // 2]),
    (interquartile_mean, naive_iqm)])
def test_the_interval_equals_the_naive_form(statistic, naive):
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(7, 3))
    strata = list("aabbbbc")
    found = bootstrap(scores, statistic, strata, count=200, seed=5)
    low, high = naive_bootstrap(scores.tolist(), strata, naive, draws(strata, 200, 5))
    assert found.value == pytest.approx(naive([v for row in scores for v in row]))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_single_units_of_a_stratum_never_change_places():
    scores = np.array([[0.0], [10.0]])
    assert bootstrap(scores, mean, ["a", "b"]).low == 5.0
    assert bootstrap(scores, mean).low == 0.0


def test_repeats_of_a_unit_stay_together():
    once = np.array([[1.0], [2.0], [4.0]])
    assert bootstrap(np.repeat(once, 5, axis=1), mean) == bootstrap(once, mean)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        found = bootstrap(rng.normal(size=(30, 1)), mean, count=300)
        covered += found.low <= 0 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_probability_of_improvement_counts_ties_half():
    assert share_above(np.array([[1.0, 0.0], [-1.0, 2.0]])) == pytest.approx(0.625)
