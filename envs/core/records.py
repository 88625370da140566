"""What metrics share: ratios without a denominator, quantiles, distribution functions, Parquet."""
from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from envs.core.files import write_whole


def ratio(numerator: float, denominator: float) -> float | None:
    """The quotient, None where the denominator is 0."""
    return float(numerator) / float(denominator) if denominator else None


def mean(values: np.ndarray) -> float | None:
    """The mean, None of nothing."""
    return ratio(values.sum(), len(values))


def quantiles(values: np.ndarray, at: Sequence[float]) -> list[float | None]:
    """Linear interpolation at place `(n - 1) q` of the sorted values, None of nothing."""
    if not len(values):
        return [None] * len(at)
    return [float(v) for v in np.quantile(values, at)]


def cdf(values: np.ndarray, points: int = 201) -> tuple[np.ndarray, np.ndarray]:
    """Values at evenly spaced shares and these shares: a curve of bounded length to draw."""
    shares = np.linspace(0, 1, points if len(values) else 0)
    return (np.quantile(values, shares) if len(values) else np.empty(0)), shares


def pooled_cdf(curves: Sequence[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """One distribution of several `cdf` curves, each with the number of values behind it."""
    curves = [(x, n) for x, n in curves if len(x)]
    if not curves:
        return np.empty(0), np.empty(0)
    values = np.concatenate([x for x, _ in curves])
    weight = np.concatenate([np.full(len(x), n / len(x)) for x, n in curves])
    order = np.argsort(values, kind="stable")
    return values[order], np.cumsum(weight[order]) / weight.sum()


def write_records(path: Path, columns: Mapping[str, Sequence]) -> None:
    """One record a row as Parquet; NaN becomes null. The file appears whole or not at all."""
    import polars as pl

    frame = pl.DataFrame({name: pl.Series(name, values) for name, values in columns.items()})
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    buffer = io.BytesIO()
    frame.with_columns(pl.col(floats).fill_nan(None)).write_parquet(buffer)
    write_whole(path, buffer.getvalue())
