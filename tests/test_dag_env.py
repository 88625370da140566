"""`sched/Dag-v0`: rewards that telescope, legal answers, episodes by seed."""
from __future__ import annotations

import numpy as np
import pytest

from envs.core.errors import ActionError, ScenarioError
from envs.dag.env import DagEnv
from envs.dag.foresight import search
from envs.dag.policy import policy
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario
from envs.dag.simulate import simulate

LINK = {"latency": 1, "bandwidth": 2_000_000}
GPU = {"type": "gpu", "memory": 20_000_000, "in": LINK, "out": LINK}
MACHINE = {"unit": "1", "workers": [GPU, {"type": "cpu", "count": 2}]}
TWO = [[0, "cholesky(n=3)"], [40, "lu(n=2)"]]


def scenario(env=None, **options) -> Scenario:
    return Scenario.from_config({"machine": MACHINE, **options, "env": env or {}})


def play(env: DagEnv, seed: int, choose) -> tuple[float, dict]:
    """One episode of one replica: the sum of its rewards, and its last info."""
    observation, info = env.reset(seed=seed)
    total, done = 0.0, False
    while not done:
        observation, reward, ended, cut, info = env.step(choose(env, observation, info))
        total, done = total + reward[0], ended[0] or cut[0]
    return total, info


def at_random(env, observation, info):
    rng = np.random.default_rng(int(info["action_mask"].sum()))
    return np.array([rng.choice(np.flatnonzero(info["action_mask"][0]))])


def advised(env, observation, info):
    return env.advice("mct_wait")


def alone(trace, env=None, **options) -> DagEnv:
    return DagEnv(scenario=scenario(env, **options), trace=Trace.from_rows(trace),
                  autoreset_mode="Disabled")


@pytest.mark.parametrize("choose", [at_random, advised])
@pytest.mark.parametrize("objective", ["makespan", "jct"])
def test_rewards_telescope(choose, objective):
    noise = {"noise": "lognormal", "sigma": 0.4, "objective": objective}
    reached = {}
    for reward in ("makespan", "jct", "regret", "final"):
        env = alone(TWO, {"reward": reward}, **noise)
        total, info = play(env, 7, choose)
        reached[reward] = total
        ref = env._ref[0]
        cost = info["makespan" if objective == "makespan" else "mean_jct"][0]
        if reward == "makespan":
            assert total == pytest.approx(-info["makespan"][0] / ref)
        elif reward == "jct":
            assert total == pytest.approx(-info["mean_jct"][0] / ref)
        elif reward == "regret":
            env.reset(seed=7)
            assert total == pytest.approx((env._value[0] - cost) / ref)
        else:
            rival = simulate(env.scenario, Trace.from_rows(TWO), policy="mct_wait", seed=7)
            spent = rival.makespan if objective == "makespan" else np.mean(
                rival.jobs["finish"] - rival.jobs["arrival"])
            assert total == pytest.approx(1 - cost / spent)
    assert reached["makespan"] < 0


def test_following_the_advice_is_the_policy():
    env = alone([[0, "cholesky(n=5)"]], {"slots": 64}, noise="lognormal", sigma=0.3)
    for seed in (0, 3, 10**12):
        _, info = play(env, seed, advised)
        run = simulate(env.scenario, Trace.from_rows([[0, "cholesky(n=5)"]]), policy="mct_wait",
                       seed=seed)
        assert info["makespan"][0] == run.makespan


def test_exact_regret_marks_wrong_decisions_only():
    env = alone([[0, "cholesky(n=3)"]], {"reward": "regret", "oracle": "exact"})
    best = search(env.scenario, Trace.from_rows([[0, "cholesky(n=3)"]]))
    assert best.complete
    env.reset(seed=0)
    for _, _, task in best.decisions:
        action = env.options.slots if task < 0 else int(np.flatnonzero(env._picks[0] == task)[0])
        _, reward, ended, _, info = env.step(np.array([action]))
        assert reward[0] == 0
    assert ended[0] and info["makespan"][0] == best.value
    total, info = play(env, 0, at_random)
    assert total == pytest.approx((best.value - info["makespan"][0]) / env._ref[0]) and total <= 0


