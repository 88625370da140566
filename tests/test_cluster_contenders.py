"""A user's own file: a compiled order, the same in Python, shares, sizes."""
from __future__ import annotations

from contextlib import nullcontext

import pytest

from agents.domains import domain
from agents.evaluation.callbacks import callback
from agents.evaluation.planner_cluster import PythonOrder
from envs.core.errors import PolicyError
from tests.small_cluster import scenario, small, trace

USER = '''
import numpy as np
from envs.cluster.policy import policy


@policy
def shortest(now, arrival, gpus, left, attained, gpu_attained, waited, priority, deadline,
             job_class, tenant, launches, held):
    return left


shortest.options = {"preempt": "strict"}


def by_hand(now, arrival, gpus, left, attained, gpu_attained, waited, priority, deadline,
            job_class, tenant, launches, held):
    return left


by_hand.options = {"preempt": "strict"}


def first(now, arrival, *rest):
    return arrival


def fails(now, arrival, gpus, *rest):
    if arrival > 100:
        raise KeyError("nothing\\nhere")
    return gpus


def leaves(now, arrival, gpus, *rest):
    raise SystemExit(0)


def nothing(*arguments):
    return float("nan")


@policy
def raises(now, arrival, gpus, left, attained, gpu_attained, waited, priority, deadline,
           job_class, tenant, launches, held):
    if waited > 0:
        raise ValueError("too late")
    return gpus


@policy
def void(now, arrival, gpus, left, attained, gpu_attained, waited, priority, deadline,
         job_class, tenant, launches, held):
    return np.nan


class Isolated:
    """An equal share of each type for everybody, normalised."""

    made = 0

    def __init__(self):
        Isolated.made += 1

    def shares(self, view):
        X = view.up_gpus / (len(view.job) * view.system.gpus[view.job])[:, None]
        return X / np.maximum(1, X.sum(1))[:, None]


class Greedy:
    """The requested GPUs to whoever comes first, on the first type with room."""

    def allocate(self, view):
        free = view.up_gpus.copy()
        kind, gpus = np.full(len(view.job), -1), np.zeros(len(view.job), int)
        for i, job in enumerate(view.job):
            wanted = view.system.gpus[job]
            for j in range(len(free)):
                if free[j] >= wanted and not gpus[i]:
                    free[j] -= wanted
                    kind[i], gpus[i] = j, wanted
        return kind, gpus


class First:
    """The first listed job that can be placed: FIFO with backfilling."""

    options = {"env": {"control": "pick"}}

    def act(self, observation, mask):
        assert set(observation) == {"jobs", "cluster", "types"}
        return mask.argmax(1)


class Stubborn:
    """Always the first job of the list, whether it fits or not."""

    options = {"env": {"control": "pick"}}

    def act(self, observation, mask):
        return np.zeros(1, int)


def listed(*arguments):
    return 0


listed.options = ["strict"]


class Short:
    def shares(self, view):
        return np.zeros((1, 1))


class TooMany:
    def allocate(self, view):
        return np.zeros(len(view.job), int), view.system.gpus[view.job] * 100


class Alien:
    def allocate(self, view):
        return np.full(len(view.job), 7), view.system.gpus[view.job]


class Everything:
    def allocate(self, view):
        return np.zeros(len(view.job), int), view.system.gpus[view.job]


number = 3
'''


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("user") / "mine.py"
    file.write_text(USER)
    return file


def metrics(found, name):
    return [o.metrics for o in found.of(name)]


def test_orders_of_a_users_own_equal_the_built_in_one(path):
    found = small([f"{path}:shortest", f"{path}:by_hand", "srtf", "fifo"], windows=2)
    assert metrics(found, "shortest") == metrics(found, "by_hand") == metrics(found, "srtf")
    assert metrics(found, "srtf") != metrics(found, "fifo")


def test_a_function_without_options_runs_under_those_of_the_scenario(path):
    found = small([f"{path}:first", "fifo_backfill", "fifo"], windows=1)
    assert metrics(found, "first") == metrics(found, "fifo_backfill") != metrics(found, "fifo")
    stopped = small([f"{path}:first"], scenario=scenario(misfit="stop"), windows=1)
    assert metrics(stopped, "first") == metrics(found, "fifo")


def test_a_policy_acts_in_the_environment(path):
    """The environment and the whole-trace run are one simulator."""
    found = small([f"{path}:First", "fifo_backfill"], windows=2)
    assert metrics(found, "First") == metrics(found, "fifo_backfill")


def test_illegal_actions_are_told(path):
    found = small([f"{path}:Stubborn", "fifo"], windows=1)
    wrong = metrics(found, "Stubborn")[0]["illegal"]
    assert wrong > 0 == metrics(found, "fifo")[0]["illegal"]
    assert f"mask is 1): Stubborn {wrong}" in found.domain.remarks(found)[-1]
    assert len(found.domain.remarks(small(["fifo"], windows=1))) == 1


def test_shares_and_sizes_in_python(path):
    found = small([f"{path}:Isolated", f"{path}:Greedy", "isolated"], windows=2)
    assert metrics(found, "Isolated") == metrics(found, "isolated")
    assert all(m["finished"] == 24 for m in metrics(found, "Greedy"))


@pytest.mark.parametrize(("name", "message"), [
    ("fails", r"mine\.py, line RAISE: KeyError: 'nothing\\nhere'"),
    ("Short", r"shares need \d+ x 2 numbers"),
    ("TooMany", "cannot have [124]00 GPUs of type fast"),
    ("Alien", "types are 0 to 1"),
    ("Everything", "GPUs of type fast are given, 8 are up"),
    ("leaves", r"mine\.py, line \d+: SystemExit: 0"),
    ("nothing", "every key is nan"),
    ("raises", r"mine\.py, line \d+: ValueError: too late"),
    ("void", r"mine\.py, line \d+: every key is nan"),
    ("listed", r"mine\.py: options = \['strict'\] is no mapping"),
    ("number", "int is no contender"),
])
def test_mistakes_are_blamed_on_the_file(path, name, message):
    line = USER[:USER.index("raise KeyError")].count("\n") + 1
    with pytest.raises(PolicyError, match=message.replace("RAISE", str(line))):
        small([f"{path}:{name}"], windows=1)


def test_a_plain_order_can_be_interrupted():
    """As Ctrl-C does it: within the function, or on the way into it."""
    def interrupted(*arguments):
        raise KeyboardInterrupt

    one = PythonOrder(interrupted)
    with pytest.raises(KeyboardInterrupt), one.watched(nullcontext):
        domain("cluster").simulate_planned(scenario(), trace(3), 0, interrupted, nullcontext)
    before = callback(13)(interrupted)
    with pytest.raises(KeyboardInterrupt), one.watched(nullcontext):
        before(*[0.0] * 13)


def test_shares_and_sizes_need_rounds(path):
    for name in ("Isolated", "Greedy"):
        with pytest.raises(PolicyError, match="decided in rounds"):
            small([f"{path}:{name}"], scenario=scenario(mode="event"), windows=1)


def test_a_wrong_number_of_arguments_is_an_error(tmp_path):
    file = tmp_path / "few.py"
    file.write_text("def order(now):\n    return now\n")
    with pytest.raises(PolicyError, match=r"few\.py: TypeError"):
        small([f"{file}:order"], windows=1)
