"""Episodes of the environment: rewards and observations before every decision, and waiting."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from envs.core.oracles import Outcome, differences, outcome
from envs.dag.bounds import lb0
from envs.dag.env import DagEnv
from envs.dag.foresight import search
from envs.dag.oracles.runs import makespans, run_of, scenario_of, trace_of
from envs.dag.replay import Trace

SINGLE = 1e-6           # float32
REWARDS = ("makespan", "jct", "regret", "final")
HELD = 3                # columns of a decision before its rewards
WAITING = {"capacity": 3, "transfer": 10}       # the case of which regrets are listed
ORACLES = {"mct_wait": "rollout", "exact": "exact"}

Row = list[Any]


def play(case: Mapping[str, Any], policy: str, see: Callable[[DagEnv, dict], None],
         **options: Any) -> tuple[DagEnv, list[float]]:
    """One episode under a policy; `see` looks before every decision. The rewards per decision."""
    trace = trace_of(case)
    env = DagEnv(1, scenario=scenario_of(case, env=options), trace=trace, record=True,
                 autoreset_mode=AutoresetMode.DISABLED)
    observation, _ = env.reset(seed=env.scenario.options.seed)
    rewards, over = [], False
    while not over:
        see(env, observation)
        observation, reward, ended, late, _ = env.step(env.advice(policy))
        rewards.append(float(reward[0]))
        over = bool(ended[0] or late[0])
    return env, rewards


def check_rewards(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every kind of reward, decision by decision."""
    for number, case in enumerate(content["cases"]):
        place, trace = f"{name}, {number}", trace_of(case)
        yield outcome(f"{place}, facts", lambda c=case, t=trace: _facts(c, t))
        for column, reward in enumerate(REWARDS, HELD):
            yield outcome(f"{place}, {reward}", lambda c=case, k=column, r=reward: _rewards(
                c, c["policy"], [[*row[:HELD], row[k]] for row in c["rows"]], reward=r))


def _rewards(case: Mapping[str, Any], policy: str, want: list[Row], **options: Any) -> list[str]:
    env, rewards = play(case, policy, lambda *_: None, slots=_tasks(trace_of(case)), **options)
    choices = env.run_of(0).choices
    found = [[int(c["time"]), int(c["worker"]),
              None if c["task"] < 0 else [int(c["job"]), int(c["task"])], reward]
             for c, reward in zip(choices, rewards, strict=True)]
    env.close()
    return differences(want, found, "rows")


def _tasks(trace: Trace) -> int:
    return sum(len(job.graph) for job in trace.jobs)


def _facts(case: Mapping[str, Any], trace: Trace) -> list[str]:
    """What rewards are scaled with and sum up to."""
    scenario = scenario_of(case)
    lower = [lb0(job.graph, scenario.machine) for job in trace.jobs]
    run = run_of(case, case["policy"])
    spent = (run.jobs["finish"] - run.jobs["arrival"]).mean()
    env, regret = play(case, case["policy"], lambda *_: None, slots=_tasks(trace), reward="regret")
    env.close()
    ref = float(max(1.0, np.mean(lower)))
    found = {"lb0": lower, "ref": ref, "h0": float(sum(regret)) * ref + run.makespan,
             "makespan": run.makespan, "mean_jct": float(spent),
             "c_ref": makespans(case, ["mct_wait"])["mct_wait"]}
    return differences({key: case[key] for key in found}, found)


def check_wait(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """The best schedules with and without WAIT, policies, regrets."""
    for case in content["cases"]:
        place = f"{name}, capacity {case['capacity']}, transfer {case['transfer']}"
        yield outcome(place, lambda case=case: _waiting(case))
    shown = [c for c in content["cases"] if all(c[k] == x for k, x in WAITING.items())]
    for row in content.get("regret", ()):
        yield outcome(f"{name}, regret of {row['policy']}, {row['oracle']}",
                      lambda row=row: _regrets(shown[0], row))


def _waiting(case: Mapping[str, Any]) -> list[str]:
    trace, policies = trace_of(case), case["policies"]
    found = {"best": search(scenario_of(case), trace).value,
             "best_without_wait": search(scenario_of(case, wait="never"), trace).value,
             "policies": makespans(case, policies)}
    return differences({key: case[key] for key in found}, found)


def _regrets(case: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    number = trace_of(case).jobs[0].graph.index
    want = [[time, worker, None if task is None else [0, number[task]], float(regret)]
            for time, worker, task, regret in row["regrets"]]
    return _rewards(case, row["policy"], want, reward="regret", reward_scale="unit",
                    oracle=ORACLES[row["oracle"]])


def check_observation(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """What an agent sees before some of the decisions."""
    for case in content["cases"]:
        yield outcome(f"{name}, {case['name']}", lambda case=case: _observations(case))


def _observations(case: Mapping[str, Any]) -> list[str]:
    wanted = {shot["decision"]: shot for shot in case["snapshots"]}
    wrong: list[str] = []

    def see(env: DagEnv, observation: dict) -> None:
        run = env.engine.block["run"][0]
        shot = wanted.get(int(run["decisions"]))
        if shot is not None:
            found = {"time": int(run["now"]), "worker": int(run["asking"]),
                     "observation": _plain(observation)}
            want = {**shot, "observation": _filled(shot["observation"], found["observation"])}
            wrong.extend(differences({key: want[key] for key in found}, found,
                                     f"decision {shot['decision']}", SINGLE))

    env, rewards = play(case, case["driver"], see, view="graph",
                        **{key: case[key] for key in ("slots", "nodes", "edges")})
    found = {"decisions": len(rewards), "time_scale": int(env.engine.block["run"]["scale"][0])}
    env.close()
    return wrong + differences({key: case[key] for key in found}, found)


def _plain(observation: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Of the one replica, as lists; edges as pairs."""
    found = {key: value[0].tolist() for key, value in observation.items() if key != "edges"}
    edges = observation["edges"][0]
    return {**found, "edges": edges[:, edges[0] >= 0].T.tolist()}


def _filled(want: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """With the rows of zeros that an oracle leaves out."""
    rows = {key: [want[key].get(str(r), [0.0] * len(row)) for r, row in enumerate(found[key])]
            for key in ("slots", "nodes")}
    return {**want, **rows}
