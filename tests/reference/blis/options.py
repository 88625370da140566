"""Configuration of the reference: the defaults, completed by what a scenario gives."""

from collections.abc import Mapping
from types import SimpleNamespace

ALLOCATION = {
    "policy": "static", "period": None, "also_at": (), "delay_windows": 0,
    "initial_demand": "trace_mean", "initial": None, "plans": (), "per_type": 1,
    "actions_per_window": 10, "slack": 0.95, "down_slack": 0.8,
    "demand": {"kind": "last", "com": 1.6, "span": 20, "lag": 0},
}
ENVIRONMENT = {
    "actions_per_window": 10, "reward": None, "lookahead_requests": 10, "normalise": False,
    "action": "per_device", "request_scale": 1000, "w_slo": 0.5, "w_acc": 0.5, "w_move": 0,
}
DEFAULTS = {
    "window_ms": 1000, "horizon_ms": None, "seed": 0, "families": None, "family_slo_ms": {},
    "batch_sizes": None, "slo_fraction": 0.5, "min_cap": 1, "fit": "exact", "load_scale": 1.0,
    "default_variant": "least_accurate", "qos": {"levels": 1, "mode": "best_effort"},
    "routing": {"policy": "eft", "loading": "fallback", "draws": None, "horizon_ms": None,
                "on_demand": False},
    "admission": "none",
    "batching": {"policy": "greedy", "timeout_ms": None, "mode": "additive", "capped": True,
                 "start": 1, "increase": 1, "decrease": 0.9},
    "dropping": {"policy": "never", "factor": 1, "moment": "decision"},
    "allocation": ALLOCATION, "accuracy_bin_ms": 10000,
    "accelerators": (), "profile": (), "variants": None,
    "episode": {"start_ms": 0, "random_start": False}, "env": ENVIRONMENT,
}
PLAIN = {"family_slo_ms"}


def complete(config: Mapping, defaults: Mapping = DEFAULTS) -> SimpleNamespace:
    """The configuration with every default filled in, as nested attributes."""
    unknown = set(config) - set(defaults)
    if unknown:
        raise KeyError(f"unknown options {sorted(unknown)}")
    values = {key: _value(key, config, default) for key, default in defaults.items()}
    return SimpleNamespace(**values)


def _value(key: str, config: Mapping, default: object) -> object:
    if isinstance(default, Mapping) and key not in PLAIN:
        return complete(config.get(key) or {}, default)
    return config.get(key, default)
