"""Whole runs: schedule the graphs of a trace under the policy of a scenario, keep every record.

    run = simulate(load_scenario("tiled"), trace, policy="dmdas")
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.core.errors import ScenarioError, nearest
from envs.dag.engine import Engine, size_of
from envs.dag.fitting import check_clock
from envs.dag.options import ALIASES
from envs.dag.options import POLICIES as KNOWN
from envs.dag.planning import Plan, plan_order
from envs.dag.planning import plan as make_plan
from envs.dag.recorder import Recorder, Run
from envs.dag.replay import Trace
from envs.dag.rules import resets
from envs.dag.scenario import Scenario
from envs.dag.state import LOG_FULL, OVER
from envs.dag.system import System, bind
from envs.dag.work import POLICIES, make_work

STATIC = "static:"


def simulate(scenario: Scenario, trace: Trace, *, seed: int | None = None,
             policy: str | None = None, plan: Plan | None = None, user: int = 0,
             system: System | None = None, recorded: bool = True) -> Run:
    """One run; `policy` and `seed` default to the options. Raises `TraceError`, `ScenarioError`.

    `plan` replaces that of a `static:` policy, `user` is the address of a compiled policy.
    Without `recorded` transfers, evictions, memory and choices stay empty.
    """
    seed = scenario.options.seed if seed is None else seed
    return simulate_batch(scenario, trace, [seed], policy=policy, plan=plan, user=user,
                          system=system, recorded=recorded)[0]


def simulate_batch(scenario: Scenario, trace: Trace, seeds: Sequence[int], *,
                   policy: str | None = None, plan: Plan | None = None, user: int = 0,
                   system: System | None = None, recorded: bool = True,
                   threads: int = 1) -> list[Run]:
    """One run of the same trace per seed, replayed together."""
    policy = _checked(scenario.options.policy if policy is None else policy, user)
    graphs, arrival, number = jobs_of(trace)
    if system is None:
        check_clock(trace, scenario.machine)
        system = bind(scenario, graphs)
    name = policy.partition(":")[0]
    work = make_work(system, recorded=recorded, user=user)
    engine = Engine(system, work, len(seeds), size=size_for(system, number[None]), threads=threads)
    every = np.ones(len(seeds), np.int64)
    engine.reset(every > 0, np.array(seeds, np.uint64), len(arrival) * every,
                 np.tile(arrival, (len(seeds), 1)), np.tile(number, (len(seeds), 1)),
                 policy=POLICIES.index(name))
    if name == "static":
        plan = plan or _planned(scenario, trace, policy)
        first, order = plan_order(plan, graphs[0], scenario.machine)
        resets.plan_batch(engine.state, first.astype(np.int64), order.astype(np.int64))
    recorder = Recorder(engine)
    while not (engine.run() == OVER).all():
        for e in np.flatnonzero(engine.block["run"]["code"] == LOG_FULL):
            recorder.drain(e)
    engine.close()
    return [recorder.run_of(e, trace, int(seed), policy) for e, seed in enumerate(seeds)]


def _checked(policy: str, user: int) -> str:
    """The name of a policy that can run by itself."""
    known = [name for name in KNOWN if name != "env"]
    policy = ALIASES.get(policy, policy)
    if policy == "env":
        raise ScenarioError("the environment answers, nothing runs by itself", "policy",
                            "use gymnasium.make, or another policy")
    if policy not in known:
        raise ScenarioError(f'unknown policy "{policy}"', "policy", nearest(policy, known))
    if policy == "user" and not user:
        raise ScenarioError("no policy of a user is given", "policy",
                            "give user=function.address of a function compiled by @policy")
    return policy


def jobs_of(trace: Trace) -> tuple[list, np.ndarray, np.ndarray]:
    """The distinct graphs of a trace, and arrival and graph number of its jobs, (J,)."""
    graphs: dict[int, int] = {}
    number = [graphs.setdefault(id(job.graph), len(graphs)) for job in trace.jobs]
    distinct = {id(job.graph): job.graph for job in trace.jobs}
    return (list(distinct.values()), np.array([job.arrival for job in trace.jobs], np.int64),
            np.array(number, np.int64))


def size_for(system: System, number: np.ndarray):
    """The size of replicas whose jobs are the graphs `number` (E, J)."""
    tasks, tiles = (system.graph[name][number].sum(axis=1).max() for name in ("tasks", "tiles"))
    return size_of(system, number.shape[1], int(tasks), int(tiles))


def _planned(scenario: Scenario, trace: Trace, policy: str) -> Plan:
    """The plan of a `static:` policy; planners see one job."""
    if len(trace.jobs) != 1:
        raise ScenarioError(f"{policy} plans one job, this trace has {len(trace.jobs)}",
                            trace.source or trace.name, "use a reactive policy for streams")
    return make_plan(policy.removeprefix(STATIC), trace.jobs[0].graph, scenario.machine,
                     scenario.options)
