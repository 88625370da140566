"""The named contenders of `blis`: option overrides of a scenario, and how to look one up.

Overrides replace whole blocks of options (`Scenario.replace`), so what a baseline does not say has
its default and not what the scenario says. A new baseline is one entry.
"""
from __future__ import annotations

from typing import Any

from agents.baselines.table import Baseline, named

EWMA = {"kind": "ewma", "com": 1.6}
LAST = {"kind": "last"}
FUTURE = {"kind": "future"}
TUNED = {"policy": "proteus", "period": 2, "move_penalty": 0.05}


def _overrides(routing: Any, batching: Any, dropping: str, admission: str,
               allocation: Any) -> dict[str, Any]:
    """One block per option; a plain name is the block's policy."""
    blocks = {"routing": routing, "batching": batching, "dropping": dropping,
              "allocation": allocation}
    named = {k: {"policy": v} if isinstance(v, str) else v for k, v in blocks.items()}
    return {**named, "admission": admission}


def _single(routing: str, allocation: Any) -> dict[str, Any]:
    """One request at a time, none admitted that would be late."""
    return _overrides(routing, "single", "never", "feasible", allocation)


def _work_conserving(allocation: Any) -> dict[str, Any]:
    """Shortest expected queue, greedy batches, early drops."""
    return _overrides("jseq", "greedy", "early_drop", "none", allocation)


def _clipper(policy: str) -> dict[str, Any]:
    aimd = {"policy": "aimd", "timeout_ms": 50}
    return _overrides("canary", aimd, "expired", "none", {"policy": policy, "demand": EWMA})


def _early_start(policy: str) -> dict[str, Any]:
    return _overrides("canary", "early_start", "early_drop", "none",
                      {"policy": policy, "demand": EWMA})


_BLIS_ILP = {"policy": "blis_ilp", "period": 1, "demand": LAST}
_PROTEUS = {"policy": "proteus", "demand": EWMA}

BASELINES: dict[str, Baseline] = {b.name: b for b in (
    Baseline("random_eft", "random allocation, earliest finish time", _single("eft", "random")),
    Baseline("static_eft", "one device per family and type, earliest finish time",
             _single("eft", "static")),
    Baseline("lfu_eft", "least frequently used family gives, earliest finish time",
             _single("eft", "lfu")),
    Baseline("load_proportional_eft", "devices by mean demand, earliest finish time",
             _single("eft", "load_proportional")),
    Baseline("blis_ilp_eft", "integer program every window, earliest finish time",
             _single("eft", _BLIS_ILP)),
    Baseline("static_lft", "one device per family and type, latest finish time",
             _single("lft", "static")),
    Baseline("blis_ilp_lft", "integer program every window, latest finish time",
             _single("lft", _BLIS_ILP)),
    Baseline("random_wc", "random allocation every ten windows, work conserving",
             _work_conserving({"policy": "random", "period": 10})),
    Baseline("load_proportional_wc", "devices by mean demand, work conserving",
             _work_conserving("load_proportional")),
    Baseline("max_throughput", "integer program for throughput alone, work conserving",
             _work_conserving({"policy": "max_throughput", "demand": EWMA})),
    Baseline("clipper_ha", "Clipper, most accurate variants", _clipper("clipper_ha")),
    Baseline("clipper_ht", "Clipper, fastest variants", _clipper("clipper_ht")),
    Baseline("infaas", "INFaaS: autoscaling and a variant per request",
             _overrides({"policy": "infaas", "on_demand": True}, "greedy", "early_drop", "none",
                        "infaas")),
    Baseline("sommelier", "Sommelier: families stay, variants change", _early_start("sommelier")),
    Baseline("proteus", "Proteus as published: accuracy scaling, late batches",
             _early_start("proteus")),
    Baseline("proteus_wc", "Proteus' plan, work conserving", _work_conserving(_PROTEUS)),
    Baseline("nexus", "Proteus' plan, Nexus' batching",
             _overrides("jseq", "nexus", "early_drop", "none", _PROTEUS)),
    Baseline("proteus_tuned", "Proteus' plan every two windows, moves penalised, work conserving",
             _work_conserving({**TUNED, "demand": EWMA}), tuned_from="proteus"),
    Baseline("clairvoyant", "the tuned planner told the demand to come: a bound",
             _work_conserving({**TUNED, "demand": FUTURE}), privileged=True),
)}


def baseline(name: str) -> Baseline:
    """The baseline of this name; an unknown one is a `PolicyError`."""
    return named(BASELINES, name)
