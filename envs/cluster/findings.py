"""What looks wrong in a cluster and its workload, or makes a comparison pointless."""
from __future__ import annotations

import numpy as np

from envs.cluster.cluster import Cluster
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario, variants
from envs.core.findings import Finding

DAY_S = 86_400.0
SHORT_S = 60.0              # of a typical training job; shorter looks like another unit
LONG_S = 90 * DAY_S
YEAR_S = 365 * DAY_S        # a first arrival beyond is the time of day of some calendar
SHOWN = 8
IDLE = 0.5                  # offered load below which jobs hardly ever wait


def of_cluster(cluster: Cluster) -> list[Finding]:
    """Classes, types and nodes that cannot do anything, or not for long."""
    have = {node.type for node in cluster.nodes}
    found = []
    for c in cluster.classes:
        if not any(c.speed[j] > 0 for j in have):
            found.append(Finding(True, f"class {c.name}", "no node has a GPU type that it can run "
                                 "on", "add such nodes, or drop the class"))
    for j, name in enumerate(cluster.types):
        if j not in have:
            found.append(Finding(False, f"type {name}", "no node has it", "leave it out"))
        elif not any(c.speed[j] > 0 for c in cluster.classes):
            found.append(Finding(False, f"type {name}", "no class can run on it: its GPUs stay "
                                 "idle", "give it a speed"))
    return [*found, *_events(cluster)]


def _events(cluster: Cluster) -> list[Finding]:
    """Nodes that never come back, and events that change nothing."""
    up: dict[int, bool] = {}
    vain, leave = [], {}
    for i, event in sorted(enumerate(cluster.events), key=lambda pair: pair[1].time_s):
        joins = event.event == "up"
        if up.get(event.node, not joins) == joins:
            vain.append(i)
        up[event.node], leave[event.node] = joins, event.time_s
    found = [Finding(False, "events", f"{_listed(vain)} of the list find their node in that state "
                     "already and change nothing", "leave them out")] if vain else []
    gone = sorted(node for node, is_up in up.items() if not is_up)
    if gone:
        found.append(Finding(False, "nodes", f"{_nodes(gone)} for good, the first at "
                             f"{min(leave[n] for n in gone):g} s: a job that needs them waits for "
                             "ever", "bring them back up, or expect a stalled run"))
    return found


def of_options(scenario: Scenario) -> list[Finding]:
    """Options that have no effect, and quotas that do not bind."""
    options, gpus = scenario.options, scenario.cluster.gpus
    found = []
    if options.completion == "boundary" and options.mode == "event":
        found.append(Finding(False, "completion", "boundary has no effect in event mode",
                             "set mode: round"))
    admissions = {effective.admission for effective, _ in variants(options)}
    if options.quota and "quota" not in admissions:
        found.append(Finding(False, "quota", f"admission is {options.admission}: quotas are not "
                             "used", "set admission: quota"))
    large = [tenant for tenant, quota in options.quota.items() if quota > gpus]
    if large:
        found.append(Finding(False, f"tenant {large[0]}", f"its quota of "
                             f"{options.quota[large[0]]} GPUs is larger than the cluster ({gpus})",
                             "it never holds anybody back; lower it"))
    return found


def of_trace(scenario: Scenario, trace: Trace) -> list[Finding]:
    """Load, units, unused columns."""
    return [*_units(scenario, trace), *_load(scenario, trace), *_needs(scenario, trace),
            *_users(scenario, trace)]


def of_parts(empty: list[str]) -> list[Finding]:
    """Parts of a recorded trace that hold no job."""
    return [Finding(False, "arrival_s", f"no job falls into the part for {', '.join(empty)}: "
                    "nothing can be trained or compared there",
                    "give jobs over a longer time, or run all of them with simulate()")
            ] if empty else []


def _units(scenario: Scenario, trace: Trace) -> list[Finding]:
    found = []
    typical, first = float(np.median(trace.duration_s)), float(trace.arrival_s[0])
    if typical < SHORT_S and trace.duration_s.max() < SHORT_S:
        found.append(Finding(True, "duration_s", f"half of the jobs take less than {typical:g} s: "
                             "it looks like minutes or hours", "write seconds"))
    if typical > LONG_S:
        found.append(Finding(True, "duration_s", f"half of the jobs take more than {typical:g} s: "
                             "it looks like milliseconds", "write seconds"))
    if first > YEAR_S:
        found.append(Finding(True, "arrival_s", f"the first job arrives at {first:g} s: it looks "
                             "like a calendar time", "subtract the first arrival"))
    round_s = scenario.options.round_s
    if scenario.options.mode == "round" and typical < round_s:
        found.append(Finding(False, "round_s", f"half of the jobs take less than {typical:g} s, a "
                             f"round has {round_s:g} s: they wait longer than they run",
                             "shorten the rounds, or use mode: event"))
    return found


def _load(scenario: Scenario, trace: Trace) -> list[Finding]:
    rho = trace.rho(scenario.cluster.gpus)
    if rho < IDLE:
        return [Finding(False, "load", f"the jobs ask for {rho:.2g} of the GPU time: they hardly "
                        "ever wait, there is little to decide",
                        f"compare policies at a higher load (name@{1 / rho:.2g} offers all of it)")]
    if (trace.gpus == 1).all() and rho < 0.9:
        return [Finding(False, "load", "every job has one GPU, and below a load of 0.9 all orders "
                        f"do about the same (here {rho:.2g})", "raise the load (name@FACTOR)")]
    return []


def _needs(scenario: Scenario, trace: Trace) -> list[Finding]:
    """Orders and policies that the columns of the trace give nothing to work on."""
    options = scenario.options
    missing = {
        ("edf", "llf"): ("deadline_s", not np.isfinite(trace.deadline_s).any()),
        ("priority",): ("priority", len(np.unique(trace.priority)) == 1),
    }
    found = [Finding(False, column, f"order {options.order} has nothing to go by: all jobs are "
                     "alike", f"give the trace a column {column}")
             for orders, (column, alike) in missing.items() if options.order in orders and alike]
    if options.size == "estimate" and (trace.estimate_s == trace.duration_s).all():
        found.append(Finding(False, "estimate_s", "every estimate is exact: size: estimate is the "
                             "same as oracle", "give the trace a column estimate_s"))
    if options.elastic and (trace.min_gpus == trace.max_gpus).all():
        found.append(Finding(False, "elastic", "no job has a range of GPUs: all are rigid",
                             "give the trace columns min_gpus and max_gpus"))
    return found


def _users(scenario: Scenario, trace: Trace) -> list[Finding]:
    used = np.unique(trace.tenant)
    idle = [t for t in scenario.options.quota if int(t) not in used]
    return [Finding(False, "tenants", f"{_listed(idle)} have a quota and no job here",
                    "leave them out if they never have one")] if idle else []


def _nodes(numbers: list[int]) -> str:
    one = len(numbers) == 1
    return f"node {numbers[0]} leaves" if one else f"{_listed(numbers)} leave"


def _listed(items: list) -> str:
    """The first few, and how many more."""
    shown = ", ".join(map(str, items[:SHOWN]))
    return shown + (f" and {len(items) - SHOWN} more" if len(items) > SHOWN else "")
