"""Random small instances: many ties, all options, clusters of a few nodes.

Hypothesis draws a seed and the number of jobs; the seed does the rest, which is much faster than
drawing every value, and the number of jobs still shrinks.
"""

from random import Random
from typing import Any

from hypothesis import strategies as st

ORDERS = ("fifo", "random", "sjf", "sjf-gpus", "srtf", "srtf-gpu", "las", "las-gpu", "tiresias",
          "gittins", "priority", "edf", "llf", "hrrn")
PLACEMENTS = ("packed", "consolidated", "first-fit", "scatter", "spread", "random", "rack",
              "scatter-exact")
CHOICES = {
    "mode": ("round", "event"), "round_s": (7.5, 60.0, 100.0), "completion": ("exact", "boundary"),
    "quantum_s": (None, 33.3, 50.0), "admission": ("all", "all", "load", "quota"),
    "theta": (0.5, 1.0, 1.4), "order": ORDERS, "size": ("oracle", "estimate"),
    "seed": (0, 7, 2**63 + 5), "queue_limits_gpu_s": ([100.0, 400.0], [325.0, 720.0, 1800.0]),
    "promote": (None, 0.5, 1.0), "gittins_delta_gpu_s": (50.0, 325.0),
    "gittins_sample_gpu_s": (None, [10.1, 10.1, 93.0, 465.5, 2000.0]),
    "age_s": (None, 60.0, 240.0), "boost_after_s": (None, None, 0.0, 200.0, 500.0),
    "placement": PLACEMENTS, "relax_after_s": (None, 0.0, 100.0, 600.0),
    "consolidate": ("all", "sensitive"), "type_order": ("fastest", "listed"),
    "misfit": ("stop", "skip", "skip", "reserve"),
    "preempt": ("off", "strict", "strict", "below", "repack"), "evict": ("safe", "eager"),
    # Jobs that restart for longer than they run never end.
    "until_s": (1500.0, 5000.0, 20000.0),
}
SWITCHED = {key: CHOICES[key] for key in ("order", "misfit", "preempt", "evict", "placement")}
KINDS = ("plain", "plain", "plain", "share", "optimus", "lookahead")


