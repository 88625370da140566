"""The read-only tables of a system, as rules take them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from envs.cluster.state import NEVER, NONE
from envs.cluster.system import System
from envs.cluster.units import us
from envs.core.errors import ScenarioError
from envs.core.jit import records

TASK = np.dtype([
    ("arrival", "i8"), ("deadline", "i8"), ("priority", "i8"), ("work", "f8"), ("estimate", "f8"),
    ("ideal", "f8"), ("gpus", "i4"), ("cls", "i4"), ("tenant", "i4"), ("only", "i4"),
    ("least", "i4"), ("most", "i4"),
], align=True)
CLASS = np.dtype([
    ("launch", "i8"), ("restart", "i8"), ("checkpoint", "i8"), ("near", "f8"), ("apart", "f8"),
    ("far", "f8"),                 # locality factors of levels 0, 1, 2
    ("sensitive", "i4"), ("goodput", "i4"),
], align=True)
NODE = np.dtype([("kind", "i4"), ("gpus", "i4"), ("rack", "i4"), ("up", "i4")], align=True)
EVENT = np.dtype([("when", "i8"), ("node", "i4"), ("what", "i4")], align=True)
PLACE = np.dtype([("rate", "f8"), ("speed", "f8"), ("sequence", "i4")], align=True)
POINT = np.dtype([("speedup", "f8"), ("one", "f8"), ("several", "f8"), ("larger", "f8")],
                 align=True)      # larger: share of jobs that ask for more GPUs
SAMPLE = np.dtype([("value", "i8"), ("before", "i8")], align=True)   # before: sum of smaller ones

ORDER = ("fifo", "random", "sjf", "sjf-gpus", "srtf", "srtf-gpu", "las", "las-gpu", "tiresias",
         "gittins", "priority", "edf", "llf", "hrrn", "user")
PLACEMENT = ("packed", "consolidated", "first-fit", "scatter", "spread", "random", "rack",
             "scatter-exact")
MISFIT = ("stop", "skip", "reserve")
PREEMPTION = ("off", "strict", "below", "repack")
ADMISSION = ("all", "load", "quota")
DEALING = ("walk", "shares", "optimus", "sia")
CONTROL = ("none", "pick", "policy", "resize")

RULES = np.dtype([
    ("period", "i8"), ("quantum", "i8"), ("age", "i8"), ("boost_after", "i8"),
    ("relax_after", "i8"), ("delta", "i8"), ("realloc", "i8"), ("every", "i8"), ("theta", "f8"),
    ("promote", "f8"), ("user", "i8"), ("events", "i4"), ("boundary", "i4"), ("admission", "i4"),
    ("order", "i4"), ("by_estimate", "i4"), ("placement", "i4"), ("sensitive_only", "i4"),
    ("misfit", "i4"), ("preempt", "i4"), ("eager", "i4"), ("dealing", "i4"), ("ratio", "i4"),
    ("powers", "i4"), ("recorded", "i4"), ("control", "i4"), ("slots", "i4"), ("moving", "i4"),
    ("slo", "i4"), ("blind", "i4"),
], align=True)
OVERRIDES = ("order", "misfit", "preempt", "evict", "placement", "admission", "theta")


class Work(NamedTuple):
    """Read-only inputs of the simulator: few tables, not many arrays."""

    cls: np.ndarray        # (C,) CLASS
    place: np.ndarray      # (C, J) PLACE: speed on a type; `sequence`: types in the order to try
    point: np.ndarray      # (C, S) POINT by GPU count
    event: np.ndarray      # (V,) EVENT
    sample: np.ndarray     # SAMPLE of gittins, ascending, with one closing entry
    limits: np.ndarray     # queue limits of tiresias, GPU-microseconds
    sizes: np.ndarray      # GPU counts that `resize` offers
    rules: np.ndarray      # (P,) RULES: the scenario's, then one per candidate


class Start(NamedTuple):
    """What an empty cluster and its jobs to come are made of."""

    task: np.ndarray       # (n,) TASK by job number of the trace
    node: np.ndarray       # (N,) NODE
    largest: np.ndarray    # (J,) GPUs of the largest node
    quota: np.ndarray      # (T,) GPUs by tenant


def make_start(system: System) -> Start:
    """Tables that only a reset reads."""
    return Start(records(_tasks(system)), records(_nodes(system)), system.g_max.astype(np.int32),
                 _quota(system))


def make_work(system: System, *, recorded: bool = False, user: int = 0, control: str = "none",
              candidates: Sequence[Mapping[str, Any]] = ()) -> Work:
    """Tables for one system; `user` is the address of a compiled order policy.

    `candidates` are option overrides; each has its row of rules after the scenario's own.
    """
    options = system.scenario.options
    if options.order == "user" and not user:
        raise ScenarioError("no compiled function is given", "order: user",
                            "compare one with contender=my_order.py:name")
    table = np.zeros(1 + len(candidates), RULES)
    for row, overrides in zip(table, ({}, *candidates), strict=True):
        _fill(row, options, overrides)
    table["recorded"], table["user"] = recorded, user
    table["control"] = CONTROL.index(control)
    limits = np.array([us(x) for x in options.queue_limits_gpu_s], np.int64)
    tables = (_classes(system), _places(system), _points(system), _events(system),
              _sample(system))
    return Work(*map(records, tables), limits, np.array(options.env.sizes, np.int64),
                records(table))


def _fill(row: np.void, options: Any, overrides: Mapping[str, Any]) -> None:
    """One row of rules: the options of the scenario under `overrides`."""
    def value(name: str) -> Any:
        return overrides.get(name, getattr(options, name))

    row["period"], row["events"] = us(options.round_s), options.mode == "event"
    for name, option in (("quantum", "quantum_s"), ("age", "age_s"),
                         ("boost_after", "boost_after_s"), ("relax_after", "relax_after_s"),
                         ("delta", "gittins_delta_gpu_s")):
        row[name] = us(getattr(options, option))
    row["boundary"] = options.completion == "boundary" and options.mode == "round"
    row["admission"], row["theta"] = ADMISSION.index(value("admission")), value("theta")
    row["promote"], row["order"] = options.promote, ORDER.index(value("order"))
    row["by_estimate"] = options.size == "estimate"
    row["placement"] = PLACEMENT.index(value("placement"))
    row["sensitive_only"] = options.consolidate == "sensitive"
    row["misfit"] = MISFIT.index(value("misfit"))
    row["preempt"] = PREEMPTION.index(value("preempt"))
    row["eager"] = value("evict") == "eager"
    row["every"] = NEVER if options.lookahead is None else us(options.lookahead.every_s)
    row["slots"], row["blind"] = options.env.slots, options.env.blind
    row["slo"] = options.env.reward.get("slo", 0.0) != 0.0
    if options.share is not None:
        row["dealing"], row["ratio"] = DEALING.index("shares"), options.share.rule == "ratio"
        row["realloc"] = us(options.share.realloc_s)
    if options.elastic is not None:
        row["dealing"] = DEALING.index(options.elastic.policy)
        row["powers"] = options.elastic.sizes == "pow2"
    row["moving"] = _moving(row)


def _moving(row: np.void) -> bool:
    """Whether the order of waiting jobs changes while they wait."""
    return bool(row["boost_after"] < NEVER or ORDER[row["order"]] in ("hrrn", "user")
                or (ORDER[row["order"]] == "priority" and row["age"] < NEVER)
                or (ORDER[row["order"]] == "tiresias" and np.isfinite(row["promote"])))


def _tasks(system: System) -> np.ndarray:
    table = np.zeros(len(system.work), TASK)
    table["arrival"], table["deadline"] = system.arrival_us, system.deadline_us
    table["priority"], table["work"], table["estimate"] = (system.priority, system.work,
                                                           system.estimate)
    table["gpus"], table["cls"], table["tenant"] = system.gpus, system.cls, system.tenant
    table["only"], table["least"], table["most"] = (system.gpu_type, system.min_gpus,
                                                    system.max_gpus)
    present = np.unique(system.node_type)
    speed = system.speed[system.cls][:, present]
    allowed = (system.gpu_type[:, None] == NONE) | (system.gpu_type[:, None] == present)
    best = np.where(allowed, speed, 0.0).max(1)
    table["ideal"] = system.launch_us[system.cls] + system.work / best
    return table


def _classes(system: System) -> np.ndarray:
    table = np.zeros(len(system.launch_us), CLASS)
    table["launch"], table["restart"] = system.launch_us, system.restart_us
    table["checkpoint"], table["sensitive"] = system.checkpoint_us, system.sensitive
    table["near"], table["apart"], table["far"] = system.locality.T
    table["goodput"] = system.has_goodput
    return table


def _places(system: System) -> np.ndarray:
    table = np.zeros(system.speed.shape, PLACE)
    table["speed"], table["sequence"] = system.speed, system.type_order
    return table


def _points(system: System) -> np.ndarray:
    classes, sizes = system.curve.shape
    table = np.zeros((classes, max(sizes, int(system.node_gpus.max()) + 1)), POINT)
    table["speedup"][:, :sizes] = system.curve
    table["one"][:, :sizes] = system.goodput_rate[..., 0]
    table["several"][:, :sizes] = system.goodput_rate[..., 1]
    table["larger"] = [(system.gpus > f).mean() for f in range(table.shape[1])]
    return table


def _nodes(system: System) -> np.ndarray:
    table = np.zeros(len(system.node_gpus), NODE)
    table["kind"], table["gpus"] = system.node_type, system.node_gpus
    table["rack"] = np.unique(system.node_rack, return_inverse=True)[1].reshape(-1)
    table["up"] = system.starts_up
    return table


def _events(system: System) -> np.ndarray:
    table = np.zeros(len(system.event_us), EVENT)
    table["when"], table["node"], table["what"] = (system.event_us, system.event_node,
                                                   system.event_kind)
    return table


def _sample(system: System) -> np.ndarray:
    given = system.scenario.options.gittins_sample_gpu_s
    values = (np.floor(system.work * system.gpus + 0.5).astype(np.int64) if given is None
              else np.array([us(x) for x in given], np.int64))
    table = np.zeros(len(values) + 1, SAMPLE)
    table["value"][:-1] = np.sort(values)
    table["value"][-1] = NEVER
    table["before"][1:] = np.cumsum(table["value"][:-1])
    return table


def _quota(system: System) -> np.ndarray:
    tenants = int(system.tenant.max(initial=0)) + 1
    given = system.scenario.options.quota
    return np.array([given.get(str(t), NEVER) for t in range(tenants)], np.int64)

