"""The Standard Task Graph Set on 2, 4 and 8 processors: optima, list schedules and bounds."""
from __future__ import annotations

import numpy as np
import pytest

from envs.dag.bounds import lower_bounds
from envs.dag.exact import optimum
from envs.dag.graph import Graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.planning import plan
from tests.dag_oracles import oracle
from tests.dag_plans import check_schedule

CASES = [(case, int(count), known) for case in oracle("stg")["graphs"]
         for count, known in case["results"].items()]
PLANNERS = ("heft", "mcp", "etf")


def graph_of(case) -> Graph:
    time = np.array(case["time"])
    edges = [(i, j) for j, before in enumerate(case["preds"]) for i in before]
    return Graph.from_columns(
        case["name"], unit="1", ids=[str(i) for i in range(len(time))], types=("cpu",),
        duration=np.where(time > 0, time, -1), virtual=time == 0, listed=edges)


def processors(count: int) -> Machine:
    return Machine.from_config({"unit": "1", "comm": "none",
                                "workers": [{"type": "cpu", "count": count}]})


@pytest.mark.parametrize(("case", "count", "known"), CASES,
                         ids=[f"{case['name']}-{count}" for case, count, _ in CASES])
def test_published_optima(case, count, known):
    of, on = graph_of(case), processors(count)
    assert {name: plan(name, of, on).makespan for name in PLANNERS} == {
        name: known[name] for name in PLANNERS}
    assert lower_bounds(of, on, Options())["lb"] == known["lb"]
    found = optimum(of, on, 60.0)
    check_schedule(found.plan, of, on)
    assert (found.status, found.value) == ("OPTIMAL", known["optimum"])
