"""Planners: published schedules task by task, by hand, and against plain Python."""
from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envs.core.errors import ScenarioError, TraceError
from envs.dag.formats import graph_from
from envs.dag.generate import open_graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.planning import PLANNERS, Plan, plan, plan_order, ranks
from envs.dag.planning.ways import ways
from tests.dag_oracles import oracle
from tests.dag_plans import check_schedule, graph, graphs, machine, naive_heft

STATIC = oracle("static")["instances"]
MEMORY = [case for case in oracle("memory")["cases"] if "plan" in case]
TILED = oracle("tiled")["plain"]


def rows(made: Plan) -> list[list[int]]:
    columns = (made.worker.tolist(), made.start.tolist(), made.finish.tolist())
    return [[i, *row] for i, row in enumerate(zip(*columns, strict=True))]


@pytest.mark.parametrize("case", STATIC, ids=lambda c: c["name"])
def test_published_and_random_schedules(case):
    of, on = graph_from(case["graph"], case["name"]), Machine.from_config(case["machine"])
    for name, known in case["planners"].items():
        made = plan(name, of, on)
        known = known if isinstance(known, dict) else {"makespan": known}
        assert made.makespan == known["makespan"], name
        assert rows(made) == known.get("schedule", rows(made)), name
    found = ranks(of, on)
    for key in ("rank_u", "rank_d", "oct"):
        if key in case:
            assert found[key] == pytest.approx(np.array(case[key]), abs=1e-9)


def test_what_the_papers_print():
    published = {"topcuoglu2002": {"heft": 80, "cpop": 86},
                 "arabnejad2014": {"peft": 122, "heft": 133, "lookahead": 127}}
    for case in STATIC[:2]:
        of, on = graph_from(case["graph"], case["name"]), Machine.from_config(case["machine"])
        for name, makespan in published[case["name"]].items():
            assert plan(name, of, on).makespan == makespan


@pytest.mark.parametrize("case", MEMORY, ids=lambda c: str(c["id"]))
@pytest.mark.filterwarnings("ignore:durations on")
def test_machines_with_memories_links_and_virtual_tasks(case):
    of, on = graph_from(case["jobs"][0][1], "case"), Machine.from_config(case["machine"])
    options = Options(oversize=case["options"].get("oversize", "error"))
    assert {name: plan(name, of, on, options).makespan for name in case["plan"]} == case["plan"]


@pytest.mark.parametrize("case", TILED, ids=lambda c: c["id"])
@pytest.mark.filterwarnings("ignore:durations on")
def test_tiled_linear_algebra(case):
    of, on = open_graph(case["graph"], "case"), Machine.from_config(case["machine"])
    assert {name: plan(name, of, on).makespan for name in case["planners"]} == case["planners"]


@settings(max_examples=60, deadline=None)
@given(of=graphs(), comm=st.sampled_from(["none", "matrix"]), gpus=st.integers(1, 3))
def test_every_plan_is_a_schedule(of, comm, gpus):
    on = machine(comm, gpus, 2)
    for name in PLANNERS:
        check_schedule(plan(name, of, on), of, on)


@settings(max_examples=60, deadline=None)
@given(of=graphs(), comm=st.sampled_from(["none", "matrix"]), cpus=st.integers(0, 3))
@example(of=graph([(0, 0), (3, 3), (0, 0)], [(0, 2)]), comm="none", cpus=1)
def test_heft_in_plain_python(of, comm, cpus):
    on = machine(comm, 1, cpus) if cpus else machine(comm, 2, 1)
    assert rows(plan("heft", of, on)) == [[i, *row] for i, row in enumerate(naive_heft(of, on))]


@pytest.mark.parametrize("seed", range(3))
def test_heft_with_hundreds_of_tasks_on_a_worker(seed):
    """Many short gaps between long tasks: blocks of a worker's line are skipped."""
    of = open_graph(f"layered(n=400,width=40,ccr=3,seed={seed})", "case")
    on = machine("matrix", 1, 1)
    assert rows(plan("heft", of, on)) == [[i, *row] for i, row in enumerate(naive_heft(of, on))]


def test_heft_of_ten_thousand_tasks_needs_no_table_of_pairs():
    of, on = open_graph("layered(n=10000,width=100,density=.02)", "case"), machine("matrix")
    tracemalloc.start()
    try:
        made = plan("heft", of, on)
        assert tracemalloc.get_traced_memory()[1] < 1000 * len(of)
    finally:
        tracemalloc.stop()
    check_schedule(made, of, on)


