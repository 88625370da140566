"""Random small instances: times are multiples of 1/8 ms, so that ties are real ties.

Hypothesis draws a seed and the number of requests; the seed does the rest, which is a hundred
times faster than drawing every value, and the number of requests still shrinks.
"""

from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

SIZES = (2, 3, 4, 7, 8)
COLUMNS = ("x", "y")
FAMILIES = ("a", "b", "c")
CHOICES = {
    "window_ms": (8, 20, 64), "admission": ("none", "feasible"), "load_scale": (1, 0, 0.5),
    "fit": ("exact", "floor", "pad"), "min_cap": (0, 1), "slo_fraction": (0.5, 1, 1, 0.25),
    "batch_sizes": (None, [1, 2, 4], [1, 3, 5, 6]), "accuracy_bin_ms": (10000, 32),
    "default_variant": ("least_accurate", "most_accurate"), "seed": range(100),
    "qos": {"levels": (1, 2, 3), "mode": ("best_effort", "strict")},
    "routing": {
        "policy": ("random", "round_robin", "eft", "lft", "jseq", "canary", "canary_smooth",
                   "infaas"),
        "loading": ("fallback", "always", "never"), "on_demand": (False, True),
        "horizon_ms": (None, 64)},
    "batching": {
        "policy": ("single", "greedy", "early_start", "nexus", "aimd"),
        "mode": ("additive", "ladder"), "timeout_ms": (None, 8, 24), "capped": (True, False),
        "start": (1, 2), "increase": (1, 2), "decrease": (0.9, 0.5)},
    "dropping": {"policy": ("never", "expired", "hopeless", "early_drop"), "factor": (1, 2, 0.5),
                 "moment": ("decision", "launch")},
}
PLANNER = {
    "policy": ("static", "static", "none", "random", "lfu", "load_proportional", "infaas"),
    "period": (None, 1, 2), "also_at": ([], [1]), "delay_windows": (0, 0, 1, 2),
    "per_type": (1, 2), "actions_per_window": (1, 4), "slack": (0.95, 0.5),
    "down_slack": (0.8, 1), "initial_demand": ("trace_mean", "zeros"),
    "demand": {"kind": ("last", "mean", "ewma"), "com": (1.6, 0.5), "span": (20, 2),
               "lag": (0, 1)},
}


@dataclass
class Instance:
    """A raw configuration and the rows of a trace."""

    config: dict
    rows: list


def instances(schedule: bool | None = None, **fixed) -> st.SearchStrategy[Instance]:
    """Instances; `schedule` says whether plans are scheduled, `fixed` sets options."""
    return st.builds(lambda seed, n: make(Random(seed), n, schedule, fixed),
                     st.integers(0, 2**32 - 1), st.integers(1, 120))


def make(rng: Random, requests: int, schedule: bool | None, fixed: dict) -> Instance:
    """One instance."""
    config = {**pick(rng, CHOICES), "accelerators": cluster(rng), "profile": profile(rng), **fixed}
    busy = rng.sample(FAMILIES, rng.randint(1, 3))
    rows = trace(rng, requests, busy, config["qos"]["levels"])
    busy = known = sorted({row[1] for row in rows})
    if rng.random() < 0.5:
        config["families"] = rng.sample(FAMILIES, 3)
        config["family_slo_ms"] = {f: rng.choice((20, 50)) for f in FAMILIES
                                   if f not in known or rng.random() < 0.5}
        known = config["families"]
    if "allocation" not in fixed:
        scheduled = rng.random() < 0.5 if schedule is None else schedule
        config["allocation"] = plans(rng, config, busy) if scheduled else planner(rng, known)
    # Random and late plans may keep a load under way at every window end: no end without horizon.
    calm = config["allocation"]["policy"] != "random" and (
        not config["allocation"].get("delay_windows"))
    windows = rng.choice((2, 5, 12, *((None, None) if calm else ())))
    config.setdefault("horizon_ms", windows and windows * config["window_ms"])
    return Instance(config, rows)


