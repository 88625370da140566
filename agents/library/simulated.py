"""The judge that simulates: all cases of a family are replicas of one batch of `sched/Dag-v0`."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from agents.library.families import Case, Family
from agents.library.versions import RULE_NAME, canonical
from agents.policy import Policy
from envs.dag.env import DagEnv
from envs.dag.metrics import makespan, mean_jct, per_unit
from envs.dag.recorder import Run
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario, load_scenario
from envs.dag.simulate import simulate
from envs.dag.workloads import open_workload

PART = "validation"                                             # whose graphs the cases draw from
SIZED = ("action_mask", "edges")                                # as many as slots or nodes
WHOLE = {"env": {"horizon": None, "max_decisions": None}}       # no early end


class Simulated:
    """Costs by simulation; those of `mct_wait` are kept, since everything is measured by them."""

    def __init__(self, threads: int = 1):
        self.threads, self.rule = threads, {}

    def ratios(self, actor: Policy | str, family: Family) -> np.ndarray:
        """Cost of a policy, or of a baseline by name, over that of `mct_wait`, case by case."""
        scenario, key = load_scenario(family.scenario), canonical([family.scenario, family.cases])
        if key not in self.rule:
            self.rule[key] = costs_of_baseline(RULE_NAME, scenario, family.cases)
        own = (costs_of_baseline(actor, scenario, family.cases) if isinstance(actor, str)
               else self.costs_of_policy(actor, scenario, family.cases))
        return own / np.where(self.rule[key] > 0, self.rule[key], 1)

    def costs_of_policy(self, policy: Policy, scenario: Scenario, cases: Sequence[Case]
                        ) -> np.ndarray:
        """C of a policy with its most probable actions, (cases,) units of time."""
        told, found = scenario.merge(policy.options).merge(WHOLE), np.empty(len(cases))
        for trace, places in _batches(scenario, cases):
            env = DagEnv(len(places), scenario=told, trace=trace, part=PART, threads=self.threads)
            found[places] = played(env, policy, [cases[i][1] for i in places])
            env.close()
        return found

    def features(self, policy: Policy, family: Family) -> dict[str, Any]:
        """Columns of the observation, and which kinds the columns of kinds stand for."""
        env = self.batch(policy, family, 1)
        names = {key: list(columns) for key, columns in env.feature_names.items()
                 if key not in SIZED}
        kinds = [*(env.options.kinds or env.system.kinds)]
        env.close()
        return {**names, "kinds": kinds}

    def batch(self, policy: Policy, family: Family, num_envs: int) -> DagEnv:
        """Replicas of the family's training part under the policy's options."""
        return DagEnv(num_envs, scenario=load_scenario(family.scenario).merge(policy.options),
                      part="train", threads=self.threads)


def played(env: DagEnv, policy: Policy, seeds: Sequence[int]) -> np.ndarray:
    """C of the first episode of every replica."""
    name = "mean_jct" if env.scenario.options.objective == "jct" else "makespan"
    observation, info = env.reset(seed=[*seeds])
    policy.start(env)
    found = np.full(len(seeds), np.nan)
    while np.isnan(found).any():
        action = policy.act(observation, info["action_mask"])
        observation, _, terminated, truncated, info = env.step(action)
        over = np.isnan(found) & (terminated | truncated)
        if over.any():
            found[over] = info["final_info"][name][over]
    return found


def costs_of_baseline(name: str, scenario: Scenario, cases: Sequence[Case]) -> np.ndarray:
    """C of a baseline, (cases,) units of time."""
    pool = open_workload(None, scenario).pool(PART)
    return np.array([cost(simulate(scenario, pool.trace(graph), seed=noise, policy=name,
                                   recorded=False)) for graph, noise in cases])


def cost(run: Run) -> float:
    """C: the makespan, or the mean JCT where that is the objective."""
    jct = run.system.scenario.options.objective == "jct"
    return float(mean_jct(run) if jct else makespan(run)) / per_unit(run)


def _batches(scenario: Scenario, cases: Sequence[Case]
             ) -> Iterator[tuple[Trace | None, list[int]]]:
    """Places of cases that one batch can play: the seed of an episode draws graph and noise, so
    cases whose two seeds differ bring the trace of their graph seed."""
    alike = [i for i, (graph, noise) in enumerate(cases) if graph == noise]
    if alike:
        yield None, alike
    for seed in sorted({graph for graph, noise in cases if graph != noise}):
        yield open_workload(None, scenario).pool(PART).trace(seed), [
            i for i, (graph, noise) in enumerate(cases) if graph == seed != noise]
