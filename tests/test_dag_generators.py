"""Generators of task graphs: closed forms, the shared checksums, and how calls are written."""
from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from envs.core.errors import ScenarioError
from envs.dag.features import critical_path
from envs.dag.formats import read_graph, write_graph
from envs.dag.generate import (
    GENERATORS,
    config_of,
    example,
    generate,
    open_graph,
    parse_call,
    per_episode,
    preset,
    presets,
)
from envs.dag.generator.config import changed
from envs.dag.generator.kernel_times import MEASURED
from envs.dag.generator.measure import describe, least_work
from envs.dag.graph import canonical_text, checksum
from envs.dag.replay import read_trace, write_trace
from tests.dag_oracles import oracle
from tests.scripting import ROOT, run

CASES = oracle("generators")


def _made(text: str):
    return open_graph(text, "test")


@pytest.mark.parametrize("case", CASES["graphs"], ids=lambda case: case["call"])
def test_shared_graphs(case):
    graph = _made(case["call"])
    work = {y: int(graph.duration[:, i][graph.duration[:, i] >= 0].sum())
            for i, y in enumerate(graph.types)}
    found = {"tasks": len(graph), "edges": len(graph.src), "tiles": len(graph.tiles),
             "bytes": int(graph.tile_bytes.sum()), "payload": int(graph.payload.sum()),
             "work": work, "critical_path": critical_path(graph, least_work(graph)),
             "checksum": checksum(graph)}
    assert found == {key: case[key] for key in found}


@pytest.mark.parametrize("case", CASES["graphs"][:24], ids=lambda case: case["call"])
def test_a_graph_survives_its_files(case, tmp_path):
    graph = _made(case["call"])
    for target in ("graph.json.gz", "tables"):
        write_graph(graph, tmp_path / target)
        again = read_graph(tmp_path / target, graph.unit, graph.resolution)
        assert checksum(again) == case["checksum"]


@pytest.mark.parametrize("call", CASES["canonical_text"])
def test_shared_texts(call):
    assert canonical_text(_made(call)) == CASES["canonical_text"][call]


@pytest.mark.parametrize("n", range(1, 13))
def test_closed_forms_of_tiled_algebra(n):
    """Tasks, edges, critical path and total in units of nb^3/3 operations."""
    forms = {
        "cholesky": (n * (n + 1) * (n + 2) // 6, n * (n - 1) * (n + 1) // 2,
                     9 * n - 10 if n > 1 else 1, n**3),
        "lu": (n * (n + 1) * (2 * n + 1) // 6, n * (n - 1) * (2 * n + 1) // 2, 11 * n - 9,
               2 * n**3),
        "qr": (n * (n + 1) * (2 * n + 1) // 6, n * (n - 1) * (2 * n + 1) // 2,
               30 * n - 34 if n > 1 else 4, 4 * n**3),
    }
    for name, form in forms.items():
        graph = _made(f"{name}(n={n},table=flops_{name})")
        assert (len(graph), len(graph.src), critical_path(graph, least_work(graph)),
                int(graph.duration[:, 0].sum())) == form
        assert graph.order.tolist() == list(range(len(graph)))


