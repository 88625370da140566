"""What a trace measures: sizes, durations, gaps and bursts, as published traces are described."""
from __future__ import annotations

import numpy as np

from envs.cluster.replay import Trace

HOUR_S = 3600
SHOWN_CLASSES = 12


def measure(trace: Trace) -> dict[str, float]:
    """Quantiles of durations and gaps in s, jobs per hour, mean number of GPUs asked for."""
    duration, gaps = trace.duration_s, np.diff(trace.arrival_s)
    hourly = np.bincount(((trace.arrival_s - trace.arrival_s[0]) // HOUR_S).astype(np.int64))
    found = {"jobs": float(len(trace)), "span_days": (trace.end_s - trace.arrival_s[0]) / 86400}
    found |= {f"duration_p{p}": float(np.quantile(duration, p / 100)) for p in (10, 50, 90, 99)}
    found["duration_mean"] = float(duration.mean())
    if len(gaps):
        found |= {f"gap_p{p}": float(np.quantile(gaps, p / 100)) for p in (50, 75, 90)}
        found["gap_mean"] = float(gaps.mean())
    found |= {f"hourly_p{p}": float(np.quantile(hourly, p / 100)) for p in (50, 95)}
    found["hourly_variance_over_mean"] = float(hourly.var() / hourly.mean())
    found["offered_gpus"] = trace.rho(1)
    return found


def gpu_shares(trace: Trace) -> dict[int, tuple[float, float]]:
    """GPU count -> share of the jobs, share of the GPU time."""
    work = trace.gpus * trace.duration_s
    sizes, place = np.unique(trace.gpus, return_inverse=True)
    jobs, time = np.bincount(place) / len(trace), np.bincount(place, work) / work.sum()
    return {int(g): (float(j), float(t)) for g, j, t in zip(sizes, jobs, time, strict=True)}


def describe(trace: Trace) -> str:
    """The measures as lines for a person."""
    found = measure(trace)
    lines = [f"{trace.name}: {len(trace)} jobs in {found.pop('span_days'):.2f} days"]
    lines += [f"  {name:25} {value:.6g}" for name, value in found.items() if name != "jobs"]
    shares = ", ".join(f"{g}: {jobs:.3f}/{time:.3f}"
                       for g, (jobs, time) in gpu_shares(trace).items())
    lines.append(f"  {'GPUs: jobs/GPU time':25} {shares}")
    if len(trace.classes) > 1:
        share = np.bincount(trace.cls, minlength=len(trace.classes)) / len(trace)
        first = np.argsort(-share, kind="stable")[:SHOWN_CLASSES]
        named = ", ".join(f"{trace.classes[i]} {share[i]:.3f}" for i in first)
        more = len(share) - len(first)
        lines.append(f"  {'classes':25} {named}" + (f", and {more} more" if more else ""))
    return "\n".join(lines)
