"""The named contenders of `cluster`: option overrides of a scenario, and where they make sense.

A baseline decides what a policy decides: order, misfit, preemption, shares, sizes. What it does
not name (admission, placement, ageing ...) stays as the scenario says. A new baseline is one entry.
`privileged` ones are told the true durations (`size: oracle`).
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from agents.baselines.table import Baseline, Needs, lacking, named
from envs.cluster.options import CANDIDATES


def _walk(order: str, misfit: str = "skip", preempt: str = "off", **more: Any) -> dict[str, Any]:
    """Order, placement and preemption job by job."""
    return {"order": order, "misfit": misfit, "preempt": preempt, "evict": "safe",
            "size": "oracle", "share": None, "elastic": None, "lookahead": None, **more}


def _strict(order: str, **more: Any) -> dict[str, Any]:
    """Preemption of whoever the order places strictly lower."""
    return _walk(order, "skip", "strict", **more)


def _share(policy: str, **more: Any) -> dict[str, Any]:
    """Shares of time on every GPU type."""
    return _walk("fifo", share={"policy": policy, **more})


def _elastic(policy: str, **more: Any) -> dict[str, Any]:
    """GPU counts that change while a job runs."""
    return _walk("srtf-gpu", elastic={"policy": policy, "sizes": "pow2"}, **more)


GUESS = {"size": "estimate"}
CLOSE = {"placement": "consolidated", "relax_after_s": 3600}
HOURLY = {"every_s": 3600}
ROTATING = ("rounds", "long rounds")
SOLVED = (*ROTATING, "few jobs")
FEW = 2000          # jobs of a window, beyond which solvers take more than minutes

BASELINES: dict[str, Baseline] = {b.name: b for b in (
    Baseline("random", "jobs in a random order", _walk("random")),
    Baseline("fifo", "first come, first served", _walk("fifo", "stop")),
    Baseline("fifo_backfill", "FIFO that passes over what does not fit", _walk("fifo")),
    Baseline("easy", "FIFO with backfilling behind a reservation", _walk("fifo", "reserve"), True),
    Baseline("easy_estimate", "the same on estimated durations",
             _walk("fifo", "reserve", **GUESS), needs=("estimates",)),
    Baseline("sjf_gpus", "fewest GPUs first", _walk("sjf-gpus")),
    Baseline("sjf", "shortest job first", _walk("sjf"), True),
    Baseline("sjf_estimate", "the same on estimated durations", _walk("sjf", **GUESS),
             needs=("estimates",)),
    Baseline("hrrn", "highest response ratio next", _walk("hrrn"), True),
    Baseline("las", "least attained service", _strict("las")),
    Baseline("las_gpu", "least attained GPU time", _strict("las-gpu")),
    Baseline("tiresias", "Tiresias: queues of attained GPU time", _strict("tiresias")),
    Baseline("gittins", "Tiresias: Gittins index of the training part", _strict("gittins")),
    Baseline("srtf", "shortest remaining time first", _strict("srtf"), True),
    Baseline("srtf_estimate", "the same on estimated durations", _strict("srtf", **GUESS),
             needs=("estimates",)),
    Baseline("srtf_gpu", "least remaining GPU time first", _strict("srtf-gpu"), True),
    Baseline("srtf_gpu_estimate", "the same on estimated durations",
             _strict("srtf-gpu", **GUESS), needs=("estimates",)),
    Baseline("las_gpu_consolidated", "least attained GPU time, on the fewest nodes for an hour",
             _strict("las-gpu", **CLOSE), needs=("locality",)),
    Baseline("gittins_consolidated", "Gittins, jobs that mind where they run wait for it",
             _strict("gittins", placement="consolidated", consolidate="sensitive"),
             needs=("locality",)),
    Baseline("srtf_gpu_consolidated", "least remaining GPU time, on the fewest nodes for an hour",
             _strict("srtf-gpu", **CLOSE), True, ("locality",)),
    Baseline("srtf_gpu_spread", "least remaining GPU time, on as many nodes as there are",
             _strict("srtf-gpu", placement="spread"), True, ("locality",)),
    Baseline("priority", "larger priority first", _strict("priority"), needs=("priorities",)),
    Baseline("edf", "earliest deadline first", _strict("edf"), needs=("deadlines",)),
    Baseline("llf", "least laxity first", _strict("llf"), True, ("deadlines",)),
    Baseline("fifo_repack", "FIFO that moves jobs to better types",
             _walk("fifo", "stop", "repack"), needs=("types",)),
    Baseline("las_gpu_repack", "least attained GPU time, moving jobs to better types",
             _walk("las-gpu", preempt="repack"), needs=("types",)),
    Baseline("srtf_gpu_repack", "least remaining GPU time, moving jobs to better types",
             _walk("srtf-gpu", preempt="repack"), True, ("types",)),
    Baseline("isolated", "an equal share of every type", _share("isolated"), needs=ROTATING),
    Baseline("max_min", "Gavel: max-min fairness of normalised rates", _share("max-min"),
             needs=SOLVED),
    Baseline("max_min_agnostic", "the same, blind to types", _share("max-min", agnostic=True),
             needs=(*SOLVED, "types")),
    Baseline("water_filling", "Gavel: max-min fairness, level by level",
             _share("water-filling"), needs=SOLVED),
    Baseline("hierarchical", "Gavel: fairness among tenants, then inside each",
             _share("hierarchical"), needs=(*SOLVED, "tenants")),
    Baseline("ftf", "Themis: finish-time fairness", _share("ftf"), True,
             SOLVED),
    Baseline("makespan", "Gavel: least makespan", _share("makespan"), True,
             SOLVED),
    Baseline("throughput", "Gavel: most work", _share("throughput"),
             needs=(*SOLVED, "no deadlines")),
    Baseline("throughput_slo", "Gavel: most work that meets deadlines", _share("throughput"),
             True, (*SOLVED, "deadlines")),
    Baseline("optimus", "Optimus: GPUs where they shorten the rest most",
             _elastic("optimus"), True, ("elastic jobs", "one type")),
    Baseline("optimus_estimate", "the same on estimated durations", _elastic("optimus", **GUESS),
             needs=("elastic jobs", "one type", "estimates")),
    Baseline("sia", "Sia: goodput of types and sizes by an integer program", _elastic("sia"),
             needs=("elastic jobs", "rounds", "few jobs")),
    Baseline("lookahead", "FIFO, SRTF or LAS and its admission, whichever simulates best, hourly",
             _walk("fifo", lookahead=HOURLY), True, ("few jobs",)),
    Baseline("blox_fifo", "FIFO of the published Blox simulator",
             _walk("fifo", "stop", "below", evict="eager"), needs=("Blox",)),
    Baseline("blox_las", "LAS of the published Blox simulator",
             _walk("las", "stop", "below", evict="eager"), needs=("Blox",)),
    Baseline("blox_srtf", "SRTF of the published Blox simulator",
             _walk("srtf", "stop", "below", evict="eager"), True, ("Blox",)),
)}

GRIDS: dict[str, dict[str, tuple]] = {
    "las": {"quantum_s": (600, 3600, 14400)},
    "las_gpu": {"quantum_s": (600, 3600, 14400)},
    "tiresias": {"queue_limits_gpu_s": ([3600, 36_000], [10_000, 100_000], [36_000, 360_000],
                                        [1000, 10_000, 100_000], [30_000]),
                 "promote": (2, 8, 32)},
    "gittins": {"gittins_delta_gpu_s": (1000, 10_000, 36_000, 100_000)},
    "fifo_backfill": {"boost_after_s": (86_400, 4 * 86_400)},
    "sjf_gpus": {"boost_after_s": (86_400, 4 * 86_400)},
    "las_gpu_consolidated": {"relax_after_s": (600, 14_400)},
}


def _any(traces: Iterable[Any], differs: Callable[[Any], np.ndarray]) -> bool:
    return any(bool(differs(t).any()) for t in traces)


def _types(scenario: Any) -> int:
    return len({node.type for node in scenario.cluster.nodes})


NEEDS: Needs = {
    "rounds": ("mode: event", lambda s, _: s.options.mode == "round"),
    "long rounds": ("a round is no longer than a restart",
                    lambda s, _: s.options.round_s > max(c.restart_s for c in s.cluster.classes)),
    "few jobs": (f"more than {FEW} jobs: name them to wait for their solves",
                 lambda _, traces: all(len(t) <= FEW for t in traces)),
    "types": ("one GPU type", lambda s, _: _types(s) > 1),
    "one type": ("several GPU types", lambda s, _: len(s.cluster.types) == 1),
    "locality": ("no class minds its place",
                 lambda s, _: any(min(c.locality) < 1 for c in s.cluster.classes)),
    "elastic jobs": ("no elastic jobs", lambda s, traces: _any(
        traces, lambda t: t.max_gpus > t.min_gpus) and any(
            c.curve or c.goodput for c in s.cluster.classes)),
    "estimates": ("no estimates", lambda _, traces: _any(
        traces, lambda t: t.estimate_s != t.duration_s)),
    "deadlines": ("no deadlines", lambda _, traces: _any(
        traces, lambda t: np.isfinite(t.deadline_s))),
    "no deadlines": ("there are deadlines", lambda _, traces: not _any(
        traces, lambda t: np.isfinite(t.deadline_s))),
    "priorities": ("one priority", lambda _, traces: _any(
        traces, lambda t: t.priority != t.priority[:1])),
    "tenants": ("one tenant", lambda _, traces: _any(traces, lambda t: t.tenant != t.tenant[:1])),
    "Blox": ("completion: exact", lambda s, _: s.options.mode == "round"
             and s.options.completion == "boundary"),
}


def completed(overrides: Mapping[str, Any], scenario: Any, trace: Any) -> dict[str, Any]:
    """The overrides on one trace: hierarchical shares have an entity per tenant, and look-ahead
    leaves admission alone where the scenario rules it."""
    found, share = dict(overrides), overrides.get("share")
    if share and share["policy"] == "hierarchical" and "entities" not in share:
        entities = [{"jobs": trace.line[trace.tenant == tenant].tolist()}
                    for tenant in np.unique(trace.tenant)]
        found["share"] = {**share, "entities": entities}
    if overrides.get("lookahead") == HOURLY and scenario.options.admission != "all":
        orders = {c["order"]: {k: c[k] for k in ("order", "misfit", "preempt")}
                  for c in CANDIDATES}
        found["lookahead"] = {**HOURLY, "candidates": list(orders.values())}
    return found


def missing(name: str, scenario: Any, traces: list[Any]) -> str | None:
    """Why this baseline says nothing new on a scenario and its traces; None: it makes sense."""
    return lacking(baseline(name), NEEDS, scenario, traces)


def baseline(name: str) -> Baseline:
    """The baseline of this name; an unknown one is a `PolicyError`."""
    return named(BASELINES, name)
