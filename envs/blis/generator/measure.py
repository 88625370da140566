"""What a trace measures: size, peaks and burstiness, as published traces are described."""
from __future__ import annotations

import numpy as np

from envs.blis.replay import Trace


def measure(trace: Trace) -> dict[str, float | dict[str, float]]:
    """Requests, mean rate, peaks over the mean, local variation, dispersion, shares."""
    mean = len(trace) * 1000 / trace.end_ms if trace.end_ms > 0 else float("nan")
    seconds = np.bincount((trace.arrival_ms // 1000).astype(int))
    whole = np.bincount((trace.arrival_ms // 10000).astype(int))[:int(trace.end_ms // 10000)]
    shares = np.bincount(trace.family, minlength=len(trace.families)) / max(1, len(trace))
    return {
        "requests": float(len(trace)),
        "mean_rps": mean,
        "peak_over_mean_1s": float(seconds.max(initial=0) / mean),
        "peak_over_mean_10s": float(whole.max(initial=0) / 10 / mean),
        "cv_local_10s": _local_variation(trace.arrival_ms),
        "idc_1s_in_10s": _dispersion(seconds, len(whole)),
        "shares": dict(zip(trace.families, shares.tolist(), strict=True)),
    }


def describe(trace: Trace) -> str:
    """The measures as lines for a person."""
    found = measure(trace)
    shares = found.pop("shares")
    lines = [f"{trace.name}: {len(trace)} requests of {len(trace.families)} families in "
             f"{trace.end_ms / 1000:.1f} s"]
    lines += [f"  {name:18} {value:.4g}" for name, value in found.items() if name != "requests"]
    named = ", ".join(f"{name} {share:.3f}" for name, share in shares.items())
    return "\n".join([*lines, f"  {'shares':18} {named}"])


def _local_variation(arrival_ms: np.ndarray, least: int = 20) -> float:
    """Mean over 10 s bins with at least `least` gaps of sd / mean of the gaps."""
    edges = np.flatnonzero(np.diff(arrival_ms // 10000)) + 1
    gaps = [np.diff(part) for part in np.split(arrival_ms, edges)]
    found = [g.std() / g.mean() for g in gaps if len(g) >= least and g.mean() > 0]
    return float(np.mean(found)) if found else float("nan")


def _dispersion(seconds: np.ndarray, bins: int, least_rps: float = 5.0) -> float:
    """Mean over whole 10 s bins above `least_rps` of variance / mean of their counts."""
    counts = seconds[:bins * 10].reshape(bins, 10)
    counts = counts[counts.mean(1) > least_rps]
    return float((counts.var(1, ddof=1) / counts.mean(1)).mean()) if len(counts) else float("nan")
