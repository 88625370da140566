"""How runs under one setting relate to runs under another (section 17 of the specification)."""
from collections import defaultdict

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import assume, given
from hypothesis import strategies as st

from envs.dag.env import DagEnv
from envs.dag.exact import optimum
from envs.dag.foresight import search
from envs.dag.options import PLAIN, PUSHING
from envs.dag.oracles.runs import log, scenario_of, summary, trace_of
from envs.dag.planning import PLANNERS, plan
from tests.dag_kernel import repeatable, run_of
from tests.reference.dag.instances import instances

POLICIES = st.sampled_from((*PLAIN, *PUSHING))
IGNORE_MISSING = tuple(p for p in (*PLAIN, *PUSHING)
                       if p not in ("locality", "mct_wait_loc", "dmdar", "dmdas"))


@repeatable(60)
@given(instances(noise="truncnorm", sigma=0.8), POLICIES, POLICIES)
def test_durations_do_not_depend_on_the_policy(instance, one, other):
    """The same task takes the same time on the same type, in whatever order."""
    took = defaultdict(set)
    for policy in (one, other):
        run = run_of(instance, policy)
        tasks = run.tasks[run.tasks["worker"] >= 0]
        kind = run.system.machine.type_of[tasks["worker"]]
        for t, y in zip(tasks, kind, strict=True):
            took[int(t["job"]), int(t["task"]), int(y)].add(int(t["finish"] - t["start"]))
    assert all(len(times) == 1 for times in took.values())


@pytest.mark.parametrize("reward", ["makespan", "jct"])
@repeatable(40)
@given(instances(unit="1"), st.sampled_from(PLAIN))
def test_rewards_add_up(reward, instance, policy):
    assume(any(not task.get("virtual") for _, g in instance["jobs"] for task in g["tasks"]))
    env = DagEnv(1, scenario=scenario_of(instance, env={"reward": reward, "reward_scale": "unit",
                                                        "slots": 24}),
                 trace=trace_of(instance), autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=instance["options"]["seed"])
    total, over = 0.0, False
    while not over:
        _, r, ended, _, info = env.step(env.advice(policy))
        total, over = total + r[0], ended[0]
    env.close()
    run = run_of(instance, policy)
    spent = (run.jobs["finish"] - run.jobs["arrival"]).mean()
    assert -total == pytest.approx(run.makespan if reward == "makespan" else spent, rel=1e-12)
    assert info["makespan"][0] == run.makespan and info["mean_jct"][0] == pytest.approx(spent)


@repeatable(60)
@given(instances(network="fifo", unit="1", noise="none"), POLICIES, st.integers(2, 5))
def test_times_scale(instance, policy, factor):
    """Durations, latencies and arrivals times k, without bandwidths: all times are times k."""
    assume("matrix" not in instance["machine"])
    for worker in instance["machine"]["workers"]:
        for way in ("in", "out"):
            worker.get(way, {}).pop("bandwidth", None)
    instance["machine"].get("peer", {}).pop("bandwidth", None)
    before = run_of(instance, policy)
    after = run_of(stretched(instance, factor), policy)
    for name in ("ready", "assigned", "start", "finish"):
        assert (after.tasks[name] == factor * before.tasks[name]).all(), name
    assert (after.tasks["worker"] == before.tasks["worker"]).all()
    assert after.area == factor * before.area


def stretched(instance, factor):
    """The instance with all times multiplied."""
    def link(given):
        return {key: value * factor if key == "latency" else value for key, value in given.items()}

    machine = {**instance["machine"], "workers": [
        {key: link(value) if key in ("in", "out") else value for key, value in worker.items()}
        for worker in instance["machine"]["workers"]]}
    if "peer" in machine:
        machine["peer"] = link(machine["peer"])
    jobs = [[factor * arrival, {**graph, "tasks": [slower(t, factor) for t in graph["tasks"]]}]
            for arrival, graph in instance["jobs"]]
    return {"machine": machine, "jobs": jobs, "options": instance["options"]}


def slower(task, factor):
    if "duration" not in task:
        return task
    return {**task, "duration": {y: factor * x for y, x in task["duration"].items()}}


