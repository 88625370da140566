"""Schedules as tables and as a Chrome trace."""
from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from envs.dag.export import chrome_trace, export_schedule
from envs.dag.generate import open_graph
from envs.dag.replay import Trace
from envs.dag.scenario import Scenario
from envs.dag.simulate import simulate

MACHINE = {"unit": "1", "resolution": 4, "comm": "tiles", "prefetch": 1, "workers": [
    {"type": "gpu", "memory": 160, "in": {"latency": 1, "bandwidth": 20}, "out": {"bandwidth": 20}},
    {"type": "cpu"}]}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run of two jobs under a tight memory, its tables as rows, its Chrome trace."""
    rows = [[0, {"format": "dag-1", "unit": "1", "resolution": 4, "tiles": {"spare": 1, "x": 100},
                 "tasks": [{"id": "begin", "virtual": True},
                           {"id": "a", "kind": "k", "duration": {"gpu": 3.25},
                            "access": [["x", "RW"]]},
                           {"id": "b", "duration": {"gpu": 2, "cpu": 90}},
                           {"id": "c", "duration": {"gpu": 1}}],
                 "edges": [["begin", "a"], ["a", "b", 40], ["b", "c", 120]]}],
            [6, {"format": "dag-1", "unit": "1", "resolution": 4,
                 "tasks": [{"id": "a", "duration": {"cpu": 5}}]}]]
    trace = Trace.from_rows(rows)
    result = simulate(Scenario.from_config({"machine": MACHINE}, "test"), trace, policy="mct_wait")
    folder = tmp_path_factory.mktemp("run") / "new"
    paths = export_schedule(result, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    tables = {}
    for name in ("tasks", "transfers", "evictions"):
        with (folder / f"{name}.csv").open(newline="") as file:
            tables[name] = list(csv.DictReader(file))
    return result, tables, json.loads((folder / "chrome_trace.json").read_text())


def test_tasks(written):
    result, tables, _ = written
    assert list(tables["tasks"][0]) == ["job", "task", "name", "kind", "worker", "ready",
                                        "assigned", "start", "finish"]
    assert [row["name"] for row in tables["tasks"]] == ["begin", "a", "b", "c", "a"]
    assert [row["kind"] for row in tables["tasks"]] == ["", "k", "", "", ""]
    assert [row["worker"] for row in tables["tasks"]] == ["-1", "0", "0", "0", "1"]
    for column in ("ready", "assigned", "start", "finish"):
        ticks = [float(row[column]) * 4 for row in tables["tasks"]]
        assert ticks == result.tasks[column].tolist()


def test_transfers_and_evictions(written):
    result, tables, _ = written
    assert list(tables["transfers"][0]) == ["tile", "src", "dst", "start", "end", "kind", "bytes"]
    assert list(tables["evictions"][0]) == ["time", "node", "tile", "dirty"]
    sizes = {"0/x": "100", "0/a>b": "40", "0/b>c": "120"}
    assert all(sizes[row["tile"]] == row["bytes"] for row in tables["transfers"])
    assert tables["transfers"][0]["tile"] == "0/x"
    kinds = [row["kind"] for row in tables["transfers"]]
    assert [kinds.count(k) for k in ("fetch", "stage", "writeback")] == result.moved.tolist()
    assert kinds.count("writeback") == sum(row["dirty"] == "1" for row in tables["evictions"]) > 0
    ends = [float(row["end"]) * 4 for row in tables["transfers"]]
    assert ends == result.transfers["end"].tolist()


def test_the_chrome_trace(written):
    result, tables, chrome = written
    spans = [e for e in chrome["traceEvents"] if e["ph"] == "X"]
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in chrome["traceEvents"]
             if e["name"] == "thread_name"}
    assert {names[e["pid"], e["tid"]] for e in spans} >= {"gpu 0", "cpu 1", "host -> gpu 0"}
    tasks = [e for e in spans if e["pid"] == 0]
    assert [(e["name"], e["ts"], e["dur"]) for e in tasks] == [
        (row["name"], float(row["start"]), float(row["finish"]) - float(row["start"]))
        for row in tables["tasks"] if row["worker"] != "-1"]
    moves = [e for e in spans if e["pid"] == 1]
    assert [(e["name"], e["args"]["bytes"]) for e in moves] == [
        (row["tile"], int(row["bytes"])) for row in tables["transfers"]]
    assert max(e["ts"] + e["dur"] for e in spans) == result.makespan / 4


def test_one_row_holds_one_thing_at_a_time_and_microseconds():
    scenario = Scenario.from_config({"machine": {"unit": "us", "workers": [
        {"type": "gpu", "count": 2, "preset": "k40", "memory_tiles": 6}, {"type": "cpu"}]}}, "test")
    graph = open_graph("cholesky(n=5,table=k40_960)", "test")
    result = simulate(scenario, Trace.of_graph(graph))
    spans = [e for e in chrome_trace(result)["traceEvents"] if e["ph"] == "X"]
    assert sum(e["pid"] == 0 for e in spans) == len(graph)
    assert sum(e["pid"] == 1 for e in spans) == len(result.transfers)
    for row in {(e["pid"], e["tid"]) for e in spans}:
        mine = sorted((e["ts"], e["ts"] + e["dur"]) for e in spans if (e["pid"], e["tid"]) == row)
        ends = np.array(mine)
        assert (ends[1:, 0] >= ends[:-1, 1] - 1e-6).all()
    assert max(e["ts"] + e["dur"] for e in spans if e["pid"] == 0) == result.makespan / 1000