def test_closed_forms_of_structures():
    forms = {
        "fork_join(stages=4,width=3)": (1 + 4 * 4, 24), "chain(n=1)": (1, 0), "chain(n=9)": (9, 8),
        "out_tree(depth=4,arity=3)": (121, 120), "in_tree(depth=4,arity=3)": (121, 120),
        "out_tree(depth=5,arity=1)": (6, 5), "in_tree(depth=0,arity=2)": (1, 0),
        "grid(rows=5,cols=7)": (35, 2 * 35 - 12), "fft(m=1)": (1, 0), "fft(m=32)": (63 + 160, 382),
        "gauss_elim(m=9)": ((81 + 9 - 2) // 2, 81 - 9 - 1), "gauss_elim(m=2)": (2, 1),
        "gemm(m=3,n=4,k=5)": (60, 48), "montage(w=9)": (38, None),
        "epigenomics(lanes=3,splits=4)": (57, 65), "layered(n=33)": (33, None),
    }
    for call, (tasks, edges) in forms.items():
        graph = _made(call)
        assert len(graph) == tasks, call
        assert edges is None or len(graph.src) == edges, call
    assert critical_path(_made("gemm(m=3,n=4,k=5)"), np.ones(60, np.int64)) == 5


def test_layers_reach_back_no_further_than_jump():
    graph = _made("layered(n=80,width=4,density=0.4,jump=2,seed=5)")
    from_source = np.zeros(80, np.int64)
    for i in graph.order:
        before = graph.src[graph.dst == i]
        from_source[i] = from_source[before].max() + 1 if len(before) else 0
    starts = [int(np.flatnonzero(from_source == x)[0]) for x in range(from_source.max() + 1)]
    layer = np.searchsorted(starts, np.arange(80), "right") - 1
    assert all(a < b for a, b in pairwise(starts))
    assert set((layer[graph.dst] - layer[graph.src]).tolist()) == {1, 2}


def test_the_banded_product_and_an_empty_one():
    graph = _made("spgemm(m=4,n=4,k=4,pattern=banded,band=0,seed=3)")
    assert graph.ids == ("gemm_0_0_0", "gemm_1_1_1", "gemm_2_2_2", "gemm_3_3_3")
    with pytest.raises(ScenarioError, match="no product of two blocks"):
        _made("spgemm(m=1,n=1,k=1,density=0.0)")


def test_every_episode_has_a_graph():
    """Half of the seeds draw no product of these blocks; the others are taken as they are."""
    call, fixed, kept = "spgemm(m=2,n=2,k=2,seed=episode)", "spgemm(m=2,n=2,k=2,seed={})", 0
    for seed in range(40):
        graph = open_graph(call, "test", episode_seed=seed)
        assert len(graph) and checksum(graph) == checksum(open_graph(call, "", episode_seed=seed))
        try:
            same = checksum(_made(fixed.format(seed)))
        except ScenarioError:
            continue
        assert same == checksum(graph)
        kept += 1
    assert 0 < kept < 40
    with pytest.raises(ScenarioError, match="no product of two blocks"):
        open_graph("spgemm(m=1,n=1,k=1,density=0.0,seed=episode)", "test", episode_seed=3)


def test_a_million_tasks():
    graph = _made("cholesky(n=181)")
    assert (len(graph), len(graph.src)) == (181 * 182 * 183 // 6, 181 * 180 * 182 // 2)
    assert graph.ids[-1] == "potrf_180" and graph.operand_tile[-1] == 181 * 182 // 2 - 1


def test_measured_tables_serve_lu():
    for table, (potrf, trsm, _, gemm) in MEASURED.items():
        graph = _made(f"lu(n=2,table={table})")
        assert graph.unit == "us" and (graph.duration / 1000).tolist() == [
            list(row) for row in (potrf, trsm, trsm, gemm, potrf)]
    with pytest.raises(ScenarioError, match="no kernel times 'k40_960'"):
        _made("qr(n=2,table=k40_960)")
    with pytest.raises(ScenarioError, match='did you mean "readys_lu"'):
        _made("lu(n=2,table=readys_l)")


def test_types_and_their_speed():
    graph = _made("erdos(n=20,p=0.2,types=p0/p1/p2,speedup=1/1,beta=0,wmin=7,wmax=7)")
    assert graph.types == ("p0", "p1", "p2") and (graph.duration == 7).all()
    one = _made("chain(n=3,types=cpu)")
    assert one.types == ("cpu",) and one.duration.shape == (3, 1)


@pytest.mark.parametrize(("call", "message"), [
    ("cholesky", '"cholesky" is a generator; write cholesky'),
    ("cholesky()", 'the parameter "n" is missing; write cholesky(n=...)'),
    ("choleski(n=3)", 'unknown generator "choleski"; did you mean "cholesky"'),
    ("cholesky(m=3)", 'unknown parameter "m"'),
    ("cholesky(n=3,seed=1)", 'unknown parameter "seed"'),
    ("cholesky(n=3,n=4)", '"n=4" is given twice'),
    ("cholesky(3)", '"3" is no key=value'),
    ("cholesky(n=0)", "n: 0 is no valid integer; give an integer >= 1"),
    ("cholesky(n=2.5)", "n: 2.5 is no valid integer"),
    ("cholesky(n=two)", "n: 'two' is no valid integer"),
    ("erdos(n=3,p=1.5)", "p: 1.5 is no valid number"),
    ("fft(m=6)", "must be a power of two, found 6"),
    ("gauss_elim(m=1)", "must be at least 2, found 1"),
    ("montage(w=1)", "give an integer >= 2"),
    ("chain(n=3,data=rows)", 'unknown value "rows"; valid: edges, tiles'),
    ("chain(n=3,wmin=5,wmax=4)", "a range must not end before it begins"),
    ("chain(n=3,seed=-1)", "seed: -1 is no valid integer"),
    ("chain(n=3,seed=episode)", "seed=episode has no meaning without an episode"),
    ("spgemm(m=2,n=2,k=2,bmin=9,bmax=8)", "9 to 8 is no range"),
])
def test_bad_calls(call, message):
    with pytest.raises(ScenarioError) as caught:
        _made(call)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_calls_as_text():
    text = " layered( n = 12 , density=0.5,seed=episode ) "
    assert parse_call(text, "") == ("layered", {"n": 12, "density": 0.5, "seed": "episode"})
    assert per_episode(text) and not per_episode("layered(n=12)") and not per_episode("x.json")
    first, again, other = (open_graph(text, "", episode_seed=s) for s in (4, 4, 5))
    assert checksum(first) == checksum(again) != checksum(other)
    assert checksum(first) == checksum(_made("layered(n=12,density=0.5,seed=4)"))
    assert first.source == text and first.name == "layered_12"
    assert all(example(name).startswith(f"{name}(") for name in GENERATORS)


def test_streams(tmp_path):
    trace = generate(preset("tiled-stream"), seed=3, name="mine")
    assert len(trace) == 40 and trace.unit == "us" and len(trace.graphs) == 4
    write_trace(trace, tmp_path / "mine.csv")
    again = read_trace(tmp_path / "mine.csv")
    assert again.arrival.tolist() == trace.arrival.tolist()
    assert [job.graph.source for job in again.jobs] == [job.graph.source for job in trace.jobs]
    twice = generate(preset("tiled-stream").scaled(2), seed=3)
    assert twice.arrival == pytest.approx(trace.arrival / 2, abs=40)
    assert "40 jobs of 4 graphs" in describe(trace) and "56 tasks" in describe(trace.jobs[0].graph)


def test_the_load_of_a_stream():
    config = {"graphs": ["chain(n=5)", "fft(m=8)"], "weights": [1, 3], "load": 0.6, "workers": 3,
              "jobs": 4000}
    trace = generate(config)
    work = sum(int(least_work(job.graph).sum()) for job in trace.jobs)
    assert work / (3 * trace.end) == pytest.approx(0.6, rel=0.08)
    assert changed(config_of(config)) == config
    rate = generate({"graphs": ["chain(n=5)"], "rate": 0.01, "jobs": 2000})
    assert np.diff(rate.arrival).mean() == pytest.approx(100, rel=0.06)


def test_a_stream_of_graphs_in_several_units(tmp_path):
    """The table is in the unit of the graph that arrives first, wherever it is listed."""
    slow, fast = str(tmp_path / "slow.json"), "cholesky(n=4,table=k40_960)"
    Path(slow).write_text(json.dumps({"format": "dag-1", "unit": "ms", "tasks": [
        {"id": 1, "duration": {"cpu": 100}}]}))
    for weights in ([1, 0], [2, 1], [1, 3], [0, 1]):
        trace = generate({"graphs": [slow, fast], "weights": weights, "load": 0.5, "workers": 2,
                          "jobs": 4000, "seed": 1})
        write_trace(trace, tmp_path / "mixed.csv")
        again = read_trace(tmp_path / "mixed.csv")
        assert again.unit == trace.jobs[0].graph.unit
        assert again.arrival.tolist() == trace.arrival.tolist()
        work = sum(int(least_work(job.graph).sum()) for job in trace.jobs)
        assert work / (2 * trace.end) == pytest.approx(0.5, rel=0.08)
    with pytest.raises(ScenarioError, match="all '1' with one resolution"):
        generate({"graphs": [slow, "chain(n=2)"], "rate": 1})


@pytest.mark.parametrize(("config", "message"), [
    ({}, "no graphs"), ({"graphs": ["chain(n=2)"]}, "give either rate or load"),
    ({"graphs": ["chain(n=2)"], "rate": 1, "load": 1}, "give either rate or load"),
    ({"graphs": ["chain(n=2)"], "rate": 1, "weights": [1, 2]}, "2 weights for 1 graphs"),
    ({"graphs": ["chain(n=2)"], "rate": 0}, "rate: 0 is no valid number"),
    ({"graphs": ["chain(n=2)"], "rate": 1, "weights": [0]}, "the weights sum to 0"),
    ({"graph": ["chain(n=2)"]}, 'did you mean "graphs"'),
])
def test_bad_streams(config, message):
    with pytest.raises(ScenarioError, match=message):
        config_of(config, "test")


def test_presets_have_a_name():
    assert set(presets()) >= {"tiled-stream", "workflow-stream"}
    with pytest.raises(ScenarioError, match='did you mean "tiled-stream"'):
        preset("tiled-streams")


@pytest.mark.parametrize("name", ["tiled_stream", "workflow_stream"])
def test_shipped_traces_are_made_by_their_recipes(name):
    folder = ROOT / "traces" / "dag"
    made = generate(yaml.safe_load((folder / f"{name}.yaml").read_text()))
    kept = read_trace(folder / f"{name}.csv")
    assert kept.arrival.tolist() == made.arrival.tolist()
    assert [job.graph.source for job in kept.jobs] == [job.graph.source for job in made.jobs]


def test_the_commands(tmp_path, capsys):
    out, recipe = tmp_path / "t.csv", tmp_path / "t.yaml"
    argv = ["env=dag", "preset=random-stream", "seed=7", "scale=0.5", "jobs=30"]
    assert run("generate_trace", *argv, f"out={out}", f"recipe={recipe}") == 0
    assert "random-stream: 30 jobs of 4 graphs" in capsys.readouterr().out
    again = tmp_path / "again.csv"
    assert run("generate_trace", "env=dag", f"config={recipe}", f"out={again}") == 0
    assert again.read_text() == out.read_text()
    assert run("generate_trace", "env=dag") == 0 and "tiled-stream" in capsys.readouterr().out
    assert run("generate_trace", *argv, "duration_s=3") == 2
    assert "duration_s: unknown key" in capsys.readouterr().err
