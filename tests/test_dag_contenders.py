"""A user's own file for `dag`: a compiled score, the same in Python, a plan, a policy."""
from __future__ import annotations

import pytest

from envs.core.errors import PolicyError
from tests.small_dag import scenario, small

USER = '''
from dataclasses import replace

import numpy as np
from envs.dag.planning import plan as planned
from envs.dag.policy import policy


@policy
def compiled(now, duration, least, estimate, best_other, tail, missing, waited, successors, job):
    if estimate > best_other:
        return -1.0
    return tail + 1.0


def by_hand(now, duration, least, estimate, best_other, tail, missing, waited, successors, job):
    return -1.0 if estimate > best_other else tail + 1.0


def fails(now, duration, *rest):
    if now > 30:
        raise KeyError("nothing\\nhere")
    return duration


def nothing(*arguments):
    return float("nan")


@policy
def raises(now, duration, least, estimate, best_other, tail, missing, waited, successors, job):
    if now > 2:
        raise ValueError("too late")
    return duration


@policy
def void(now, duration, least, estimate, best_other, tail, missing, waited, successors, job):
    return np.nan


class Heft:
    """A plan that the suite makes itself."""

    def plan(self, graph, machine):
        return planned("heft", graph, machine)


class Alone:
    """Everything on the first worker, in topological order, as arrays."""

    def plan(self, graph, machine):
        lasts = graph.duration[:, graph.types.index(machine.types[0])]
        start = np.zeros(len(graph), int)
        start[graph.order] = np.cumsum(lasts[graph.order]) - lasts[graph.order]
        return np.zeros(len(graph), int), start


class Nowhere:
    def plan(self, graph, machine):
        return np.full(len(graph), 9), np.zeros(len(graph), int)


class Elsewhere:
    """A whole plan, for a machine with more workers."""

    def plan(self, graph, machine):
        made = planned("heft", graph, machine)
        return replace(made, worker=np.where(made.worker == 0, 99, made.worker))


class Never:
    def plan(self, graph, machine):
        return np.zeros(len(graph)), np.full(len(graph), np.nan)


class Short:
    def plan(self, graph, machine):
        return [0], [0]


class First:
    """The first slot, as a policy in the environment."""

    def act(self, observation, mask):
        return mask.argmax(1)


class Lost:
    def act(self, observation, mask):
        raise IndexError("no way")
'''


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(USER)
    return file


def costs(found, name: str) -> list[float]:
    return [o.metrics["makespan"] for o in found.of(name)]


def test_a_score_means_the_same_compiled_and_in_python(path):
    found = small([f"{path}:compiled", f"{path}:by_hand", "mct_wait"], windows=2)
    assert costs(found, "compiled") == costs(found, "by_hand") == costs(found, "mct_wait")
    assert all(c.kind == "user" for c in found.contenders[:2])


def test_a_plan_is_replayed(path):
    found = small([f"{path}:Heft", f"{path}:Alone", "static:heft"], windows=2)
    assert costs(found, "Heft") == costs(found, "static:heft")
    for o in found.of("Alone"):
        assert o.metrics["busy"]["cpu"] == 0 and o.metrics["ratio"] > 1


def test_a_policy_acts_in_the_environment_as_its_rule_says(path):
    found = small([f"{path}:First", "prio"], windows=2)
    assert costs(found, "First") == costs(found, "prio")
    for o in found.of("First"):
        assert 0 < o.metrics["decision_us"] <= o.metrics["decision_us_p99"]


@pytest.mark.parametrize(("name", "message"), [
    ("fails", "mine.py, line [0-9]+: KeyError"),
    ("nothing", "nan"), ("raises", "too late"), ("void", "nan"),
    ("Nowhere", "worker 9 does not exist"), ("Short", "plan needs"),
    ("Elsewhere", "worker 99 does not exist"), ("Never", "whole numbers"), ("Lost", "no way"),
    ("USER", "defines no"),
])
def test_a_mistake_is_blamed_on_the_file(path, name, message):
    with pytest.raises(PolicyError, match=message):
        small([f"{path}:{name}"], windows=1)


def test_a_plan_is_for_one_job(path):
    given = scenario(workload={"train": ["cholesky(n=2)"], "poisson": {"load": 0.5, "jobs": 3}})
    with pytest.raises(PolicyError, match="a plan is for one job, this trace has 3"):
        small([f"{path}:Heft"], scenario=given, windows=1)
    found = small([f"{path}:by_hand"], scenario=given, windows=1)
    assert found.outcomes[0].metrics["jobs"] == 3
