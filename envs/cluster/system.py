"""A scenario bound to a trace: integer microseconds and indices, and every check that needs both.

Kernels, planners, metrics and pictures all read this one object; nothing here changes in a run.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.cluster.classes import JobClass, speed_ups
from envs.cluster.cluster import EVENTS, Cluster
from envs.cluster.limits import check_instants, check_lengths
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario, variants
from envs.cluster.units import us_of
from envs.core.errors import ScenarioError, TraceError, nearest

WIDEST = 1024   # GPUs at which ranges of jobs end unless a type has more: tables have a row each
MANY = 20       # known names beyond which only the nearest is shown


@dataclass(frozen=True, eq=False)
class System:
    """Figures per node (N), type (J), class (C), GPU count (S), event (V) and job (n)."""

    scenario: Scenario
    trace: Trace
    types: tuple[str, ...]
    classes: tuple[str, ...]
    node_type: np.ndarray       # (N,) i4
    node_gpus: np.ndarray       # (N,) i4
    node_rack: np.ndarray       # (N,) i4
    starts_up: np.ndarray       # (N,) bool
    g_max: np.ndarray           # (J,) i4 GPUs of the largest node; 1 for a type without nodes
    type_gpus: np.ndarray       # (J,) i4 GPUs of the type, up or down
    event_us: np.ndarray        # (V,) i8, by (time, file order)
    event_node: np.ndarray      # (V,) i4
    event_kind: np.ndarray      # (V,) i4: 0 up, 1 drain, 2 fail
    speed: np.ndarray           # (C, J) f8, 0 cannot run
    locality: np.ndarray        # (C, 3) f8
    launch_us: np.ndarray       # (C,) i8
    restart_us: np.ndarray      # (C,) i8
    checkpoint_us: np.ndarray   # (C,) i8, NEVER: a failure loses the whole segment
    sensitive: np.ndarray       # (C,) bool: a locality factor is below 1
    type_order: np.ndarray      # (C, J) i4 types in the order in which they are tried, then -1
    curve: np.ndarray           # (C, S) f8 speed-up s(g), s(0) = 0
    has_goodput: np.ndarray     # (C,) bool
    goodput_rate: np.ndarray    # (C, S, 2) f8 goodput on one node, on several, over that on 1 GPU
    arrival_us: np.ndarray      # (n,) i8
    gpus: np.ndarray            # (n,) i4
    work: np.ndarray            # (n,) f8 us of reference time
    estimate: np.ndarray        # (n,) f8 us, the scheduler's guess of work
    cls: np.ndarray             # (n,) i4
    tenant: np.ndarray          # (n,) i4
    priority: np.ndarray        # (n,) i8
    deadline_us: np.ndarray     # (n,) i8, NEVER without one
    gpu_type: np.ndarray        # (n,) i4 the only type allowed, -1 any
    min_gpus: np.ndarray        # (n,) i4
    max_gpus: np.ndarray        # (n,) i4
    line: np.ndarray            # (n,) i4 row of the trace's file, from 0

    def __len__(self) -> int:
        return len(self.arrival_us)

    @property
    def total_gpus(self) -> int:
        """G: all GPUs of the cluster, up or down."""
        return int(self.node_gpus.sum())

    def allowed(self) -> np.ndarray:
        """(n, J) bool: the job may and can run on the type."""
        pinned = self.gpu_type[:, None]
        free = (pinned < 0) | (pinned == np.arange(len(self.types)))
        return free & (self.speed[self.cls] > 0)


def bind(scenario: Scenario, trace: Trace) -> System:
    """Indices and figures for a trace on a scenario; `TraceError` for a job that cannot run."""
    cluster, options = scenario.cluster, scenario.options
    if not len(trace):
        raise ScenarioError("the trace is empty", trace.source or trace.name,
                            "give it at least one job")
    cls = _resolved(trace, "class", trace.classes, trace.cls, [c.name for c in cluster.classes])
    gpu_type = _resolved(trace, "gpu_type", trace.gpu_types, trace.gpu_type, cluster.types)
    nodes = _node_figures(cluster)
    room = max(WIDEST, nodes["type_gpus"].max())
    max_gpus = np.maximum(trace.gpus, np.minimum(trace.max_gpus, room))
    largest = int(min(room, max_gpus.max()))
    system = System(
        scenario, trace, cluster.types, tuple(c.name for c in cluster.classes),
        **nodes, **_event_figures(cluster),
        **_class_figures(cluster.classes, options.type_order, largest),
        arrival_us=us_of(trace.arrival_s), gpus=trace.gpus, cls=cls, tenant=trace.tenant,
        work=us_of(trace.duration_s).astype(np.float64),
        estimate=us_of(trace.estimate_s).astype(np.float64), priority=trace.priority,
        deadline_us=us_of(trace.deadline_s), gpu_type=gpu_type, min_gpus=trace.min_gpus,
        max_gpus=max_gpus, line=trace.line)
    _check_sizes(system)
    check_lengths(system)
    check_instants(system, [effective for effective, _ in variants(options)])
    _check_quota(system)
    _check_tracked(system)
    _check_share(system)
    return system


def check_window(scenario: Scenario, trace: Trace) -> None:
    """`ScenarioError` where an episode, its warm-up included, is longer than the trace."""
    env = scenario.options.env
    wanted = (env.window or 1) + env.warm_up
    if wanted > len(trace):
        parts = f"{env.window or 1} jobs" + (f" after {env.warm_up}" if env.warm_up else "")
        raise ScenarioError(f"an episode of {parts} is longer than the trace",
                            f"{scenario.name}: env.window",
                            f"{trace.name} has {len(trace)} jobs; ask for fewer")


def _resolved(trace: Trace, column: str, words: Sequence[str], index: np.ndarray,
              known: Sequence[str]) -> np.ndarray:
    """Indices into the trace's names as indices into the cluster's, by name or else by number."""
    place = {name: i for i, name in enumerate(known)}
    target = np.full(len(words) + 1, -1, np.int32)      # the last entry stands for "any"
    for i, word in enumerate(words):
        number = int(word) if word.isdecimal() and int(word) < len(known) else None
        found = place.get(word, number)
        used = np.flatnonzero(index == i)
        if found is None and len(used):
            shown = nearest(word, known) if len(known) > MANY else "known: " + ", ".join(known)
            raise TraceError(f'unknown {column} "{word}"', trace.where(int(used[0]), column), shown)
        target[i] = -1 if found is None else found
    return target[index]


def _node_figures(cluster: Cluster) -> dict[str, np.ndarray]:
    kinds = len(cluster.types)
    node_type = np.array([node.type for node in cluster.nodes], np.int32)
    node_gpus = np.array([node.gpus for node in cluster.nodes], np.int32)
    g_max = np.ones(kinds, np.int32)
    np.maximum.at(g_max, node_type, node_gpus)
    return {"node_type": node_type, "node_gpus": node_gpus,
            "node_rack": np.array([node.rack for node in cluster.nodes], np.int32),
            "g_max": g_max,
            "type_gpus": np.bincount(node_type, node_gpus, kinds).astype(np.int32)}


def _event_figures(cluster: Cluster) -> dict[str, np.ndarray]:
    time = us_of(np.array([event.time_s for event in cluster.events]))
    order = np.argsort(time, kind="stable")
    node = np.array([event.node for event in cluster.events], np.int32)[order]
    kind = np.array([EVENTS.index(event.event) for event in cluster.events], np.int32)[order]
    starts_up = np.ones(len(cluster.nodes), bool)
    first, at = np.unique(node, return_index=True)
    starts_up[first] = kind[at] != 0        # a node whose first event is `up` joins later
    return {"event_us": time[order], "event_node": node, "event_kind": kind,
            "starts_up": starts_up}


def _class_figures(classes: Sequence[JobClass], type_order: str,
                   largest: int) -> dict[str, np.ndarray]:
    speed = np.array([c.speed for c in classes])
    return {
        "speed": speed, "locality": np.array([c.locality for c in classes]),
        "launch_us": us_of(np.array([c.launch_s for c in classes])),
        "restart_us": us_of(np.array([c.restart_s for c in classes])),
        "checkpoint_us": us_of(np.array([c.checkpoint_s for c in classes])),
        "sensitive": np.array([c.sensitive for c in classes]),
        "type_order": _type_order(speed, type_order),
        "curve": np.stack([speed_ups(c, largest) for c in classes]),
        "has_goodput": np.array([c.goodput is not None for c in classes]),
        "goodput_rate": np.stack([_goodput_rate(c, largest) for c in classes]),
    }


def _type_order(speed: np.ndarray, rule: str) -> np.ndarray:
    """Types that a class can run on, the fastest first or as listed, then -1."""
    key = np.where(speed > 0, -speed if rule == "fastest" else -1.0, 0.0)
    order = np.argsort(key, axis=1, kind="stable").astype(np.int32)
    return np.where(np.take_along_axis(speed, order, 1) > 0, order, np.int32(-1))


def _goodput_rate(job_class: JobClass, largest: int) -> np.ndarray:
    from envs.cluster.planning.goodput import Goodput, rates

    if job_class.goodput is None:
        return np.zeros((largest + 1, 2))
    return rates(Goodput.from_config(job_class.goodput, f"class {job_class.name}"), largest)


def _check_sizes(system: System) -> None:
    largest = (system.allowed() * system.type_gpus).max(axis=1)
    for job in np.flatnonzero(largest < system.gpus)[:1]:
        raise TraceError(f"{system.trace.job(job)} wants {system.gpus[job]} GPUs of one type, the "
                         f"largest possible request is {largest[job]}", system.trace.where(job),
                         "leave the job out, or enlarge the cluster")


def _check_quota(system: System) -> None:
    options, trace = system.scenario.options, system.trace
    if all(effective.admission != "quota" for effective, _ in variants(options)):
        return
    where = f"{system.scenario.name}: quota"
    for tenant in np.unique(system.tenant):
        jobs = np.flatnonzero(system.tenant == tenant)
        quota = options.quota.get(str(tenant))
        if quota is None:
            raise ScenarioError(f"tenant {tenant} of {trace.job(jobs[0])} has no quota", where,
                                f'add "{tenant}": GPUs')
        for job in jobs[system.gpus[jobs] > quota][:1]:
            raise ScenarioError(f"{trace.job(job)} wants {system.gpus[job]} GPUs, the quota of "
                                f"tenant {tenant} is {quota}", where, "raise the quota")


def _check_tracked(system: System) -> None:
    track = system.scenario.options.track
    if track is not None and track[1] >= len(system):
        raise ScenarioError(f"jobs {track[0]} to {track[1]} lie outside the trace",
                            f"{system.scenario.name}: track",
                            f"{system.trace.name} has {len(system)} jobs, numbered from 0")


def _check_share(system: System) -> None:
    share, where = system.scenario.options.share, f"{system.scenario.name}: share"
    if share is None:
        return
    last = int(system.line.max())
    for key in ("X", "weights"):
        given = getattr(share, key)
        if given is not None and len(given) <= last:
            raise ScenarioError(f"{key} has {len(given)} rows, the trace has line {last}",
                                f"{where}.{key}", "give one per trace line, from 0")
    if share.policy == "hierarchical":
        known = {line for entity in share.entities for line in entity.jobs}
        for line in system.line[~np.isin(system.line, list(known))][:1]:
            raise ScenarioError(f"trace line {line} is in no entity", f"{where}.entities",
                                "put every job into one")
