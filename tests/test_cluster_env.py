"""`sched/Cluster-v0`: what the contract does not say of every environment."""
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import envs  # noqa: F401
from envs.cluster.env import ClusterEnv
from envs.cluster.simulate import simulate
from envs.core.errors import ActionError, ScenarioError, TraceError
from tests.small_cluster import scenario, trace

CONTROLS = ("pick", "policy", "resize")


def make(control="pick", jobs=40, num_envs=1, cls=None, record=True, **options):
    """One or more replicas over the whole small trace."""
    env = {"control": control, "slots": 6, "sizes": [1, 2, 4], "interval_s": 600,
           **options.pop("env", {})}
    return gym.make_vec("sched/Cluster-v0", num_envs=num_envs, record=record,
                        scenario=scenario(**{"mode": "event", "env": env, **options}),
                        trace=trace(jobs), autoreset_mode=AutoresetMode.DISABLED)


def play(env, choose, seed=0):
    """One episode of replica 0; rewards, and the last terminated and truncated."""
    _, info = env.reset(seed=seed)
    total = 0.0
    while True:
        observation, reward, terminated, truncated, info = env.step(choose(info["action_mask"]))
        assert all(np.abs(part).max() <= 1 for part in observation.values())
        total += float(reward[0])
        if terminated[0] or truncated[0]:
            return total, bool(terminated[0]), bool(truncated[0])


def first_legal(mask):
    return mask.argmax(1)


def randomly(seed=0):
    rng = np.random.default_rng(seed)
    return lambda mask: np.array([rng.choice(np.flatnonzero(row)) for row in mask])


def mean_jct_s(run):
    return float((run.jobs["finish_us"] - run.system.arrival_us).mean() / 1e6)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("mode", ["event", "round"])
def test_rewards_sum_to_minus_the_mean_completion_time(control, mode):
    env = make(control, mode=mode)
    total, terminated, _ = play(env, randomly())
    assert terminated
    assert total == pytest.approx(-mean_jct_s(env.run_of(0)), rel=1e-9)


@pytest.mark.parametrize("options", [
    {"order": "fifo"}, {"order": "las", "preempt": "strict"}, {"order": "srtf", "mode": "round"},
    {"order": "sjf", "placement": "consolidated"}])
def test_the_first_legal_pick_is_the_walk(options):
    env = make(env={"slots": 64}, **options)
    play(env, first_legal)
    own = simulate(scenario(**{"mode": "event", **options}), trace(40).window(0, 40))
    assert np.array_equal(env.run_of(0).jobs["finish_us"], own.jobs["finish_us"])


def test_one_candidate_for_ever_is_that_policy():
    env = make("policy", order="fifo", misfit="stop",
               env={"candidates": [{"order": "srtf", "misfit": "skip"},
                                   {"order": "fifo", "misfit": "stop"}]})
    for action, options in enumerate(({"order": "srtf"}, {"order": "fifo", "misfit": "stop"})):
        play(env, lambda mask, a=action: np.full(len(mask), a))
        own = simulate(scenario(mode="event", **options), trace(40).window(0, 40))
        assert np.array_equal(env.run_of(0).jobs["finish_us"], own.jobs["finish_us"])


def test_other_rewards_sum_to_their_metrics():
    env = make(env={"reward": {"makespan": 1.0}})
    total, _, _ = play(env, randomly())
    run = env.run_of(0)
    assert total == pytest.approx(-(run.jobs["finish_us"].max() - run.system.arrival_us[0]) / 1e6)
    env = make(env={"reward": {"slowdown": 1.0}})
    total, _, _ = play(env, randomly())
    run = env.run_of(0)
    ideal = env.engine.start.task["ideal"]
    slowdown = (run.jobs["finish_us"] - run.system.arrival_us) / ideal
    assert total == pytest.approx(-slowdown.mean())


def test_each_missed_deadline_costs_once():
    jobs = trace(30)
    jobs.deadline_s[::2] = jobs.arrival_s[::2] + 400
    env = gym.make_vec("sched/Cluster-v0", num_envs=1, trace=jobs, record=True,
                       scenario=scenario(env={"reward": {"slo": 1.0}, "slots": 4}),
                       autoreset_mode=AutoresetMode.DISABLED)
    total, _, _ = play(env, randomly())
    run = env.run_of(0)
    late = run.jobs["finish_us"] > run.system.deadline_us
    assert late.any() and total == pytest.approx(-late.sum() / 15)


def test_warm_up_jobs_do_not_count():
    env = make(jobs=60, env={"warm_up": 20, "window": 30})
    _, info = env.reset(seed=1, options={"start": 4})
    total = 0.0
    while True:
        _, reward, terminated, _, info = env.step(first_legal(info["action_mask"]))
        total += reward[0]
        if terminated[0]:
            break
    run = env.run_of(0)
    spent = (run.jobs["finish_us"] - run.system.arrival_us)[20:50]
    assert total == pytest.approx(-spent.mean() / 1e6)


