"""Traces: Poisson arrivals, tables of jobs, parts, and rows that are no jobs."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from envs.core.errors import ScenarioError, TraceError
from envs.dag.generate import open_graph
from envs.dag.graph import checksum
from envs.dag.replay import Trace, poisson_trace, read_trace, write_trace
from tests.dag_oracles import oracle

TABLE = """id,arrival,graph,weight
late,2.5,"cholesky(n=3)",2
early,0,my.json,1
same,2.5,"cholesky(n=3)",1
"""
GRAPH = {"format": "dag-1", "unit": "1", "resolution": 4,
         "tasks": [{"id": "a", "duration": {"cpu": 1}}]}


def table(folder: Path, text: str = TABLE) -> Path:
    (folder / "my.json").write_text(json.dumps(GRAPH))
    (folder / "jobs.csv").write_text(text)
    return folder / "jobs.csv"


def graphs(count: int) -> list:
    return [open_graph(f"chain(n={n})", "test") for n in range(2, 2 + count)]


@pytest.mark.parametrize("case", oracle("random")["poisson"], ids=lambda case: str(case["seed"]))
def test_poisson_arrivals_agree_with_the_shared_answers(case):
    listed = graphs(case["graphs"])
    trace = poisson_trace(listed, case["rate"], len(case["arrivals"]), case["seed"],
                          case.get("weights"), unit="1", resolution=case["ticks_per_unit"])
    assert trace.arrival.tolist() == case["arrivals"]
    assert [listed.index(job.graph) for job in trace.jobs] == case["choice"]


@pytest.mark.parametrize("case", oracle("streams")["cases"], ids=lambda case: str(case["rate"]))
def test_streams_are_those_of_the_shared_answers(case):
    listed = [open_graph(text, "test") for text in case["graphs"]]
    trace = poisson_trace(listed, case["rate"], len(case["jobs"]), case["options"]["seed"])
    assert [[job.arrival, job.graph.source] for job in trace.jobs] == case["jobs"]


def test_weights_are_shares_of_the_graphs():
    listed = graphs(3)
    assert {job.graph for job in poisson_trace(listed, 1, 200, 1, [0, 1, 0]).jobs} == {listed[1]}
    drawn = [job.graph for job in poisson_trace(listed, 1, 2000, 1, [1, 0, 3]).jobs]
    assert drawn.count(listed[1]) == 0 and 0.7 < drawn.count(listed[2]) / 2000 < 0.8


def test_a_longer_stream_begins_with_the_shorter_one():
    short, long = (poisson_trace(graphs(3), 0.1, jobs, seed=4) for jobs in (5, 50))
    assert long.arrival[:5].tolist() == short.arrival.tolist()
    assert long.arrival[0] == 0


def test_a_table_is_read_in_order_of_arrival(tmp_path):
    trace = read_trace(table(tmp_path, TABLE))
    assert [job.name for job in trace.jobs] == ["early", "late", "same"]
    assert trace.unit == "1" and trace.resolution == 4 and trace.end == 10
    assert trace.weight.tolist() == [1, 2, 1] and len(trace.graphs) == 2
    assert trace.jobs[1].graph is trace.jobs[2].graph


def test_arrivals_stand_in_the_unit_of_the_graph_that_arrives_first(tmp_path):
    text = 'id,arrival,graph\na,0.5,my.json\nb,2.625,my.json\n'
    trace = read_trace(table(tmp_path, text))
    assert trace.arrival.tolist() == [2, 11] and trace.weight.tolist() == [1, 1]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_what_is_written_is_read_again(suffix, tmp_path):
    trace = read_trace(table(tmp_path))
    write_trace(trace, tmp_path / f"again.{suffix}")
    again = read_trace(tmp_path / f"again.{suffix}")
    assert again.arrival.tolist() == trace.arrival.tolist()
    assert again.weight.tolist() == trace.weight.tolist()
    assert [checksum(j.graph) for j in again.jobs] == [checksum(j.graph) for j in trace.jobs]


def test_a_graph_without_a_file_cannot_be_named(tmp_path):
    with pytest.raises(TraceError, match="the graph of job 0 has no file"):
        write_trace(Trace.from_rows([[0, GRAPH]]), tmp_path / "jobs.csv")


def test_rows_of_ticks():
    trace = Trace.from_rows([[7, GRAPH], [3, "chain(n=2)", 2.5], [3, "chain(n=2)"]])
    assert [(job.arrival, len(job.graph), job.weight) for job in trace.jobs] == \
        [(3, 2, 2.5), (3, 2, 1), (7, 1, 1)]
    assert trace.jobs[0].graph is trace.jobs[1].graph


def test_parts_are_shares_of_the_time_on_clocks_of_their_own():
    trace = Trace.from_rows([[t, "chain(n=2)"] for t in (0, 10, 70, 75, 80, 90, 100)])
    parts = trace.split()
    assert [part.arrival.tolist() for part in parts] == [[0, 10], [0, 5], [0, 10, 20]]
    assert trace.at_load(2).arrival.tolist() == [0, 5, 35, 38, 40, 45, 50]
    assert trace.window(2, 2).arrival.tolist() == [0, 5]


@pytest.mark.parametrize("old, new, error, match", [
    ("late,2.5", "late,-1", TraceError, r"jobs\.csv, line 2, column arrival: -1.*is negative"),
    (",2\n", ",-2\n", TraceError, "line 2, column weight.*is negative"),
    ("same", "late", TraceError, "line 4, column id: late is the id of an earlier job"),
    ("my.json", "other.json", TraceError, r"other\.json: no such file"),
    ("cholesky(n=3)", "choleski(n=3)", ScenarioError, 'line 2.*did you mean "cholesky"'),
    ("weight", "wieght", TraceError, 'unknown column "wieght"; did you mean "weight"'),
    ("late,2.5", "late,soon", TraceError, 'line 2, column arrival: "soon" is not a finite number'),
    ("late,2.5", "late,1e300", TraceError, r"is more than 2\*\*60 ticks"),
])
def test_a_mistake_in_a_table_names_its_line(old, new, error, match, tmp_path):
    with pytest.raises(error, match=match):
        read_trace(table(tmp_path, TABLE.replace(old, new, 1)))


def test_empty_traces_and_weights_of_nothing(tmp_path):
    with pytest.raises(TraceError, match="all weights are 0"):
        read_trace(table(tmp_path, "id,arrival,graph,weight\na,0,my.json,0\n"))
    with pytest.raises(TraceError, match="no rows"):
        read_trace(table(tmp_path, "id,arrival,graph\n"))
    with pytest.raises(TraceError, match="the trace is empty"):
        Trace.from_rows([])
