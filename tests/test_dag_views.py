"""The environment and the reference side by side: observations, rewards, searches."""
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import assume, given
from hypothesis import strategies as st

from envs.core.oracles import differences
from envs.dag.env import DagEnv
from envs.dag.foresight import search
from envs.dag.options import PLAIN
from envs.dag.oracles.runs import scenario_of, trace_of
from tests.dag_kernel import repeatable
from tests.reference.dag import policies, rewards
from tests.reference.dag.instances import instances
from tests.reference.dag.observation import Observer
from tests.reference.dag.search import search as replay
from tests.reference.dag.simulator import Simulator
from tests.reference.dag.system import System

SINGLE = 1e-6       # float32
SIZES = {"slots": 3, "nodes": 7, "edges": 9}
DRIVERS = ("random_wait", "mct_wait_loc", "fifo")


def env_of(instance, **options):
    """One replica that plays an instance."""
    return DagEnv(1, scenario=scenario_of(instance, env=options), trace=trace_of(instance),
                  autoreset_mode=AutoresetMode.DISABLED)


def has_decisions(instance):
    """Whether some task takes a worker; an episode without decisions has a step all the same."""
    return any(not task.get("virtual") for _, graph in instance["jobs"] for task in graph["tasks"])


def driven(env, driver):
    """(observation, reward of what was done) before every decision of an episode."""
    observation, _ = env.reset(seed=env.scenario.options.seed)
    over = False
    while not over:
        seen = observation
        observation, reward, ended, late, _ = env.step(env.advice(driver))
        yield seen, float(reward[0])
        over = bool(ended[0] or late[0])
    env.close()


def plain(observation):
    """The replica's arrays as lists, edges as pairs."""
    edges = observation["edges"][0]
    return {**{key: value[0].tolist() for key, value in observation.items()},
            "edges": edges[:, edges[0] >= 0].T.tolist()}


@repeatable(120)
@given(instances().filter(has_decisions), st.sampled_from((None, "fifo", "priority")),
       st.sampled_from(DRIVERS))
def test_observations(instance, order, driver):
    system = System(instance)
    observer, simulator, before = Observer(system, *SIZES.values(), order), Simulator(system), None
    kept = {key: value for key, value in {"slot_order": order}.items() if value}
    for seen, _ in driven(env_of(instance, view="graph", **SIZES, **kept), driver):
        simulator.pending()
        want = observer.observe(simulator, before)
        assert differences(want, plain(seen), "", SINGLE) == []
        before = simulator.state.now
        answer = policies.answer(simulator, driver)
        simulator.answer(shown(simulator, observer, answer))
    assert simulator.pending() is None


def shown(simulator, observer, answer):
    """What advice comes to: a task that no slot shows gives way to the first slot's."""
    eligible = simulator.eligible(simulator.state.asking)
    if observer.slot_order == "priority":
        eligible.sort(key=lambda i: (-simulator.outlook.ahead(i), i))
    return answer if answer is None or answer in eligible[:observer.slots] else eligible[0]


@pytest.mark.parametrize("reward", ["makespan", "jct", "regret", "final"])
@pytest.mark.parametrize("objective", ["makespan", "jct"])
@repeatable(25)
@given(instances().filter(has_decisions), st.sampled_from(DRIVERS))
def test_rewards(reward, objective, instance, driver):
    instance["options"]["objective"] = objective
    got = [r for _, r in driven(env_of(instance, reward=reward, slots=24), driver)]
    want = rewards.rewards(System(instance), lambda s: policies.answer(s, driver), reward,
                           objective=objective)
    assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


@repeatable(40)
@given(instances().filter(has_decisions), st.sampled_from(DRIVERS), st.sampled_from(PLAIN))
def test_regret_of_any_policy(instance, driver, policy):
    env = env_of(instance, reward="regret", rollout_policy=policy, slots=24)
    got = [r for _, r in driven(env, driver)]
    want = rewards.rewards(System(instance), lambda s: policies.answer(s, driver), "regret",
                           policy=policy)
    assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("oracle", ["exact", "bound"])
@repeatable(12)
@given(instances(jobs=1, sigma=0.5), st.sampled_from(DRIVERS))
def test_regret_of_other_oracles(oracle, instance, driver):
    instance["jobs"][0][1] = cut(instance["jobs"][0][1], 4)
    assume(has_decisions(instance))
    got = [r for _, r in driven(env_of(instance, reward="regret", oracle=oracle, slots=9), driver)]
    want = rewards.rewards(System(instance), lambda s: policies.answer(s, driver), "regret", oracle)
    assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


def cut(graph, count):
    """The first tasks of a graph."""
    tasks = graph["tasks"][:count]
    names = {task["id"] for task in tasks}
    return {**graph, "tasks": tasks, "edges": [e for e in graph["edges"] if set(e[:2]) <= names]}


@repeatable(40)
@given(instances(jobs=1, sigma=0.5))
def test_searches(instance):
    instance["jobs"][0][1] = cut(instance["jobs"][0][1], 5)
    want = replay(System(instance), 2000)
    found = search(scenario_of(instance), trace_of(instance), max_nodes=10**6)
    assert found.complete
    if want.complete:
        assert found.value == want.value
        assert [row[:2] for row in found.decisions] == [row[:2] for row in want.decisions]
        assert [row[2] for row in found.decisions] == [-1 if i is None else i[1]
                                                       for _, _, i in want.decisions]


@repeatable(15)
@given(instances(noise="lognormal", sigma=0.3))
def test_replicas_do_not_know_each_other(instance):
    """Three replicas with seeds of their own see what each sees alone."""
    def env(count):
        return DagEnv(count, scenario=scenario_of(instance), trace=trace_of(instance))

    def play(env, seeds):
        seen = [env.reset(seed=seeds)[0]]
        for _ in range(12):
            seen.append(env.step(env.advice("mct_wait"))[0])
        env.close()
        return seen

    together = play(env(3), [5, 6, 7])
    for e, seed in enumerate((5, 6, 7)):
        for one, all_ in zip(play(env(1), [seed]), together, strict=True):
            for key in one:
                assert np.array_equal(one[key][0], all_[key][e]), key
