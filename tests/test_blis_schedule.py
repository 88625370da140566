"""Plans given in the scenario: when they come, and which are refused."""
import pytest

from envs.core.errors import ScenarioError
from tests.planning_cases import AS, BS, NONE, planner, system, view

FULL = ["a/s", None, "b/s", "a/s", None]


def test_schedule():
    plans = [{"window": 0, "assign": FULL},
             {"window": 3, "assign": [None] * 5, "weights": [1, 0, 2.5, 0, 0],
              "qos": [0, 1, 0, 1, 1]}]
    of = system(levels=2, policy="schedule", plans=plans)
    scheduled = planner(of)
    first = scheduled.start(view(of))
    assert first.target.tolist() == [AS, NONE, BS, AS, NONE]
    assert first.level is None and first.weight is None
    assert [w for w in range(9) if scheduled.due(w)] == [2]
    later = scheduled.plan(view(of, window=2))
    assert later.target.tolist() == [NONE] * 5
    assert later.weight.tolist() == [1, 0, 2.5, 0, 0] and later.level.tolist() == [0, 1, 0, 1, 1]


def test_a_schedule_may_start_later():
    of = system(policy="schedule", plans=[{"window": 2, "assign": FULL}])
    assert planner(of).start(view(of)) is None
    assert planner(of).due(1)


@pytest.mark.parametrize(("plans", "key", "remedy"), [
    ([{"window": 0, "assign": ["a/s"]}], "plans[0].assign", "type by type"),
    ([{"window": 0, "assign": ["a/x", None, None, None, None]}], "assign[0]", 'mean "a/s"'),
    ([{"window": 0, "assign": [None, None, None, "b/s", None]}], "assign[3]", "profile"),
    ([{"window": 0, "assign": FULL, "weights": [1]}], "plans[0].weights", "one per device"),
    ([{"window": 0, "assign": FULL, "weights": [1, 1, 1, 1, -1]}], "weights[4]", ">= 0"),
    ([{"window": 0, "assign": FULL, "weights": [float("nan")] * 5}], "weights[0]", "finite"),
    ([{"window": 0, "assign": FULL, "qos": [0, 0]}], "plans[0].qos", "one per device"),
    ([{"window": 0, "assign": FULL, "qos": [0, 0, 1, 0, 0]}], "qos[2]", "<= 0"),
    ([{"window": 1, "assign": FULL}] * 2, "plans[1]", "merge"),
    ([{"window": -1, "assign": FULL}], "plans[0].window", ">= 0"),
    ([{"window": 0, "asign": FULL}], "plans[0].asign", 'mean "assign"'),
    ([{"window": 0}], "plans[0]", "add `assign"),
    ([{"window": 0, "assign": "a/s"}], "plans[0].assign", "write ["),
])
def test_plans_that_cannot_be_followed(plans, key, remedy):
    with pytest.raises(ScenarioError) as error:
        planner(system(policy="schedule", plans=plans))
    where, text = str(error.value).split(": ", 1)
    assert where.startswith("allocation.") and key in where and remedy in text