def instances(kind: str | None = None, **fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Instances of one kind (`KINDS`) or of all; `fixed` sets options."""
    return st.builds(lambda seed, n: make(Random(seed), n, kind, fixed),
                     st.integers(0, 2**32 - 1), st.integers(1, 30))


def make(rng: Random, jobs: int, kind: str | None, fixed: dict[str, Any]) -> dict[str, Any]:
    """One instance: {cluster, classes, jobs, options}."""
    kind = kind or rng.choice(KINDS)
    types = 1 if kind == "optimus" else rng.choice((1, 1, 2, 3))
    cluster = make_cluster(rng, types)
    classes = [make_class(rng, types) for _ in range(rng.randint(1, 3))]
    rows = trace(rng, jobs, cluster, classes, kind == "optimus")
    options = make_options(rng, rows, types, kind) | fixed
    if "horizon_s" not in options.get("lookahead", {"horizon_s": 0}):
        # Neither would a candidate that is simulated without a horizon.
        for row in classes:
            row["launch_s"] = row["restart_s"] = 0
    if options["preempt"] != "off" and options["misfit"] == "reserve":
        options["misfit"] = "skip"
    return {"cluster": cluster, "classes": classes, "jobs": rows, "options": options}


def pick(rng: Random, choices: dict[str, Any]) -> dict[str, Any]:
    """A value for every option, those without one left out."""
    picked = {key: rng.choice(values) for key, values in choices.items()}
    return {key: value for key, value in picked.items() if value is not None}


def make_cluster(rng: Random, types: int) -> dict[str, Any]:
    """One to six nodes; events in any order, some at equal times."""
    nodes = [{"type": rng.randrange(types) if i >= types else i, "gpus": rng.choice((1, 2, 4, 4)),
              "rack": rng.randrange(2)} for i in range(rng.randint(types, types + 4))]
    events = [{"time_s": moment(rng, 2000), "node": rng.randrange(len(nodes)),
               "event": rng.choice(("up", "up", "drain", "fail"))}
              for _ in range(rng.choice((0, 0, 2, 6)))]
    return {"types": [f"t{j}" for j in range(types)], "nodes": nodes, "events": events}


def make_class(rng: Random, types: int) -> dict[str, Any]:
    """Speeds, locality, costs of a launch, checkpoints, speed-up."""
    speed = [rng.choice((0.0, 0.5, 1.0, 1.0, 2.22)) for _ in range(types)]
    speed[rng.randrange(types)] = 1.0
    return {"speed": speed, "locality": rng.choice(([1, 1, 1], [1, 0.54, 0.3], [1, 1, 0.5])),
            "launch_s": rng.choice((0, 0, 12.5)), "restart_s": rng.choice((0, 30, 30, 45.5)),
            "checkpoint_s": rng.choice((0, 0, 20.5, None)),
            **rng.choice(({}, {"curve": {"1": 1.0, "2": 1.9, "4": 3.4, "8": 5.6}},
                          {"curve": {"2": 1.5, "5": 2.75}}))}


def moment(rng: Random, end: int) -> float:
    """A time; coarse ones tie."""
    return rng.choice((float(rng.randrange(0, end, 50)), float(rng.randint(0, end)),
                       rng.randint(0, end * 10**6) / 1e6))


def largest_request(job: dict[str, Any], cluster: dict[str, Any], speed: list[float]) -> int:
    """GPUs of the largest type that a job may use."""
    totals = [sum(n["gpus"] for n in cluster["nodes"] if n["type"] == j)
              for j in range(len(speed))]
    return max(total for j, total in enumerate(totals)
               if speed[j] > 0 and job.get("gpu_type", j) == j)


def trace(rng: Random, count: int, cluster: dict[str, Any], classes: list[dict[str, Any]],
          elastic: bool) -> list[dict[str, Any]]:
    """Jobs in any order of arrival, each of which fits."""
    end = rng.choice((100, 1000, 3000))
    return [make_job(rng, end, cluster, classes, elastic) for _ in range(count)]


def make_job(rng: Random, end: int, cluster: dict[str, Any], classes: list[dict[str, Any]],
             elastic: bool) -> dict[str, Any]:
    """One job."""
    kind = rng.randrange(len(classes))
    speed = classes[kind]["speed"]
    job = {"arrival_s": moment(rng, end), "class": kind, "tenant": rng.randrange(3),
           "priority": rng.choice((0, 0, 1, 3)),
           "duration_s": max(1e-6, rng.choice((moment(rng, 200), moment(rng, 1500))))}
    if rng.random() < 0.2:
        job["gpu_type"] = rng.choice([j for j, s in enumerate(speed) if s > 0])
    most = largest_request(job, cluster, speed)
    job["gpus"] = min(most, rng.choice((1, 1, 1, 2, 2, 3, 4, 8)))
    if elastic:
        job["min_gpus"] = rng.randint(1, job["gpus"])
        job["max_gpus"] = job["gpus"] + rng.choice((0, 1, 4))
    if rng.random() < 0.4:
        job["deadline_s"] = job["arrival_s"] + moment(rng, 2000)
    if rng.random() < 0.5:
        job["estimate_s"] = max(1e-6, round(job["duration_s"] * rng.choice((0.3, 1.1, 2.5)), 6))
    return job


def make_options(rng: Random, rows: list[dict[str, Any]], types: int,
                 kind: str) -> dict[str, Any]:
    """Options; `kind` adds shares, elastic jobs or a look-ahead."""
    options = pick(rng, CHOICES)
    widest = max(job["gpus"] for job in rows)
    options["quota"] = {str(tenant): widest + rng.randrange(6) for tenant in range(3)}
    if rng.random() < 0.3:
        first = rng.randrange(len(rows))
        options["track"] = [first, rng.randrange(first, len(rows))]
    if kind == "share":
        options |= {"mode": "round", "share": make_share(rng, len(rows), types)}
    elif kind == "optimus":
        options["elastic"] = {"policy": "optimus", "sizes": rng.choice(("all", "pow2"))}
    elif kind == "lookahead":
        options["lookahead"] = make_lookahead(rng)
    return options


def make_share(rng: Random, jobs: int, types: int) -> dict[str, Any]:
    """Shares without a solver."""
    table = [[rng.choice((0.0, 0.25, 1 / 3, 1.0)) for _ in range(types)] for _ in range(jobs)]
    return {"policy": rng.choice(("fixed", "isolated")), "rule": rng.choice(("deficit", "ratio")),
            "realloc_s": rng.choice((0.0, 120.0, 400.0)), "X": table}


def make_lookahead(rng: Random) -> dict[str, Any]:
    """Two to four candidates that name the same options."""
    names = rng.sample(list(SWITCHED), rng.randint(1, 4))
    if {"misfit", "preempt"} & set(names):
        names = sorted({*names, "misfit", "preempt"})
    else:
        names = sorted({*names, "order"})
    candidates = []
    for _ in range(rng.randint(2, 4)):
        candidate = {name: rng.choice(SWITCHED[name]) for name in names}
        if candidate.get("misfit") == "reserve":
            candidate["preempt"] = "off"
        candidates.append(candidate)
    return {"every_s": rng.choice((50.0, 100.0, 400.0)), "candidates": candidates,
            **rng.choice(({}, {"horizon_s": 300.0}, {"horizon_s": 2000.0}))}