def test_a_resized_job_keeps_its_size_for_the_instant():
    env = make("resize", num_envs=3, record=False)
    _, info = env.reset(seed=0)
    choose = randomly(3)
    for _ in range(200):
        _, _, terminated, truncated, info = env.step(choose(info["action_mask"]))
        assert (info["illegal"] == 0).all()
        if (terminated | truncated).any():
            env.reset(options={"reset_mask": terminated | truncated})
            info["action_mask"] = env.action_masks()


def test_the_horizon_truncates():
    env = make(env={"horizon_s": 1800})
    _, terminated, truncated = play(env, randomly())
    assert truncated and not terminated
    assert env.run_of(0).end_us <= 1800 * 10**6


def test_ending_the_instant_lets_time_pass():
    env = make(order="fifo")
    env.reset(seed=0)
    last = np.array([6])
    before = env.engine.block["run"]["now"][0]
    env.step(last)
    assert env.engine.block["run"]["now"][0] > before


def test_who_can_start_must_when_nothing_else_will_happen():
    env = make(jobs=1)
    _, info = env.reset(seed=0)
    assert info["action_mask"].tolist() == [[1, 0, 0, 0, 0, 0, 0]]
    _, reward, terminated, truncated, info = env.step(np.array([6]))
    assert (reward, terminated, truncated, info["illegal"]) == (0, False, False, 1)
    _, reward, terminated, _, _ = env.step(np.array([0]))
    assert terminated and reward == pytest.approx(-mean_jct_s(env.run_of(0)))


def test_an_illegal_pick_is_counted_or_an_error():
    env = make()
    env.reset(seed=0)
    _, _, _, _, info = env.step(np.array([5]))
    assert info["illegal"][0] == 1
    strict = gym.make("sched/Cluster-v0", scenario=scenario(env={"slots": 6}), trace=trace(20),
                      strict=True)
    strict.reset(seed=0)
    with pytest.raises(ActionError, match="action_mask"):
        strict.step(5)


def test_windows_start_at_different_jobs_and_can_be_pinned():
    env = make(num_envs=16, jobs=100, env={"window": 10})
    env.reset(seed=0)
    first = env.engine.block["run"]["first"].copy()
    assert len(set(first.tolist())) > 8 and first.max() <= 90
    env.reset(seed=0, options={"start": 7})
    assert (env.engine.block["run"]["first"] == 7).all()
    with pytest.raises(ScenarioError, match="start"):
        env.reset(options={"start": 95})


def test_several_traces_are_laid_end_to_end():
    traces = [trace(30, seed) for seed in range(3)]
    env = gym.make_vec("sched/Cluster-v0", num_envs=12, scenario=scenario(), trace=traces)
    env.reset(seed=0)
    assert set(env.engine.block["run"]["first"].tolist()) == {0, 30, 60}


@pytest.mark.parametrize(("options", "what"), [
    ({"mode": "round", "share": {"policy": "max-min"}}, "share"),
    ({"lookahead": {"every_s": 600}}, "lookahead")])
def test_options_that_decide_alone_are_refused(options, what):
    with pytest.raises(ScenarioError, match=what):
        make(**options)


@pytest.mark.parametrize(("wrong", "what"), [
    ({"num_envs": 0}, "num_envs"), ({"num_envs": -1}, "num_envs"), ({"threads": 0}, "threads"),
    ({"trace": []}, "at least one trace")])
def test_odd_arguments_are_one_error_each(wrong, what):
    with pytest.raises((ActionError, ScenarioError), match=what):
        ClusterEnv(**{"scenario": scenario(), "trace": trace(20), **wrong})


def test_a_window_longer_than_the_trace_is_an_error():
    with pytest.raises((ScenarioError, TraceError), match="40"):
        make(env={"window": 41})


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing(threads):
    env = gym.make_vec("sched/Cluster-v0", num_envs=6, scenario=scenario(env={"window": 15}),
                       trace=trace(60), threads=threads)
    _, info = env.reset(seed=3)
    rewards = []
    for _ in range(40):
        _, reward, _, _, info = env.step(first_legal(info["action_mask"]))
        rewards.append(reward)
    single = gym.make_vec("sched/Cluster-v0", num_envs=6, scenario=scenario(env={"window": 15}),
                          trace=trace(60), threads=1)
    _, info = single.reset(seed=3)
    for expected in rewards:
        _, reward, _, _, info = single.step(first_legal(info["action_mask"]))
        assert np.array_equal(reward, expected)
