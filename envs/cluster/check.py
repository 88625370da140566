"""What will not work, and why, before the first run: classes, jobs, types, quotas, load, units.

    report = check(load_scenario("my.yaml"), "my_jobs.csv")
    print(report.verdict)
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from envs.cluster import findings
from envs.cluster.classes import JobClass
from envs.cluster.cluster import Cluster
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario
from envs.cluster.system import bind
from envs.cluster.workloads import RecordedWorkload, open_workload
from envs.core.errors import SuiteError
from envs.core.findings import Checked, Finding, Section


@dataclass(frozen=True)
class Report(Checked):
    """A cluster, its jobs if there are any, and the findings."""

    scenario: Scenario
    jobs: Trace | None
    findings: tuple[Finding, ...]

    @property
    def trace(self) -> str:
        """The name of the workload."""
        return self.jobs.name if self.jobs is not None else ""

    @property
    def verdict(self) -> str:
        """One line."""
        cluster, jobs = self.scenario.cluster, self.jobs
        if jobs is None:
            return f"{self.counted}: {cluster.gpus} GPUs on {len(cluster.nodes)} nodes"
        long = jobs.end_s > findings.DAY_S
        span = f"{jobs.end_s / findings.DAY_S:.3g} days" if long else f"{jobs.end_s:.6g} s"
        some = f"{self.counted}: {len(jobs)} job{'s' * (len(jobs) > 1)}"
        gpus = f"{cluster.gpus} GPU{'s' * (cluster.gpus > 1)}"
        if jobs.end_s == jobs.arrival_s[0]:
            return f"{some} at once for {gpus}"
        return f"{some} within {span}, a load of {jobs.rho(cluster.gpus):.3g} on {gpus}"

    def sections(self) -> list[Section]:
        """Types, classes, sizes of jobs and tenants with a quota for a person."""
        cluster, jobs = self.scenario.cluster, self.jobs
        tables = [_types(cluster), _classes(cluster)]
        if jobs is not None:
            tables += [_sizes(jobs), _tenants(jobs, self.scenario)]
        return tables


def check(scenario: Scenario, trace: str | Path | Trace | None = None) -> Report:
    """Look at a cluster and a workload, by default the scenario's own, without running it."""
    found = [*findings.of_cluster(scenario.cluster), *findings.of_options(scenario)]
    trace = scenario.options.trace if trace is None else trace
    if trace is None:
        return Report(scenario, None, tuple(found))
    workload = open_workload(trace, scenario)
    jobs = workload.whole()
    try:
        bind(scenario, jobs)
    except SuiteError as error:
        found.append(Finding(True, error.where, error.what, error.remedy))
    if isinstance(workload, RecordedWorkload):
        found += findings.of_parts(workload.empty_parts())
    return Report(scenario, jobs, (*found, *findings.of_trace(scenario, jobs)))


def _types(cluster: Cluster) -> Section:
    rows = []
    for j, name in enumerate(cluster.types):
        nodes = [node for node in cluster.nodes if node.type == j]
        sizes = sorted({node.gpus for node in nodes})
        rows.append((name, str(len(nodes)), str(sum(node.gpus for node in nodes)),
                     " ".join(map(str, sizes)), str(len({node.rack for node in nodes})),
                     str(sum(cluster.nodes[e.node].type == j for e in cluster.events)),
                     str(sum(c.speed[j] > 0 for c in cluster.classes))))
    return Section(("type", "nodes", "GPUs", "GPUs per node", "racks", "events", "classes"), rows)


def _classes(cluster: Cluster) -> Section:
    header = ("class", "speed", "locality", "launch s", "restart s", "checkpoint s", "scaling")
    return Section(header, [_class(c) for c in cluster.classes])


def _class(c: JobClass) -> tuple[str, ...]:
    scaling = "goodput" if c.goodput else "curve" if c.curve else "linear"
    return (c.name, _figures(c.speed), _figures(c.locality), f"{c.launch_s:g}",
            f"{c.restart_s:g}", f"{c.checkpoint_s:g}", scaling)


def _figures(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _sizes(jobs: Trace) -> Section:
    share = jobs.gpus * jobs.duration_s / (jobs.gpus * jobs.duration_s).sum()
    rows = []
    for size in np.unique(jobs.gpus):
        mine = jobs.gpus == size
        p50, p90 = np.quantile(jobs.duration_s[mine], (0.5, 0.9))
        rows.append((str(size), str(mine.sum()), f"{100 * share[mine].sum():.1f}",
                     f"{p50:.0f}", f"{jobs.duration_s[mine].mean():.0f}", f"{p90:.0f}"))
    return Section(("GPUs", "jobs", "GPU time %", "median s", "mean s", "p90 s"), rows)


def _tenants(jobs: Trace, scenario: Scenario) -> Section:
    quota = scenario.options.quota
    rows = []
    for tenant in np.unique(jobs.tenant) if quota else ():
        mine = jobs.tenant == tenant
        rows.append((str(tenant), str(mine.sum()), str(jobs.gpus[mine].max()),
                     str(quota.get(str(tenant), "none"))))
    return Section(("tenant", "jobs", "largest job", "quota"), rows)
