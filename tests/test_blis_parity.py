"""Kernels and reference on random small instances: whole runs, batches, threads, episodes."""
from random import Random

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from envs.blis.env import BlisAccuracyEnv, BlisEnv
from envs.blis.oracles.runs import result
from envs.blis.simulate import simulate, simulate_batch
from envs.core.oracles import differences
from tests.blis_kernel import built, repeatable
from tests.reference.blis import run as reference
from tests.reference.blis.compare import expected
from tests.reference.blis.environments import AccuracyEnvironment, BlisEnvironment
from tests.reference.blis.instances import PLANNER, instances, pick

LEAST = 16      # steps of an episode that is not over before
ENV = {"actions_per_window": (1, 2, 3), "lookahead_requests": (3, 10), "normalise": (False, True),
       "request_scale": (1000, 64), "w_move": (0, 0.25), "w_acc": (0.5, 1)}
KINDS = {
    "blis": (BlisEnv, BlisEnvironment, {"reward": ("window", "lookahead")}),
    "accuracy": (BlisAccuracyEnv, AccuracyEnvironment,
                 {"reward": ("request", "window"), "action": ("per_device", "swap")}),
}


@repeatable(250)
@given(instances())
def test_whole_runs(instance):
    run = reference.simulate(instance.config, instance.rows)
    kernel = simulate(*built(instance))
    assert differences(expected(run), result(kernel)) == []
    for name in ("accuracy_met", "accuracy_completed"):
        want = [getattr(w, name) for w in run.windows]
        assert kernel.windows[name].tolist() == pytest.approx(np.array(want), rel=1e-9)
    want = [w.busy_ms for w in run.windows]
    assert kernel.window_busy_ms == pytest.approx(np.array(want), rel=1e-9, abs=1e-9)
    missed = [np.sum(w.missed, axis=1).tolist() for w in run.windows]
    assert kernel.windows["missed"].tolist() == missed


FOCUS = {
    "infaas routing": {"routing": {"policy": ("infaas",), "on_demand": (False, True),
                                   "horizon_ms": (None, 8, 64)}},
    **{f"{name} planner": {"allocation": {**PLANNER, "policy": (name,), "delay_windows": (0,)}}
       for name in ("infaas", "lfu", "load_proportional")},
}


@pytest.mark.parametrize("focus", FOCUS)
@repeatable(150)
@given(instances(schedule=False), st.integers(0, 2**32 - 1))
def test_whole_runs_with(focus, instance, seed):
    instance.config.update(pick(Random(seed), FOCUS[focus]))
    run = reference.simulate(instance.config, instance.rows)
    assert differences(expected(run), result(simulate(*built(instance)))) == []


@repeatable(15)
@given(instances(), st.integers(1, 2), st.sampled_from((2, 7)))
def test_a_run_depends_on_its_seed_alone(instance, threads, replicas):
    scenario, trace = built(instance)
    seeds = list(range(replicas))
    batch = simulate_batch(scenario, trace, seeds, threads=threads)
    for seed, run in zip(seeds, batch, strict=True):
        alone = reference.simulate(instance.config, instance.rows, seed)
        assert differences(expected(alone), result(run)) == []


@pytest.mark.parametrize("kind", KINDS)
@repeatable(60)
@given(instances(schedule=False), st.integers(0, 2**32 - 1))
def test_episodes(kind, instance, seed):
    rng = Random(seed)
    vector, plain, own = KINDS[kind]
    instance.config["env"] = pick(rng, {**ENV, **own})
    if instance.config["horizon_ms"]:
        instance.config["episode"] = {"random_start": rng.random() < 0.5}
    else:
        instance.config["episode"] = {"start_ms": rng.choice((0, 7, 20.5))}
    scenario, trace = built(instance)
    env = vector(2, scenario=scenario, trace=trace, strict=True, threads=rng.randint(1, 2),
                 autoreset_mode=AutoresetMode.DISABLED)
    words = [int(np.random.SeedSequence(seed + i).generate_state(1, np.uint64)[0]) for i in (0, 1)]
    for episode in range(2):
        env.reset(seed=None if episode else seed)
        twins = [plain(instance.config, instance.rows) for _ in words]
        answers = [twin.reset(word, episode) for twin, word in zip(twins, words, strict=True)]
        follow(env, twins, answers, rng)


def follow(env, twins, answers, rng):
    """The same random actions on both sides, to the end of an episode of both replicas."""
    for _ in range(LEAST):
        check_seen(env, answers)
        if any(a.terminated or a.truncated for a in answers):
            return
        actions = [action(env, a.mask, rng) for a in answers]
        _, reward, terminated, truncated, info = env.step(np.array(actions))
        answers = [twin.step(a) for twin, a in zip(twins, actions, strict=True)]
        assert reward == pytest.approx([a.reward for a in answers], rel=1e-9, abs=1e-12)
        assert terminated.tolist() == [a.terminated for a in answers]
        assert truncated.tolist() == [a.truncated for a in answers]
        check_counts(info, answers)


def check_seen(env, answers):
    for e, answer in enumerate(answers):
        assert differences(answer.observation, env.raw_observation[e].tolist()) == []
        assert env.action_masks()[e].tolist() == answer.mask


def check_counts(info, answers):
    for e, answer in enumerate(answers):
        if answer.window is not None:
            for name in ("arrivals", "met", "late", "dropped", "accuracy_met"):
                assert info[name][e].tolist() == getattr(answer.window, name)


def action(env, mask, rng):
    """A random legal action."""
    space = env.single_action_space
    if not hasattr(space, "nvec"):
        return rng.choice(np.flatnonzero(mask).tolist())
    parts = np.split(np.array(mask), np.cumsum(space.nvec)[:-1])
    return [rng.choice(np.flatnonzero(part).tolist()) for part in parts]
