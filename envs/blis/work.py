"""The read-only tables of a system and a trace, as rules take them."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.blis.replay import Trace
from envs.blis.system import System
from envs.core.errors import ScenarioError
from envs.core.jit import records

REQUEST = np.dtype([
    ("arrival", "f8"), ("slo", "f8"), ("need", "f8"), ("family", "i4"), ("qos", "i4"),
], align=True)
PAIR = np.dtype([
    ("accuracy", "f8"),
    ("peak", "f8"),                # requests per second at B0
    ("load", "f8"),                # load time
    ("full", "f8"),                # L(B)
    ("one", "f8"),                 # L(1)
    ("family", "i4"),
    ("cap", "i4"),                 # B
    ("hostable", "i4"),
    ("sizes", "i4"),               # allowed sizes that AIMD may use
], align=True)
LAUNCH = np.dtype([("latency", "f8"), ("charge", "f8"), ("taken", "i4")], align=True)
KIND = np.dtype([("count", "i4"), ("first", "i4")], align=True)
KINDRED = np.dtype([("slo", "f8"), ("first", "i4"), ("last", "i4")], align=True)

ROUTING = ("random", "round_robin", "eft", "lft", "jseq", "canary", "canary_smooth", "infaas",
           "user")
LOADING = ("fallback", "always", "never")
BATCHING = ("single", "greedy", "early_start", "nexus", "aimd")
DROPPING = ("never", "expired", "hopeless", "early_drop")

RULES = np.dtype([
    ("window", "f8"), ("factor", "f8"), ("timeout", "f8"), ("start", "f8"), ("increase", "f8"),
    ("decrease", "f8"), ("infaas_horizon", "f8"), ("request_scale", "f8"), ("w_slo", "f8"),
    ("w_acc", "f8"), ("w_move", "f8"), ("demand_keep", "f8"), ("user", "i8"), ("routing", "i4"),
    ("loading", "i4"), ("strict_qos", "i4"), ("on_demand", "i4"), ("feasible", "i4"),
    ("batching", "i4"), ("ladder", "i4"), ("dropping", "i4"), ("at_launch", "i4"),
    ("levels", "i4"), ("listed_draws", "i4"), ("recorded", "i4"), ("actions", "i4"),
    ("lookahead", "i4"), ("normalise", "i4"), ("per_window", "i4"), ("swap", "i4"),
    ("variants", "i4"),
], align=True)


class Work(NamedTuple):
    """Read-only inputs of the simulator: few tables, not many arrays."""

    request: np.ndarray    # (N,) REQUEST
    pair: np.ndarray       # (T * V,) PAIR, type by type
    launch: np.ndarray     # (T * V, S + 1) LAUNCH by batch size
    sizes: np.ndarray      # (T * V, S) AIMD sizes, ascending
    kind: np.ndarray       # (T,) KIND: devices of a type
    family: np.ndarray     # (K,) KINDRED: allowance, range of variants
    default: np.ndarray    # (K, T) default variant, -1 none
    draws: np.ndarray      # numbers that replace random stream 0
    rules: np.ndarray      # (1,) RULES


def make_work(system: System, trace: Trace, recorded: bool = False, user: int = 0) -> Work:
    """Tables for one system; `user` is the address of a compiled routing policy."""
    draws = np.array(system.scenario.options.routing.draws or (), float)
    parts = (_requests(system, trace), _pairs(system), _launches(system), _sizes(system),
             _kinds(system), _families(system))
    return Work(*(records(p) for p in parts[:3]), parts[3], *(records(p) for p in parts[4:]),
                system.default_variant.astype(np.int32), draws,
                records(_rules(system, recorded, user)))


def _requests(system: System, trace: Trace) -> np.ndarray:
    index = {f: k for k, f in enumerate(system.families)}
    place = np.array([index.get(f, -1) for f in trace.families] or [-1], np.int32)
    table = np.zeros(len(trace.arrival_ms), REQUEST)
    table["arrival"], table["slo"], table["need"] = trace.arrival_ms, trace.slo_ms, trace.accuracy
    table["family"] = place[trace.family]
    table["qos"] = trace.qos
    levels = system.scenario.options.qos.levels
    if len(table) and int(table["qos"].max()) >= levels:
        raise ScenarioError(f"the trace asks for QoS level {int(table['qos'].max())}",
                            f"{trace.name}: qos.levels", f"set qos.levels above {levels}")
    return table


def _pairs(system: System) -> np.ndarray:
    shape = system.peak.shape
    table = np.zeros(shape, PAIR)
    table["accuracy"], table["family"] = system.accuracy, system.variant_family
    table["peak"], table["load"], table["cap"] = system.peak, system.load_ms, system.cap
    table["cap"][~system.tabulated] = 0
    table["hostable"] = system.hostable
    if shape[1]:
        table["one"] = system.latency[:, :, 1]
    full = np.take_along_axis(system.latency, system.cap[:, :, None], 2)[:, :, 0]
    table["full"] = full
    capped = system.scenario.options.batching.capped
    for t, row in enumerate(system.allowed):
        for j, sizes in enumerate(row):
            table["sizes"][t, j] = sum(not capped or b <= system.cap[t, j] for b in sizes)
    return table.reshape(-1)


def _launches(system: System) -> np.ndarray:
    table = np.zeros(system.latency.shape, LAUNCH)
    table["latency"], table["charge"], table["taken"] = (system.latency, system.charge, system.take)
    return table.reshape(-1, table.shape[-1])


def _sizes(system: System) -> np.ndarray:
    rows = [sizes for row in system.allowed for sizes in row]
    table = np.zeros((len(rows), max(map(len, rows), default=0)), np.int32)
    for p, sizes in enumerate(rows):
        table[p, :len(sizes)] = sizes
    return table


def _kinds(system: System) -> np.ndarray:
    table = np.zeros(len(system.types), KIND)
    table["count"] = system.count
    table["first"] = np.cumsum(system.count) - system.count
    return table


def _families(system: System) -> np.ndarray:
    table = np.zeros(len(system.families), KINDRED)
    table["slo"] = system.slo_ms
    for k in range(len(table)):
        own = np.flatnonzero(system.variant_family == k)
        table[k]["first"], table[k]["last"] = own[0], own[-1] + 1
    return table


def _rules(system: System, recorded: bool, user: int) -> np.ndarray:
    o = system.scenario.options
    r, b, e = o.routing, o.batching, o.env
    table = np.zeros(1, RULES)
    row = table[0]
    row["window"], row["factor"] = o.window_ms, o.dropping.factor
    row["timeout"] = -1.0 if b.timeout_ms is None else b.timeout_ms
    row["start"], row["increase"], row["decrease"] = b.start, b.increase, b.decrease
    row["infaas_horizon"] = 0.0 if r.horizon_ms is None else r.horizon_ms
    row["user"], row["routing"] = user, ROUTING.index(r.policy)
    row["loading"], row["strict_qos"] = LOADING.index(r.loading), o.qos.mode == "strict"
    row["on_demand"], row["feasible"] = r.on_demand, o.admission == "feasible"
    row["batching"], row["ladder"] = BATCHING.index(b.policy), b.mode == "ladder"
    row["dropping"] = DROPPING.index(o.dropping.policy)
    row["at_launch"], row["levels"] = o.dropping.moment == "launch", o.qos.levels
    row["listed_draws"], row["recorded"] = r.draws is not None, recorded
    row["request_scale"], row["w_slo"], row["w_acc"] = e.request_scale, e.w_slo, e.w_acc
    row["w_move"], row["actions"] = e.w_move, e.actions_per_window
    row["lookahead"] = e.lookahead_requests if e.reward == "lookahead" else 0
    row["normalise"] = e.normalise
    demand = o.allocation.demand
    row["demand_keep"] = 1 - 1 / (1 + demand.com)
    row["per_window"], row["swap"] = e.reward == "window", e.action == "swap"
    row["variants"] = len(system.variants)
    return table