def pick(rng: Random, choices: dict) -> dict:
    """A value for every key."""
    return {k: pick(rng, v) if isinstance(v, dict) else rng.choice(v) for k, v in choices.items()}


def eighths(rng: Random, low: float, high: float) -> float:
    """A multiple of 1/8."""
    return rng.randint(int(low * 8), int(high * 8)) / 8


def latencies(rng: Random) -> dict[str, float]:
    """Per batch size; need not be monotone."""
    one, step = eighths(rng, 0.5, 9), eighths(rng, 0.125, 3)
    sizes = {1, *rng.sample(SIZES, rng.randint(0, 3))}
    return {str(b): one + step * (b - 1) + rng.choice((0, 0, -0.125)) for b in sorted(sizes)}


def profile(rng: Random) -> list[dict]:
    """One to three variants of three families on two columns."""
    rows = []
    for family in FAMILIES:
        for name in "slm"[:rng.randint(1, 3)]:
            columns = rng.sample(COLUMNS, rng.randint(1, 2) if rows else 2)
            rows.append({
                "family": family, "variant": name, "accuracy": rng.choice((60, 70.5, 85, 99)),
                "size_mb": rng.choice((4, 16, 32)),
                "latency_ms": {c: latencies(rng) for c in columns},
                "load_ms": {c: eighths(rng, 0, 20) for c in columns if rng.random() < 0.5}})
    return rows


def cluster(rng: Random) -> list[dict]:
    """One to three types with up to twelve devices."""
    counts = [rng.randint(0, 4) for _ in range(rng.randint(1, 3))]
    counts[-1] += not any(counts)
    return [{"name": f"t{i}", "count": n, "profile": rng.choice(COLUMNS),
             "load_mb_per_s": rng.choice((512, 1000)), "load_fixed_ms": rng.choice((0, 2.5))}
            for i, n in enumerate(counts)]


def trace(rng: Random, requests: int, families: list[str], levels: int) -> list[list]:
    """Requests, many of them at the same time."""
    now, rows, gaps = 0.0, [], rng.choice(((0, 0, 1, 3), (0, 0.125, 2.5), (0.5, 6, 13)))
    for _ in range(requests):
        now += rng.choice(gaps)
        rows.append([now, rng.choice(families), rng.choice((15, 30, 60.5, 120)),
                     rng.randrange(levels), rng.choice((0, 60, 70.5, 85, 99))])
    return rows


def planner(rng: Random, families: list[str]) -> dict:
    """A policy without a solver."""
    chosen = pick(rng, PLANNER)
    if rng.random() < 0.5:
        chosen["initial_demand"] = {f: rng.choice((5, 20, 50)) for f in families}
    return chosen


def plans(rng: Random, config: dict, families: list[str]) -> dict:
    """A schedule for these families: plans for time 0 and some later windows."""
    windows = sorted({0, *rng.sample(range(1, 8), rng.randint(0, 4))})
    return {"policy": "schedule",
            "plans": [{"window": w, **assignment(rng, config, families)} for w in windows]}


def assignment(rng: Random, config: dict, families: list[str]) -> dict:
    """What every device should host, with or without levels and weights."""
    columns = [a["profile"] for a in config["accelerators"] for _ in range(a["count"])]
    fitting = {c: [f"{v['family']}/{v['variant']}" for v in config["profile"]
                   if c in v["latency_ms"] and v["family"] in families] for c in COLUMNS}
    plan = {"assign": [rng.choice([*fitting[c] * 3, None]) for c in columns]}
    if rng.random() < 0.5:
        plan["qos"] = [rng.randrange(config["qos"]["levels"]) for _ in columns]
    if rng.random() < 0.5:
        plan["weights"] = [rng.choice((0, 0.125, 1, 2.5)) for _ in columns]
    return plan
