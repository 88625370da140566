"""Planners without a solver, by hand-made cases and by the windows of the shared runs."""
import numpy as np
import pytest

from envs.blis.options import Allocation
from envs.blis.planning import PLANNERS, Draft, View, make_planner
from envs.blis.planning.load_proportional import seats
from envs.blis.replay import Trace
from envs.blis.scenario import Scenario
from envs.blis.system import bind_trace
from envs.core.errors import ScenarioError
from envs.core.options import build
from envs.core.rng import uniform_host
from tests.blis_oracles import oracle
from tests.planning_cases import AL, AS, BS, NONE, planner, system, view


def test_every_policy_of_the_options_has_a_planner():
    for name in PLANNERS:
        assert build(Allocation, {"policy": name}, "").policy == name
    with pytest.raises(ScenarioError) as error:
        build(Allocation, {"policy": "?"}, "")
    listed = str(error.value).split("valid: ")[1].split(", ")
    assert sorted(listed) == sorted(PLANNERS)


@pytest.mark.parametrize(("policy", "windows"), [
    ("static", []), ("none", []), ("schedule", []), ("load_proportional", []),
    ("random", [0, 1, 2, 3]), ("lfu", [0, 1, 2, 3]), ("infaas", [9, 19]), ("proteus", [9, 19]),
    ("clipper_ha", []), ("clipper_ht", []), ("sommelier", [9, 19]), ("blis_ilp", [9, 19])])
def test_when_a_policy_is_due_by_default(policy, windows):
    due = planner(system(policy=policy)).due
    assert [w for w in range(20) if due(w)][:4] == windows


def test_period_and_extra_windows():
    due = planner(system(policy="infaas", period=3, also_at=[3, 8])).due
    assert [w for w in range(10) if due(w)] == [2, 3, 5, 8]
    assert [w for w in range(10) if planner(system(policy="lfu", period=0)).due(w)] == []


def test_static_start():
    of = system(policy="static")
    assert planner(of).start(view(of)).target.tolist() == [AS, BS, NONE, AS, NONE]
    of = system(policy="static", per_type=2)
    assert planner(of).start(view(of)).target.tolist() == [AS, AS, BS, AS, AS]


def test_no_plan_at_all():
    of = system(policy="none")
    assert planner(of).start(view(of)) is None


def test_counts_release_the_highest_and_fill_the_lowest():
    draft = Draft(system(), [AL, AS, NONE, NONE, AS])
    draft.set_counts(0, [[1, 2]])
    assert draft.target == [AL, NONE, NONE, AS, AS]
    draft.set_counts(1, [[3, 1]])                       # b has no variant on c
    assert draft.target == [AL, BS, BS, AS, AS]


def test_counts_are_per_level():
    draft = Draft(system(levels=2), [AS, AS, NONE, NONE, NONE], [0, 1, 0, 0, 0])
    draft.set_counts(0, [[0, 1], [2, 0]])
    assert draft.target == [AS, AS, NONE, AS, NONE]
    assert draft.level == [1, 1, 0, 0, 0]


def test_random_actions_use_the_draws_in_order():
    of = system(policy="random", actions_per_window=2)
    first = planner(of, seed=9)
    draft, n = Draft(of), 0
    for _ in range(2):
        family, g, c = (int(uniform_host(9, 1, n + i) * m) for i, m in enumerate((2, 4, 3)))
        draft.set_counts(family, [[g, c]])
        n += 3
    assert first.start(view(of)).target.tolist() == draft.target
    second = planner(of, seed=9)
    again = [p.plan(view(of)).target.tolist() for p in (second, second)]
    assert again[0] == draft.target
    assert first.plan(view(of)).target.tolist() == again[1]


@pytest.mark.parametrize(("rates", "devices", "expect"), [
    ([5, 3, 2], 4, [2, 1, 1]),          # quotas 2, 1.2, .8
    ([1, 1, 1], 4, [2, 1, 1]),          # equal remainders: the lower index
    ([10, 0, 0], 4, [2, 1, 1]),         # two families are given a seat each
    ([5, 5, 0, 0], 4, [1, 1, 1, 1]),    # ties: the lower index gives first
    ([8, 1, 1], 2, [2, 0, 0]),          # fewer devices than families
])
def test_seats(rates, devices, expect):
    assert seats(rates, devices) == expect