def test_exact_regret_has_a_limit():
    with pytest.raises(ScenarioError, match="at most 12 tasks"):
        alone([[0, "cholesky(n=4)"]], {"reward": "regret", "oracle": "exact"}).reset(seed=0)
    with pytest.raises(ScenarioError, match="makespans only"):
        alone(TWO, {"reward": "regret", "oracle": "bound"}, objective="jct")


def test_bound_regret_telescopes_to_the_first_bound():
    env = alone(TWO, {"reward": "regret", "oracle": "bound"})
    total, info = play(env, 1, at_random)
    env.reset(seed=1)
    assert total == pytest.approx((env._value[0] - info["makespan"][0]) / env._ref[0])


def test_a_horizon_stops_the_clock():
    env = alone([[0, "cholesky(n=5)"]], {"horizon": 60})
    observation, info = env.reset(seed=0)
    cut, total = [False], 0.0
    while not cut[0]:
        _, reward, ended, cut, info = env.step(advised(env, observation, info))
        total += reward[0]
        assert not ended[0]
    assert info["time"][0] == 60 and total == pytest.approx(-60 / env._ref[0])
    assert info["makespan"][0] == 0


def test_a_run_that_ends_without_further_decisions_is_not_cut():
    env = alone([[0, "chain(n=1)"]], {"horizon": 1})
    env.reset(seed=0)
    _, _, ended, cut, info = env.step(np.array([0]))
    assert ended[0] and not cut[0] and info["makespan"][0] > 1


def test_decisions_are_limited():
    env = alone([[0, "cholesky(n=5)"]], {"max_decisions": 4})
    observation, info = env.reset(seed=0)
    for k in range(4):
        _, _, ended, cut, info = env.step(advised(env, observation, info))
        assert cut[0] == (k == 3) and not ended[0]


def test_illegal_actions():
    strict = alone([[0, "chain(n=2)"]], {"strict": True})
    strict.reset(seed=0)
    with pytest.raises(ActionError, match="slot 5 is empty"):
        strict.step(np.array([5]))
    lax = alone([[0, "chain(n=2)"]])
    lax.reset(seed=0)
    *_, info = lax.step(np.array([5]))      # later workers could ask: WAIT is legal
    assert info["invalid"][0] and info["worker"][0] == 1
    never = alone([[0, "chain(n=2)"]], wait="never")
    never.reset(seed=0)
    *_, info = never.step(np.array([never.options.slots]))
    assert info["invalid"][0] and info["decision"][0] == 1


def test_tasks_beyond_the_slots_are_told():
    env = alone([[0, "fork_join(stages=1,width=9)"]], {"slots": 2})
    env.reset(seed=0)
    observation, *_ = env.step(np.array([0]))
    assert observation["global"][0, 1] == pytest.approx(7 / 9)
    assert observation["action_mask"][0].tolist()[:2] == [1, 1]


def test_graphs_are_drawn_by_the_seed_of_the_episode():
    call = {"machine": MACHINE, "workload": ["layered(n=9,seed=episode)", "erdos(n=30,p=0.1,"
                                             "seed=episode)"]}
    many = DagEnv(6, scenario=Scenario.from_config(call), threads=2)
    lengths = set()
    for seed in range(0, 30, 6):
        many.reset(seed=seed)
        lengths |= set(many.engine.block["run"]["tasks"].tolist())
        for e in range(6):
            one = DagEnv(scenario=Scenario.from_config(call))
            one.reset(seed=seed + e)
            first, second = many.episodes.traces[e], one.episodes.traces[0]
            assert np.array_equal(first.jobs[0].graph.duration, second.jobs[0].graph.duration)
    assert lengths == {9, 30}


def test_streams_of_fresh_graphs():
    call = {"machine": MACHINE, "objective": "jct", "env": {"reward": "jct"}, "workload": {
        "train": ["layered(n=9,seed=episode)", "chain(n=4)"],
        "poisson": {"rate": 0.01, "jobs": 5}}}
    env = DagEnv(3, scenario=Scenario.from_config(call))
    env.reset(seed=0)
    for _ in range(150):
        actions = env.advice("prio")
        env.step(actions)
    assert env._episodes.min() >= 1 and (env.engine.block["run"]["jobs"] == 5).all()


