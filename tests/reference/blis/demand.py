"""Estimates of the demand of a family, in requests per second (7.1)."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace


def last(x: Sequence[float], com: float) -> float:
    """The last window."""
    return x[-1]


def mean(x: Sequence[float], com: float) -> float:
    """The mean of the windows."""
    return sum(x) / len(x)


def ewma(x: Sequence[float], com: float) -> float:
    """Exponentially weighted, with the weights of what was observed alone."""
    alpha = 1 / (1 + com)
    v, o = x[0], 1.0
    for value in x[1:]:
        o *= 1 - alpha
        v = (o * v + value) / (o + 1)
        o += 1
    return v


KINDS: dict[str, Callable] = {"last": last, "mean": mean, "ewma": ewma}


def observed(counts: Sequence[int], o: SimpleNamespace, window_ms: float) -> float:
    """Requests per second from the arrivals per window, oldest first."""
    kept = counts[:len(counts) - o.lag][-o.span:]
    return KINDS[o.kind](kept, o.com) * 1000 / window_ms if kept else 0.0


def initial(given: str | dict, families: Sequence[str], rows: Sequence) -> list[float]:
    """The demand of time 0, per family."""
    if isinstance(given, dict):
        return [float(given.get(f, 0)) for f in families]
    if given == "zeros" or not rows or rows[-1][0] == 0:
        return [0.0] * len(families)
    return [sum(r[1] == f for r in rows) * 1000 / rows[-1][0] for f in families]
