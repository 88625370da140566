"""What metrics share, against naive forms."""
from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.core.errors import SuiteError
from envs.core.records import cdf, mean, pooled_cdf, quantiles, ratio, write_records

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40)


@given(VALUES, st.floats(0, 1))
def test_quantiles_interpolate_at_their_place(values, q):
    ordered, place = sorted(values), (len(values) - 1) * q
    low = int(place)
    high = min(low + 1, len(values) - 1)
    expected = ordered[low] + (place - low) * (ordered[high] - ordered[low])
    assert quantiles(np.array(values), [q])[0] == pytest.approx(expected, abs=1e-9)


def test_nothing_has_no_mean_no_quantile_and_no_distribution():
    nothing = np.empty(0)
    assert mean(nothing) is None and quantiles(nothing, (0.5, 1)) == [None, None]
    assert ratio(3, 0) is None and ratio(3, 2) == 1.5
    assert len(cdf(nothing)[0]) == 0 and len(pooled_cdf([(nothing, 0)])[0]) == 0


@given(VALUES, VALUES)
def test_pooled_distributions_weigh_by_the_number_of_values(a, b):
    a, b = np.array(a), np.array(b)
    x, share = pooled_cdf([(cdf(v, 401)[0], len(v)) for v in (a, b)])
    assert (np.diff(x) >= 0).all() and share[-1] == pytest.approx(1)
    for q in (0.25, 0.75):
        at = quantiles(a, [q])[0]
        below = (np.sum(a < at) + np.sum(b < at)) / (len(a) + len(b))
        upto = (np.sum(a <= at) + np.sum(b <= at)) / (len(a) + len(b))
        found = share[np.searchsorted(x, at, "right") - 1]
        slack = 0.01 + 1 / len(a) + 1 / len(b)      # curves are interpolated between values
        assert below - slack <= found <= upto + slack


def test_records_become_parquet_with_nulls(tmp_path):
    path = tmp_path / "new" / "r.parquet"
    write_records(path, {"request": np.arange(2), "start_ms": np.array([1.5, np.nan]),
                         "variant": ["a/s", None]})
    assert pl.read_parquet(path).rows() == [(0, 1.5, "a/s"), (1, None, None)]
    assert [p.name for p in path.parent.iterdir()] == ["r.parquet"]
    with pytest.raises(SuiteError, match="cannot be written"):
        write_records(path / "below" / "r.parquet", {"request": np.arange(1)})