def test_a_snapshot_fits_a_file_and_brings_fresh_graphs_back():
    from agents.snapshots import fill, flatten

    call = {"machine": MACHINE, "env": {"reward": "regret"},
            "workload": ["layered(n=9,seed=episode)", "chain(n=4)"]}
    env = DagEnv(4, scenario=Scenario.from_config(call))
    env.reset(seed=3)
    for _ in range(30):
        env.step(env.advice("prio"))
    saved = fill(env.snapshot(), flatten(env.snapshot()))
    first = [env.step(env.advice("prio"))[1].tolist() for _ in range(40)]
    env.reset(seed=99)
    env.restore(saved)
    assert [env.step(env.advice("prio"))[1].tolist() for _ in range(40)] == first


def test_a_graph_of_markers_ends_at_once():
    graph = {"format": "dag-1", "unit": "1", "tasks": [{"id": "a", "virtual": True}], "edges": []}
    env = alone([[3, graph]])
    _, info = env.reset(seed=0)
    assert info["action_mask"][0].sum() == 1
    _, _, ended, _, info = env.step(np.array([env.options.slots]))
    assert ended[0] and info["makespan"][0] == 3


def test_compiled_user_policy():
    @policy
    def shortest(now, duration, least, estimate, best_other, tail, missing, waited, successors,
                 job):
        return 1.0 / (1.0 + duration)

    @policy
    def never(now, duration, least, estimate, best_other, tail, missing, waited, successors, job):
        return -1.0

    trace = Trace.from_rows([[0, "fork_join(stages=1,width=5)"]])
    run = simulate(scenario(), trace, policy="user", user=shortest.address)
    assert run.waits == 0 and (run.tasks["finish"] > 0).all()
    patient = simulate(scenario(), trace, policy="user", user=never.address)
    eager = simulate(scenario(wait="never"), trace, policy="user", user=never.address)
    assert patient.waits > 0 and eager.waits == 0


def test_advice_wants_a_policy_without_queues():
    env = alone(TWO)
    env.reset(seed=0)
    with pytest.raises(ScenarioError, match="no advice"):
        env.advice("dmdas")


def test_weights_count_in_rewards():
    rows = [[0, "cholesky(n=3)", 1.0], [10, "lu(n=2)", 5.0]]
    for reward in ("jct", "regret"):
        env = alone(rows, {"reward": reward}, objective="jct")
        total, info = play(env, 2, at_random)
        env.reset(seed=2)
        start = env._value[0] if reward == "regret" else 0.0
        assert total == pytest.approx((start - info["mean_jct"][0]) / env._ref[0])
    with pytest.raises(ScenarioError, match="does not weigh"):
        env.action_values()


def test_a_larger_graph_leaves_the_other_replicas_alone():
    """Tables are built anew while episodes are under way; each must go on with its own graph."""
    graphs = ["layered(n=6,seed=episode)", "erdos(n=60,p=0.3,seed=episode)",
              "layered(n=9,seed=episode)"]
    call = {"machine": MACHINE, "noise": "lognormal", "sigma": 0.2, "workload": graphs,
            "env": {"slots": 128, "reward": "final"}}
    env = DagEnv(3, scenario=Scenario.from_config(call))
    _, info = env.reset(seed=[1, 2, 6])         # small graphs, as seeds 0 to 2 have
    widths, ended, total = {env.engine.padded_block.itemsize}, 0, np.zeros(3)
    traces, seeds = list(env.episodes.traces), env._run_seeds.copy()
    for step in range(150):
        saved = env.snapshot() if step == 40 else None
        actions = env.advice("fifo")
        _, reward, done, _, info = env.step(actions)
        total += reward
        widths.add(env.engine.padded_block.itemsize)
        for e in np.flatnonzero(done):
            run = simulate(env.scenario, traces[e], seed=int(seeds[e]), policy="fifo")
            rival = simulate(env.scenario, traces[e], seed=int(seeds[e]), policy="mct_wait")
            assert info["final_info"]["makespan"][e] == run.makespan
            assert total[e] == pytest.approx(1 - run.makespan / rival.makespan)
            total[e], ended = 0.0, ended + 1
        traces, seeds = list(env.episodes.traces), env._run_seeds.copy()
        if saved is not None:
            kept = (saved, env.advice("fifo"))
    assert len(widths) > 1 and ended > 10
    env.restore(kept[0])
    env.step(actions := env.advice("fifo"))
    assert np.array_equal(env.advice("fifo"), kept[1]) and len(actions) == 3
