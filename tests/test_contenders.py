"""The four adapters, above all a user's own file."""
from __future__ import annotations

import numpy as np
import pytest

from agents.contenders import (
    PolicyContender,
    RulesContender,
    SavedContender,
    UserContender,
    play,
)
from agents.domains import domain
from agents.evaluation.protocol import compare
from agents.policy import Policy
from envs.core.errors import PolicyError
from envs.core.rng import replica_seed
from tests.small_comparison import scenario, small, trace

RULES = RulesContender("static_eft", "blis")
USER = '''
import numpy as np
from envs.blis.planning import Plan
from envs.blis.policy import policy


@policy
def earliest(now, deadline, need, finish, base, queued, running, cap, full, one, accuracy, peak,
             weight):
    return finish


@policy
def latest(now, deadline, need, finish, base, queued, running, cap, full, one, accuracy, peak,
           weight):
    return -finish


def dealt(view):
    system = view.system
    wanted = np.arange(system.devices) % len(system.families)
    return system.default_variant[wanted, system.device_type]


def once(view):
    return dealt(view) if view.window < 0 else None


class Counting:
    """Notes when it was asked; every run gets a new one."""

    made = 0

    def __init__(self):
        Counting.made += 1
        self.asked = []

    def start(self, view):
        return Plan(dealt(view))

    def due(self, window):
        return window % 3 == 2

    def plan(self, view):
        self.asked.append(view.window)
        assert self.asked == list(range(2, view.window + 1, 3)), self.asked
        assert view.trace is None or len(view.arrivals) == view.window + 1


class Keep:
    options = {"env": {"action": "swap"}}

    def act(self, observation, mask):
        return np.zeros(len(observation), int)


def fails(view):
    if view.window >= 0:
        raise KeyError("nothing\\nhere")
    return dealt(view)


def short(view):
    return [0]


def alien(view):
    return np.full(view.system.devices, 99)


def unfit(view):
    return np.full(view.system.devices, 1)      # a/l has no latencies on type c


class Clumsy:
    def act(self, observation, mask):
        return observation.no_such_thing


number = 3
'''


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("user") / "mine.py"
    file.write_text(USER)
    return file


def metrics(found, name):
    return [o.metrics for o in found.of(name)]


def test_a_compiled_policy_that_is_eft_routes_like_eft(path):
    found = small([f"{path}:earliest", f"{path}:latest"])
    static = {"allocation": {"policy": "static"}}
    eft = domain("blis")
    window, system = found.windows[0], found.scenario
    expected = eft.metrics(eft.simulate(system.merge({"routing": {"policy": "eft"}}),
                                        window.trace, 0))
    assert metrics(found, "earliest")[0] == expected
    assert metrics(found, "latest")[0] != expected
    assert static["allocation"]["policy"] == system.options.allocation.policy


def test_a_function_and_a_planner_decide_for_the_devices(path):
    found = small([f"{path}:once", f"{path}:Counting"])
    assert metrics(found, "once") == metrics(found, "Counting")
    digest = found.of("once")[0].digest
    wanted = np.arange(6) % 3
    assert (digest.target == digest.system.default_variant[wanted, digest.system.device_type]).all()
    assert all(m["met"] > 0 for m in metrics(found, "once"))


def test_a_policy_that_keeps_everything_equals_a_run_without_plans(path):
    """The environment and the whole-trace run are one simulator."""
    found = small([f"{path}:Keep", "load_proportional_wc"], env="blis_accuracy",
                  options={"allocation": {"policy": "load_proportional", "period": 0},
                           "routing": {"policy": "random"}, "batching": {"policy": "greedy"},
                           "dropping": {"policy": "early_drop"}}, seeds=(3, 4))
    assert metrics(found, "Keep") == metrics(found, "load_proportional_wc")
    assert len({m["met"] for m in metrics(found, "Keep")}) > 1


class Nobody(Policy):
    """Leaves every device as it is, one replica at a time."""

    options = {"env": {"action": "swap"}, "dropping": {"policy": "expired"}}
    seen = 0

    def start(self, env):
        self.seen = env.single_action_space.n

    def act(self, observation, mask, deterministic=True):
        assert deterministic and mask.shape == (1, self.seen) and mask[0, 0] == 1
        return np.zeros(1, int)


def test_a_policy_acts_under_its_own_options():
    contender = PolicyContender("nobody", "blis_accuracy", policy=Nobody())
    found = small([contender, contender.with_options({"dropping": {"policy": "never"}})][:1],
                  env="blis_accuracy")
    dropping = found.of("nobody")[0].digest.system.scenario.options.dropping.policy
    assert dropping == "expired"
    over = small([contender], env="blis_accuracy", options={"dropping": {"policy": "never"}})
    assert over.of("nobody")[0].digest.system.scenario.options.dropping.policy == "never"