@repeatable(80)
@given(instances(network="fifo", oversize="error", comm="tiles"), st.sampled_from(IGNORE_MISSING))
def test_free_transfers_are_as_good_as_none(instance, policy):
    for worker in instance["machine"]["workers"]:
        if "memory" in worker:
            worker |= {"memory": None, "in": {}, "out": {}}
    machine = {key: value for key, value in instance["machine"].items() if key != "peer"}
    tiles = run_of({**instance, "machine": machine}, policy)
    none = run_of({**instance, "machine": {**machine, "comm": "none"}}, policy)
    assert (tiles.tasks == none.tasks).all() and tiles.decisions == none.decisions


@pytest.mark.parametrize("planner", sorted(PLANNERS))
@repeatable(10)
@given(instances(comm="matrix", jobs=1, noise="none", wait="allowed", oversize="error"))
def test_plans_come_true(planner, instance):
    instance["jobs"][0][0] = 0
    instance["machine"]["prefetch"] = 0
    for task in instance["jobs"][0][1]["tasks"]:
        if "duration" in task:
            task["duration"] = {y: x + 1 for y, x in task["duration"].items()}
    scenario, graph = scenario_of(instance), trace_of(instance).jobs[0].graph
    made = plan(planner, graph, scenario.machine, scenario.options)
    run = run_of(instance, f"static:{planner}")
    assert run.makespan == made.makespan
    for name in ("worker", "start", "finish"):
        assert (run.tasks[name] == getattr(made, name)).all(), name


@repeatable(60)
@given(instances(jobs=1, visible="frontier", noise="none"), st.integers(1, 4),
       st.sampled_from(("random", "mct_wait", "fifo")))
def test_invisible_tasks_are_not_seen(instance, more, policy):
    """Two graphs that differ behind their last task look alike until that task has finished."""
    graph = instance["jobs"][0][1]
    assume(any(not task.get("virtual") for task in graph["tasks"]))
    extra = [{"id": f"z{k}", "duration": {"cpu": 7, "gpu": 1}} for k in range(more)]
    before = [task["id"] for task in graph["tasks"]]
    edges = [[name, new["id"]] for name in before for new in extra]
    longer = {**graph, "tasks": [*graph["tasks"], *extra], "edges": [*graph["edges"], *edges]}
    end = run_of(instance, policy).makespan
    one, other = (seen_before(instance, g, end, policy) for g in (graph, longer))
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert all(np.array_equal(a[key], b[key]) for key in a)


def seen_before(instance, graph, end, policy):
    """Observations of the decisions before a time."""
    instance = {**instance, "jobs": [[instance["jobs"][0][0], graph]]}
    options = {"view": "graph", "kinds": ["k1", "k2"], "slots": 4, "nodes": 12, "edges": 20}
    env = DagEnv(1, scenario=scenario_of(instance, env=options), trace=trace_of(instance),
                 autoreset_mode=AutoresetMode.DISABLED)
    observation, _ = env.reset(seed=env.scenario.options.seed)
    seen, over = [], False
    while not over and env.engine.block["run"]["now"][0] < end:
        seen.append(observation)
        observation, _, ended, _, _ = env.step(env.advice(policy))
        over = ended[0]
    env.close()
    return seen


@repeatable(30)
@given(instances(jobs=1), POLICIES)
def test_no_policy_beats_the_search(instance, policy):
    assume(len(instance["jobs"][0][1]["tasks"]) <= 6)
    found = search(scenario_of(instance), trace_of(instance))
    assert found.complete and run_of(instance, policy).makespan >= found.value


@repeatable(25)
@given(instances(jobs=1, noise="none", wait="allowed", oversize="error"),
       st.sampled_from(("none", "matrix")))
def test_the_search_finds_what_the_solver_proves(instance, comm):
    graph, machine = instance["jobs"][0][1], {**instance["machine"], "comm": comm, "prefetch": 0}
    assume(len(graph["tasks"]) <= 7)
    for key in ("network", "bus", *(["matrix"] if comm == "none" else [])):
        machine.pop(key, None)
    instance = {**instance, "machine": machine, "jobs": [[0, graph]]}
    scenario, trace = scenario_of(instance), trace_of(instance)
    proved = optimum(trace.jobs[0].graph, scenario.machine, 10.0)
    assert proved.status == "OPTIMAL"
    assert search(scenario, trace).value == proved.value


@repeatable(30)
@given(instances(), POLICIES)
def test_runs_repeat(instance, policy):
    one, other = run_of(instance, policy), run_of(instance, policy)
    assert summary(one) == summary(other) and log(one) == log(other)
