"""GPUs for several jobs: the shared instances, heuristics by hand, bad input, the script."""
import json
from dataclasses import replace

import numpy as np
import pytest

from envs.core.errors import ScenarioError
from envs.net2net.planning.allocation import (
    HEURISTICS,
    earliest_deadline,
    equal_share,
    greedy,
    lp_bound,
    optimal,
)
from envs.net2net.planning.jobs import KEYS, Columns, Jobs, columns_of
from envs.net2net.theta import FittedSet
from scripts import plan_jobs
from tests.net2net_oracles import oracle

INSTANCES = oracle("jobs")["instances"]
SETS = {name: FittedSet.from_config(name, entry, name)
        for name, entry in oracle("parametric")["shipped"].items()}
SMALL = {"gpus": 3, "slots": 2, "slot_ms": 100.0, "gpu_options": [0, 1, 2],
         "jobs": [{"task": "a", "arrival_slot": 0, "deadline_slot": 2},
                  {"task": "b", "arrival_slot": 0, "deadline_slot": 1}]}


@pytest.mark.parametrize("instance", INSTANCES, ids=range(len(INSTANCES)))
def test_shared_instances(instance):
    jobs = Jobs.from_config({key: instance[key] for key in KEYS})
    columns, want = columns_of(jobs, SETS), instance["expect"]
    rows = [[int(k), gpus[jobs.jobs[k].arrival_slot:jobs.jobs[k].deadline_slot].tolist()]
            for k, gpus in zip(columns.job, columns.gpus, strict=True)]
    assert rows == [column[:2] for column in instance["columns"]]
    assert columns.accuracy == pytest.approx([c[2] for c in instance["columns"]], abs=1e-9)
    best, still = optimal(columns), optimal(columns, columns.never)
    total = columns.accuracy[best].sum()
    assert total == pytest.approx(want["total_accuracy"], abs=1e-9)
    assert columns.job[best].tolist() == list(range(len(jobs.jobs)))
    assert (columns.gpus[best].sum(axis=0) <= jobs.gpus).all()
    assert columns.never[still].sum() == pytest.approx(want["total_accuracy_without_growth"],
                                                       abs=1e-9)
    assert lp_bound(columns) == pytest.approx(want["lp_bound"], abs=1e-9)
    assert total <= lp_bound(columns) + 1e-9
    for rule in HEURISTICS.values():
        found = rule(columns)
        assert (found.sum(axis=0) <= jobs.gpus).all()
        assert columns.total(found) <= total + 1e-9


def by_hand(accuracy: dict[tuple[int, ...], float]) -> Columns:
    """Columns of `SMALL` whose accuracies are given by job and GPUs of its window, else 0."""
    jobs = Jobs.from_config(SMALL)
    rows = [(k, v) for k, job in enumerate(jobs.jobs) for v in jobs.vectors(job)]
    gpus = np.array([[*v, 0][:2] for _, v in rows])
    values = np.array([accuracy.get((k, *v), 0.0) for k, v in rows])
    return Columns(jobs, np.array([k for k, _ in rows]), gpus, values, 0 * values, ((0,),) * 12)


def test_equal_share_and_earliest_deadline_by_hand():
    assert equal_share(by_hand({})).tolist() == [[1, 2], [2, 0]]        # the rest to job b
    assert earliest_deadline(by_hand({})).tolist() == [[1, 2], [2, 0]]
    jobs = replace(by_hand({}).jobs, gpu_options=(0, 2))
    columns = replace(by_hand({}), jobs=jobs)
    assert equal_share(columns).tolist() == [[0, 2], [2, 0]]            # 3 // 2 is no option
    four = replace(columns, jobs=replace(jobs, gpus=4))
    assert equal_share(four).tolist() == [[2, 2], [2, 0]]


def test_greedy_by_hand():
    columns = by_hand({(0, 1, 0): .1, (0, 0, 1): .1, (0, 1, 1): .15, (1, 1): .3, (1, 2): .42,
                       (0, 2, 1): .2, (0, 1, 2): .14})
    assert greedy(columns).tolist() == [[1, 1], [2, 0]]
    assert columns.total(greedy(columns)) == pytest.approx(.57)
    rising = by_hand({(1, 2): .9})      # nothing is gained by the first step
    assert greedy(rising).tolist() == [[0, 0], [0, 0]]
    assert rising.accuracy[optimal(rising)].sum() == pytest.approx(.9)


@pytest.mark.parametrize(("change", "told"), [
    ({"gpu_options": [1, 2]}, "gpu_options: must ascend from 0, found [1, 2]"),
    ({"gpu_options": [0, 2, 2]}, "must ascend from 0"),
    ({"gpus": 0}, "jobs.gpus: 0 is no valid integer"),
    ({"slot_ms": -1}, "jobs.slot_ms"),
    ({"jobs": []}, "there is no job"),
    ({"jobs": [{"task": "a", "arrival_slot": 1, "deadline_slot": 1}]}, "deadline_slot"),
    ({"jobs": [{"task": "a", "arrival_slot": 0}]}, "has no deadline_slot"),
    ({"slotz": 1}, "unknown key"),
    ({"slots": 12, "jobs": [{"task": "a", "arrival_slot": 0, "deadline_slot": 12}]},
     "531441 plans of GPUs"),
])
def test_bad_instances(change, told):
    with pytest.raises(ScenarioError) as error:
        Jobs.from_config({**SMALL, **change})
    assert told in str(error.value)


def test_an_unknown_parameter_set():
    with pytest.raises(ScenarioError, match='no parameter set "a"'):
        columns_of(Jobs.from_config(SMALL), SETS)


def test_a_slot_has_room_for_a_step():
    short = {**INSTANCES[0], "slot_ms": 0.5}
    with pytest.raises(ScenarioError, match=r"slot_ms: 0\.5 is less than one step of the base"):
        columns_of(Jobs.from_config({key: short[key] for key in KEYS}), SETS)


def test_the_script(tmp_path, capsys):
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps({"instances": INSTANCES[:1]}))
    plan_jobs.main(plan_jobs.Keys(file=path))
    out = capsys.readouterr().out
    assert "2 GPUs, 3 slots of 530 ms, 54 columns" in out
    assert out.count("accuracy") == 2
    for name in ("optimum", "linear bound", "optimum without growth", *HEURISTICS):
        assert f"\n  {name}" in out
    yaml = tmp_path / "jobs.yaml"
    yaml.write_text(json.dumps({**SMALL, "gpus": "x"}))
    with pytest.raises(ScenarioError, match="gpus"):
        plan_jobs.main(plan_jobs.Keys(file=yaml))