def test_a_privileged_policy_is_a_bound():
    found = small([PolicyContender("oracle", "blis_accuracy", policy=Nobody(), privileged=True),
                   "random_wc"], env="blis_accuracy")
    assert (found.bound, found.strongest) == ("oracle", "random_wc")


def test_seeds_mean_the_same_in_the_environment_and_in_a_run():
    d = domain("blis_accuracy")
    told = d.prepared(scenario(), d.open_workload(trace(), scenario()))
    window = d.open_workload(trace(), scenario()).part("test", 1, 200.0)[0]
    run = play(d, Nobody(), told.merge(Nobody.options), window, 7)
    assert run.seed == replica_seed(7) == d.simulate(told, window.trace, 7).seed


@pytest.mark.parametrize(("name", "message"), [
    ("fails", r"mine\.py, line RAISE: KeyError: 'nothing\\nhere'"),
    ("short", "needs 6 integer targets"),
    ("alien", "targets are -1"),
    ("unfit", "a/l has no latencies on device 4"),
    ("Clumsy", r"mine\.py, line CLUMSY: AttributeError"),
    ("number", "int is no contender"),
    ("missing", 'defines no "missing"'),
    ("Keeep", 'did you mean "Keep"'),
])
def test_a_faulty_contender_is_blamed_in_one_line(path, name, message):
    for mark, text in (("RAISE", "raise KeyError"), ("CLUMSY", "no_such_thing")):
        place = next(i for i, line in enumerate(USER.splitlines(), 1) if text in line)
        message = message.replace(mark, str(place))
    with pytest.raises(PolicyError, match=message) as found:
        small([f"{path}:{name}"], env="blis_accuracy")
    assert "\n" not in str(found.value) and "mine.py" in str(found.value)


@pytest.mark.parametrize(("text", "message"), [
    ("def f(:\n", "line 1: SyntaxError"),
    ("import no_such_module\n", "line 1: ModuleNotFoundError"),
    ("x = 1\nraise RuntimeError('no')\n", "line 2: RuntimeError: no"),
])
def test_a_file_that_does_not_load_is_blamed_in_one_line(tmp_path, text, message):
    file = tmp_path / "bad.py"
    file.write_text(text)
    with pytest.raises(PolicyError, match=rf"bad\.py, {message}"):
        small([f"{file}:f"])


@pytest.mark.parametrize(("reference", "message"), [
    ("nowhere.py:f", "no such file"), ("nowhere.txt", "names no object"), ("x.py", "names no")])
def test_a_reference_that_leads_nowhere(reference, message):
    with pytest.raises(PolicyError, match=message):
        small([UserContender("mine", "blis", reference=reference)])


def stored(folder, env_name):
    """A fresh network saved as a policy of an environment."""
    import gymnasium as gym

    from agents import store
    from agents.networks import for_environment, registry_name
    from agents.networks.acting import NetworkPolicy

    d, name = domain(env_name), registry_name("set", env_name)
    options = {"dropping": {"policy": "early_drop"}}
    env = gym.make_vec(d.env_id, num_envs=1, scenario=scenario(), trace=trace(200))
    policy = NetworkPolicy(for_environment(name, env, {}), name, env=env_name, options=options)
    return store.save(folder, policy)


@pytest.mark.parametrize("env", ["blis", "blis_accuracy"])
def test_a_saved_policy_acts_on_clusters_of_other_sizes(tmp_path, env):
    saved = SavedContender("mine", env, folder=stored(tmp_path / "mine", env))
    found = small([saved, "random_wc"], env=env, windows=1, window_length=200.0)
    wide = small([saved], env=env, windows=1, window_length=200.0, devices=11)
    assert found.of("mine")[0].metrics["arrivals"] == found.of("random_wc")[0].metrics["arrivals"]
    assert len(wide.of("mine")[0].metrics["busy_ms"]) == 11
    assert found.of("mine")[0].digest.system.scenario.options.dropping.policy == "early_drop"


def test_a_damaged_policy_is_left_out_unless_it_was_asked_for(tmp_path, monkeypatch):
    d = domain("blis")
    folder = stored(tmp_path / "blis" / "mine", "blis")
    (folder / "policy.safetensors").write_bytes(b"nothing")
    monkeypatch.setattr(type(d), "saved_models", tmp_path / "blis")
    monkeypatch.setattr(d, "baselines", lambda: {"static_eft": RULES})
    found = compare(None, scenario(), trace=trace(), windows=1, window_length=200.0)
    assert [c.name for c in found.contenders] == ["static_eft"]
    assert len(found.notes) == 1 and found.notes[0].startswith("mine is left out:")
    with pytest.raises(PolicyError, match=r"policy\.safetensors"):
        compare(["mine"], scenario(), trace=trace(), windows=1, window_length=200.0)
    table = compare(["mine", "static_eft"], scenario(), trace=trace(), windows=1,
                    window_length=200.0, lenient=True)     # as at the end of a training
    assert [c.name for c in table.contenders] == ["static_eft"] and table.notes == found.notes