def test_seats_are_dealt_over_the_types_in_turn():
    of = system(policy="load_proportional")
    assert planner(of, (80, 20)).start(view(of)).target.tolist() == [AS, AS, BS, AS, AS]
    assert planner(of, (20, 80)).start(view(of)).target.tolist() == [AS, BS, BS, NONE, NONE]
    assert planner(of, (0, 0)).start(view(of)) is None


def test_lfu_moves_the_highest_device_of_the_least_used():
    of, hosted = system(policy="lfu"), [BS, BS, AS, NONE, NONE]
    plan = planner(of).plan(view(of, hosted, arrivals=[[10, 5]], late=[2, 0], dropped=[1, 0]))
    assert plan.target.tolist() == [BS, AS, AS, NONE, NONE]


@pytest.mark.parametrize("late", [[0, 0], [0, 1]])
def test_lfu_does_nothing_without_need_or_without_a_loser(late):
    of, hosted = system(policy="lfu"), [BS, BS, AS, NONE, NONE]
    assert planner(of).plan(view(of, hosted, arrivals=[[10, 5]], late=late)) is None


def test_lfu_takes_late_answers_without_arrivals_as_the_worst():
    of, hosted = system(policy="lfu"), [BS, AS, AS, AS, AS]
    plan = planner(of).plan(view(of, hosted, arrivals=[[10, 0]], late=[9, 1]))
    assert plan.target.tolist() == [BS, AS, BS, AS, AS]     # b runs on g only


def scaled(hosted, arrivals, **options):
    of = system(policy="infaas", slack=1.0, down_slack=1.0, **options)
    return planner(of).plan(view(of, hosted, arrivals=[arrivals])).target.tolist()


def test_infaas_adds_the_most_accurate_devices_that_suffice():
    assert scaled([NONE] * 5, [100, 0]) == [AL, AL, NONE, NONE, NONE]     # 200 req/s
    assert scaled([NONE] * 5, [0, 90]) == [BS, NONE, NONE, NONE, NONE]


def test_infaas_adds_all_it_can_then_switches():
    assert scaled([NONE] * 5, [500, 0]) == [AS, AS, AS, AS, AS]           # 1000 req/s of 950
    assert scaled([AL, AL, BS, AS, AS], [275, 50]) == [AS, AL, BS, AS, AS]


def test_infaas_releases_the_highest_that_are_not_needed():
    assert scaled([AS, AS, BS, AS, BS], [130, 0]) == [AS, AS, BS, NONE, NONE]
    assert scaled([AS, AS, BS, NONE, NONE], [0, 0]) == [AS, NONE, BS, NONE, NONE]


def test_infaas_starts_empty_or_static():
    assert planner(system(policy="infaas")).start(view(system())) is None
    of = system(policy="infaas", initial="static")
    assert planner(of).start(view(of)).target.tolist() == [AS, BS, NONE, AS, NONE]


def shared_runs():
    for name in ("special_allocation", "special_config"):
        file = oracle(f"instances/{name}")
        for case in file["cases"]:
            if not case["options"].get("routing", {}).get("on_demand"):
                yield pytest.param(file, case, id=f"{name}-{case['name']}")


@pytest.mark.parametrize(("file", "case"), list(shared_runs()))
def test_reallocations_of_the_shared_runs(file, case):
    """Fed with the windows of a run, a planner moves as many devices as that run did."""
    trace, rows = Trace.from_rows(file["trace"]), case["expect"]["windows"]
    scenario = Scenario.from_config({**file["config"], **case["options"]})
    of = bind_trace(scenario, trace)
    moves, idle = make_planner(of, trace, scenario.options.seed), np.zeros(of.devices, int)
    counts = np.array([row["arrivals"] for row in rows])

    def seen(window, target):
        last = {k: np.array(rows[window][k]) for k in ("arrivals", "met", "late", "dropped")}
        return View(of, window, target, idle, idle > 0, counts[:window + 1], last, trace)

    target = idle - 1
    first = moves.start(seen(-1, target))
    target = target if first is None else first.target
    pending, changed = {}, [0]
    for w in range(len(rows) - 1):
        if moves.due(w):
            pending[w + moves.options.delay_windows] = moves.plan(seen(w, target))
        plan = pending.get(w)
        changed.append(0 if plan is None else int((plan.target != target).sum()))
        target = target if plan is None else plan.target
    assert changed == [row["realloc"] for row in rows]
