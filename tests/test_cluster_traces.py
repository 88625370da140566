"""The trace of jobs: the reader, every refused input, numbers and ties, windows, loads."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.cluster.replay import ARRAYS, Trace, read_trace, write_trace
from envs.core.errors import ScenarioError, TraceError


def _equal(a: Trace, b: Trace) -> None:
    for name in (n for n in ARRAYS if n not in ("cls", "gpu_type", "line")):
        x, y = getattr(a, name), getattr(b, name)
        assert x.dtype == y.dtype and x.tolist() == y.tolist(), name
    assert a.class_names().tolist() == b.class_names().tolist()
    assert a.gpu_type_names().tolist() == b.gpu_type_names().tolist()
    assert {k: v.tolist() for k, v in a.labels.items()} == \
        {k: v.tolist() for k, v in b.labels.items()}


@st.composite
def _jobs(draw):
    gpus = draw(st.integers(1, 8))
    job = {"arrival_s": draw(st.integers(0, 9)) / 4, "gpus": gpus,
           "duration_s": draw(st.integers(1, 400)) / 8}
    optional = {
        "class": st.sampled_from(["lm", "resnet"]), "tenant": st.integers(0, 3),
        "priority": st.integers(-2, 2), "deadline_s": st.integers(0, 99).map(float),
        "estimate_s": st.integers(1, 99).map(float), "gpu_type": st.sampled_from(["k80", "v100"]),
        "min_gpus": st.integers(1, gpus), "max_gpus": st.integers(gpus, 16),
        "user": st.sampled_from(["ann", "bob"]), "status": st.just("Pass"),
    }
    wanted = draw(st.sets(st.sampled_from(sorted(optional))))
    return job | {name: draw(optional[name]) for name in sorted(wanted)}


jobs = st.lists(_jobs(), min_size=1, max_size=12)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".json"])
@settings(max_examples=20, deadline=None)
@given(rows=jobs)
def test_written_traces_are_read_back(tmp_path_factory, suffix, rows):
    trace = Trace.from_rows(rows)
    path = tmp_path_factory.mktemp("t") / f"t{suffix}"
    write_trace(trace, path)
    _equal(read_trace(path), trace)


@settings(max_examples=60, deadline=None)
@given(rows=jobs)
def test_jobs_are_numbered_by_arrival_then_line(rows):
    trace = Trace.from_rows(rows)
    order = sorted(range(len(rows)), key=lambda i: (rows[i]["arrival_s"], i))
    assert trace.line.tolist() == order
    assert trace.duration_s.tolist() == [rows[i]["duration_s"] for i in order]
    assert trace.max_gpus.tolist() == [rows[i].get("max_gpus", rows[i]["gpus"]) for i in order]


@settings(max_examples=60, deadline=None)
@given(rows=jobs)
def test_parts_keep_every_job_once(rows):
    trace = Trace.from_rows(rows)
    parts = trace.split()
    assert np.concatenate([part.line for part in parts]).tolist() == trace.line.tolist()
    assert all(part.arrival_s[0] == 0 for part in parts if len(part))
    first, last = 0.7 * trace.end_s, 0.8 * trace.end_s
    assert len(parts[0]) == (trace.arrival_s < first).sum()
    assert len(parts[2]) == (trace.arrival_s >= last).sum()


def test_defaults():
    trace = Trace.from_rows([{"arrival_s": 3, "gpus": 2, "duration_s": 10}])
    assert trace.classes == ("0",) and trace.gpu_types == () and trace.labels == {}
    found = {name: getattr(trace, name).tolist() for name in ARRAYS}
    assert found == {
        "arrival_s": [3.0], "gpus": [2], "duration_s": [10.0], "cls": [0], "tenant": [0],
        "priority": [0], "deadline_s": [np.inf], "estimate_s": [10.0], "gpu_type": [-1],
        "min_gpus": [2], "max_gpus": [2], "line": [0]}


def test_indices_of_rows_become_names_by_number():
    trace = Trace.from_rows([
        {"arrival_s": 0, "gpus": 1, "duration_s": 1, "class": 10, "gpu_type": 1},
        {"arrival_s": 1, "gpus": 1, "duration_s": 1, "class": 2}])
    assert trace.class_names().tolist() == ["10", "2"]
    assert trace.gpu_type_names().tolist() == ["1", None]


def test_windows_start_their_own_clock():
    rows = [{"arrival_s": 0.1 * i, "gpus": 1, "duration_s": 5, "deadline_s": 0.1 * i + 9}
            for i in range(10)]
    part = Trace.from_rows(rows).window(3, 4)
    assert part.arrival_s.tolist() == [0.0, 0.1, 0.2, 0.3]      # decimals stay exact
    assert part.deadline_s.tolist() == [9.0, 9.1, 9.2, 9.3]
    assert part.line.tolist() == [3, 4, 5, 6]
    with pytest.raises(ScenarioError, match=r"of 4 jobs from job 7.*the trace has 10 jobs"):
        Trace.from_rows(rows).window(7, 4)


def test_loads():
    rows = [{"arrival_s": 100.0 * i, "gpus": 2, "duration_s": 50, "deadline_s": 100.0 * i + 70}
            for i in range(5)]
    trace = Trace.from_rows(rows)
    assert trace.rho(4) == 5 * 2 * 50 / (4 * 400)
    assert trace.at_load(2).rho(4) == 2 * trace.rho(4)
    assert trace.at_load(2).arrival_s.tolist() == [0, 50, 100, 150, 200]
    assert (trace.at_load(2).deadline_s - trace.at_load(2).arrival_s == 70).all()
    assert trace.window(0, 1).rho(4) == np.inf


HEAD = "arrival_s,gpus,duration_s"
REFUSED = {
    "no duration": ("arrival_s,gpus\n0,1\n", 'no column "duration_s"'),
    "unknown column": (f"{HEAD},klass\n0,1,1,x\n", 'unknown column "klass"; did you mean "class"'),
    "too few fields": (f"{HEAD}\n0,1,1\n0,1\n", "line 3: 2 fields instead of 3"),
    "too many fields": (f"{HEAD}\n0,1,1,1\n", "line 2: 4 fields instead of 3"),
    "text": (f"{HEAD}\n0,1,1\n0,two,1\n", 'line 3, column gpus: "two" is not an integer'),
    "empty cell": (f"{HEAD}\n0,1,\n", "line 2, column duration_s: the cell is empty"),
    "nan": (f"{HEAD}\n0,1,nan\n", "line 2, column duration_s"),
    "infinite": (f"{HEAD}\ninf,1,1\n", "line 2, column arrival_s"),
    "far": (f"{HEAD}\n1e15,1,1\n", "line 2, column arrival_s: 1000000000000000.0 is more than"),
    "same name": (f"name,{HEAD}\na,0,1,1\nb,0,1,1\n\na,1,1,1\n", "line 5, column name: a is"),
    "negative arrival": (f"{HEAD}\n0,1,1\n-1,1,1\n", "line 3, column arrival_s: -1.0 is negative"),
    "no duration at all": (f"{HEAD}\n0,1,0\n", "line 2, column duration_s: 0.0 is not positive"),
    "less than a microsecond": (f"{HEAD}\n0,1,1e-7\n", "line 2, column duration_s: 1e-07 is not"),
    "no GPUs": (f"{HEAD}\n0,0,1\n", "line 2, column gpus: 0 is less than 1"),
    "half a GPU": (f"{HEAD}\n0,0.5,1\n", 'line 2, column gpus: "0.5" is not an integer'),
    "too many GPUs": (f"{HEAD}\n0,3000000000,1\n", "line 2, column gpus: 3000000000 is more than"),
    "min": (f"{HEAD},min_gpus\n0,2,1,3\n", "line 2, column min_gpus: 3 is more than gpus"),
    "min of 0": (f"{HEAD},min_gpus\n0,2,1,0\n", "line 2, column min_gpus: 0 is less than 1"),
    "max": (f"{HEAD},max_gpus\n0,2,1,2\n0,2,1,1\n", "line 3, column max_gpus: 1 is less than gpus"),
    "estimate": (f"{HEAD},estimate_s\n0,2,1,0\n", "line 2, column estimate_s: 0.0 is not positive"),
    "tenant": (f"{HEAD},tenant\n0,2,1,-1\n", "line 2, column tenant: -1 is negative"),
    "priority": (f"{HEAD},priority\n0,2,1,high\n", "line 2, column priority"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_tables_are_refused(tmp_path, case):
    text, message = REFUSED[case]
    path = tmp_path / "jobs.csv"
    path.write_text(text)
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    assert message in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(("change", "message"), [
    ({"gpus": 1.5}, "row 1, column gpus: 1.5 is not"), ({"gpus": None}, "row 1, column gpus"),
    ({"arrival_s": float("nan")}, "row 1, column arrival_s"), ({"gpu": 1}, 'unknown column "gpu"'),
    ({"duration_s": "1"}, "row 1, column duration_s: '1' is not"),
])
def test_bad_rows_are_refused(change, message):
    with pytest.raises(TraceError, match=message):
        Trace.from_rows([{"arrival_s": 0, "gpus": 1, "duration_s": 1} | change])


def test_an_empty_trace_is_refused(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text(HEAD + "\n")
    with pytest.raises(ScenarioError, match=r"jobs\.csv: the trace is empty"):
        read_trace(path)
    with pytest.raises(ScenarioError, match="the trace is empty"):
        Trace.from_rows([])


def test_jobs_are_called_by_name_and_place(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text(f"{HEAD},name\n5,1,1,late\n\n0,1,1,\n")
    trace = read_trace(path)
    assert [trace.job(0), trace.job(1)] == ["job 0", "late"]
    assert trace.where(0) == f"{path}, line 4"
    assert trace.window(1, 1).where(0, "gpus") == f"{path}, line 2, column gpus"
    rows = Trace.from_rows([{"arrival_s": 0, "gpus": 1, "duration_s": 1}])
    assert rows.where(0, "gpus") == "jobs, job 0, column gpus"