def test_order_on_workers():
    """Same time: the canonical order; virtual tasks are left out."""
    of = graph([(0, 9), (0, 9), (5, 9), (-1, -1), (4, 9)], [(1, 0), (2, 3)],
               virtual=[False, False, False, True, False])
    made = Plan(np.int32([0, 0, 0, -1, 2]), np.int64([0, 0, 0, 5, 0]), np.int64([0, 0, 5, 5, 9]), 9)
    first, tasks = plan_order(made, of, machine())
    assert first.tolist() == [0, 3, 3, 4, 4]
    assert tasks.tolist() == [1, 0, 2, 4]


def test_costs_between_workers():
    """Two GPUs, staged through the host unless they are peers; CPUs share the host."""
    staged, direct = machine("matrix"), machine("matrix", peer={"latency": 1, "bandwidth": 2})
    cost = ways(staged).cost
    assert [cost(0, 1, 8), cost(0, 2, 8), cost(2, 1, 8), cost(2, 3, 8)] == [8, 4, 4, 0]
    assert [cost(0, 1, 0), cost(1, 1, 8), cost(0, 2, 9)] == [0, 0, 5]
    assert ways(direct).cost(0, 1, 8) == 5
    assert ways(staged).mean(np.array([8, 0])) == pytest.approx([(2 * 8 + 8 * 4) / 12, 0])
    assert ways(machine("none")).cost(0, 1, 8) == 0


def test_costs_from_a_table():
    on = Machine.from_config({
        "unit": "1", "comm": "matrix", "workers": [{"type": "cpu", "count": 2}],
        "matrix": {"latency": [[0, 1], [3, 0]], "bandwidth": [[1, 2], [4, 1]]}})
    cost = ways(on).cost
    assert [cost(0, 1, 8), cost(1, 0, 8), cost(1, 1, 8)] == [5, 5, 0]
    assert ways(on).mean(np.array([8, 4])) == pytest.approx([5, 3.5])


def test_ranks_by_hand():
    """1 GPU, 3 CPUs: means, medians of four workers, and a task that one type cannot run."""
    found = ranks(graph([(2, 6), (-1, 4), (9, 3)], [(0, 1), (1, 2)]), machine("none", 1, 3))
    assert found["rank_u"].tolist() == [5 + 4 + 4.5, 4 + 4.5, 4.5]
    assert found["rank_d"].tolist() == [0, 5, 9]
    assert found["sl"].tolist() == [6 + 4 + 3, 4 + 3, 3]
    assert found["oct"].tolist() == [[7] * 4, [3] * 4, [0] * 4]
    even = ranks(graph([(2, 6)]), machine("none", 2, 2))
    assert even["sl"].tolist() == [4]


def test_ties_by_place_or_by_number():
    """Canonical order 1, 2, 0: behind task 2, HEFT goes on with 1 and PEFT with 0."""
    of, on = graph([(3, -1)] * 3, [(2, 0)]), machine("none", 1, 1)
    assert plan("heft", of, on).start.tolist() == [6, 3, 0]
    assert plan("peft", of, on).start.tolist() == [3, 6, 0]


def test_lookahead_places_successors_of_equal_rank_in_canonical_order():
    """Task 0 after 3; then 2 before 1. On the GPU they would end at 9, 7; on the CPU at 7, 10."""
    of = graph([(1, 2), (7, 3), (5, 5), (3, 3)], [(0, 1), (3, 1), (0, 2)])
    assert rows(plan("lookahead", of, machine("none", 1, 1))) == [
        [0, 0, 3, 4], [1, 1, 4, 7], [2, 0, 4, 9], [3, 0, 0, 3]]


def test_large_tasks_stay_out_of_small_memories():
    config = {"unit": "1", "workers": [{"type": "gpu", "memory": 10}, {"type": "cpu"}]}
    of, on = graph([(1, 50), (1, 50)], [(0, 1)], [11]), Machine.from_config(config)
    assert plan("heft", of, on, Options(oversize="exclude")).makespan == 100
    with pytest.raises(TraceError, match="its tiles need 11 bytes, but worker 0"):
        plan("heft", of, on)


def test_unknown_planner():
    with pytest.raises(ScenarioError, match='unknown planner "hept"; did you mean "heft"'):
        plan("hept", graph([(1, 1)]), machine())


def test_a_task_that_no_worker_can_run():
    with pytest.raises(TraceError, match="no worker can run it"):
        plan("etf", graph([(1, -1)], types=("tpu", "cpu")), machine())
