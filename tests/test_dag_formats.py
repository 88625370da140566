"""dag-1 and CSV folders: the shared answers, round trips, defaults, files that are no graphs."""
from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.core.errors import TraceError
from envs.dag.formats import graph_from, read_graph, to_dag1, write_graph
from envs.dag.generate import open_graph
from envs.dag.graph import Graph, canonical_text, checksum
from tests.dag_oracles import oracle

CASES = {case["format"]: case for case in oracle("formats")["cases"]}
CSV = CASES["csv (unit us)"]
CALLS = ("cholesky(n=4,table=k40_960)", "layered(n=20,seed=3)", "montage(w=3)", "qr(n=3)",
         "layered(n=12,seed=1,data=tiles)")


def folder(path: Path, tables: dict[str, str], packed: bool = False) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in tables.items():
        content = gzip.compress(text.encode()) if packed else text.encode()
        (path / (name + ".gz" * packed)).write_bytes(content)
    return path


def same(graph: Graph, case: dict) -> None:
    assert canonical_text(graph) == case["canonical"] and checksum(graph) == case["checksum"]
    carried = zip(graph.src.tolist(), graph.dst.tolist(), graph.carried.tolist(), strict=True)
    assert [list(edge) for edge in carried] == case["matrix_bytes"]


def test_dag1_agrees_with_the_shared_answer():
    same(graph_from(CASES["dag-1"]["input"]), CASES["dag-1"])


@pytest.mark.parametrize("packed", [False, True])
def test_csv_agrees_with_the_shared_answer(packed, tmp_path):
    same(read_graph(folder(tmp_path / "tables", CSV["input"], packed), "us"), CSV)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["graph.json", "graph.json.gz", "graph"])
def test_writing_and_reading_keeps_the_canonical_text(call, name, tmp_path):
    graph = open_graph(call, "test")
    write_graph(graph, tmp_path / name)
    again = read_graph(tmp_path / name, graph.unit, graph.resolution)
    assert canonical_text(again) == canonical_text(graph)
    assert again.carried.tolist() == graph.carried.tolist()
    assert again.tiles == graph.tiles and again.listed.tolist() == graph.listed.tolist()


times = st.dictionaries(st.sampled_from(["cpu", "gpu", "npu"]),
                        st.integers(0, 10**9) | st.floats(0, 1e6), min_size=1)


@pytest.mark.filterwarnings("ignore:.*is rounded to whole ticks")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), times), min_size=1, max_size=6),
       st.sampled_from(["s", "ms", "us", "ns", "1"]), st.data())
def test_any_graph_survives_dag1(tasks, unit, data):
    pairs = [(i, j) for j in range(len(tasks)) for i in range(j)]
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True) if pairs else st.just([]))
    graph = graph_from({
        "format": "dag-1", "unit": unit,
        "tasks": [{"id": i, "kind": kind, "duration": duration}
                  for i, (kind, duration) in enumerate(tasks)],
        "edges": [[str(i), j, 7 * i] for i, j in chosen]})
    again = graph_from(json.loads(json.dumps(to_dag1(graph))))
    assert canonical_text(again) == canonical_text(graph)
    assert again.listed.tolist() == graph.listed.tolist()


def test_kinds_that_last_the_same_are_written_once():
    content = to_dag1(open_graph("cholesky(n=3)", "test"))
    assert content["kinds"]["gemm"] == {"cpu": 95, "gpu": 3}
    assert all("duration" not in task for task in content["tasks"])


def test_a_null_of_a_task_takes_the_duration_of_its_kind_away():
    graph = graph_from({
        "format": "dag-1", "kinds": {"k": {"cpu": 1, "gpu": 2}},
        "tasks": [{"id": "a", "kind": "k"}, {"id": "b", "kind": "k", "duration": {"gpu": None}}]})
    assert graph.unit == "s" and graph.duration.tolist() == [[10**9, 2 * 10**9], [10**9, -1]]
    assert checksum(graph_from(to_dag1(graph))) == checksum(graph)


def test_times_are_rounded_half_up_to_ticks():
    with pytest.warns(UserWarning, match=r"'0': 0\.125 on 'cpu' is rounded .* greater than 4"):
        graph = graph_from({"format": "dag-1", "unit": "1", "resolution": 4, "tasks": [
            {"id": i, "duration": {"cpu": x}} for i, x in enumerate((0.125, 0.124, 2, 0.375))]})
    assert graph.duration.ravel().tolist() == [1, 0, 8, 2]
    assert to_dag1(graph)["resolution"] == 4


TASK = '{"id": "a", "duration": {"cpu": 1}}'


@pytest.mark.parametrize("text, match", [
    ("", "line 1: not JSON"), ("[]", "holds no object"), ('{"format": "dag-1",\n}', "line 2: not"),
    ('{"format": "dag-1", "tsks": []}', 'tsks: unknown key; did you mean "tasks"'),
    ('{"format": "dag-1", "tiles": {"X": 1, "X": 2}, "tasks": []}', "'X' is listed twice"),
    ('{"format": "dag-1", "tiles": [1]}', "tiles: must be an object"),
    ('{"format": "dag-1", "tasks": {}}', "tasks: must be a list"),
    ('{"format": "dag-1", "tasks": [1]}', r"tasks\[0\]: must be an object with an id"),
    ('{"format": "dag-1", "tasks": [{"id": "a", "acess": []}]}', "task 'a': acess: unknown key"),
    ('{"format": "dag-1", "tasks": [{"id": "a", "virtual": 1}]}', "virtual must be true or false"),
    ('{"format": "dag-1", "tasks": [{"id": "a", "kind": 3}]}', "kind must be a name"),
    ('{"format": "dag-1", "tasks": [{"id": "a", "access": ["X"]}]}', r"must be \[tile, mode\]"),
    ('{"format": "dag-1", "kinds": {"k": 3}, "tasks": []}', "kind 'k': must be an object"),
    ('{"format": "dag-1", "kinds": {"k": {"cpu": -1}}}', "kind 'k': duration on 'cpu'.*found -1"),
    ('{"format": "dag-1", "unit": "ms", "resolution": 2}', "no effect with unit ms"),
    ('{"format": "dag-1", "unit": "1", "resolution": 0}', "resolution: must be an integer >= 1"),
    ('{"format": "dag-1", "tasks": [' + TASK + '], "edges": [["a"]]}', r"edges\[0\]: must be"),
    ('{"format": "dag-1", "unit": "s", "tasks": [{"id": "a", "duration": {"cpu": 1e300}}]}',
     r"more than 2\*\*60 ticks"),
    ('{"format": "dag-1", "tasks": [{"id": "a", "duration": {"cpu": NaN}}]}', "found nan"),
    ('{"format": "dag-1", "tasks": [{"id": "a", "duration": {"cpu": true}}]}', "found True"),
    ('{"format": "dag-1", "tiles": {"X": 1e30}, "tasks": []}', r"2\*\*60 bytes"),
])
def test_a_mistake_in_json_is_one_line_that_names_the_file(text, match, tmp_path):
    path = tmp_path / "my.json"
    path.write_text(text)
    with pytest.raises(TraceError, match=match) as error:
        read_graph(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("table, row, match", [
    ("tasks.csv", "q,log,-1,", r"tasks.csv, line 6: task 'q': duration on 'cpu'.*found -1"),
    ("tasks.csv", "q,log,fast,", "line 6: task 'q': duration on 'cpu'.*found fast"),
    ("tasks.csv", "q,log,,", "task 'q': no duration on any device"),
    ("tasks.csv", "p,log,1,", "line 6: task 'p': id already used"),
    ("tiles.csv", "A,4", "tiles.csv, line 5: tile 'A'"),
    ("tiles.csv", "C,0", "tile 'C': bytes must be an integer >= 1, found 0"),
    ("access.csv", "nobody,A,R", "access.csv, line 6: unknown task 'nobody'"),
    ("access.csv", "l,Q,R", "task 'l': unknown tile 'Q'"),
    ("access.csv", "end,A,R", "task 'end': a virtual task has no duration and no access"),
    ("edges.csv", "p,2,3", "edges.csv, line 6: edge p -> 2: listed twice"),
    ("edges.csv", "p,end,-3", "bytes must be an integer >= 0, found -3"),
    ("edges.csv", "p", "line 6: 1 fields instead of 3"),
])
def test_a_mistake_in_a_table_names_its_line(table, row, match, tmp_path):
    tables = {**CSV["input"], table: CSV["input"][table] + row + "\n"}
    with pytest.raises(TraceError, match=match):
        read_graph(folder(tmp_path / "tables", tables), "us")


def test_tables_need_their_header(tmp_path):
    with pytest.raises(TraceError, match=r"tasks\.csv"):
        read_graph(folder(tmp_path / "none", {}))
    with pytest.raises(TraceError, match=r"the header must be id,kind and one column"):
        read_graph(folder(tmp_path / "bare", {"tasks.csv": "name,cpu\na,1\n"}))
    with pytest.raises(TraceError, match="the header must be src,dst,bytes, found a,b"):
        read_graph(folder(tmp_path / "wrong", {**CSV["input"], "edges.csv": "a,b\n1,2\n"}))


def test_edges_need_no_column_of_bytes(tmp_path):
    tables = {"tasks.csv": "id,kind,cpu\na,,1\nb,,2\n", "edges.csv": "src,dst\na,b\n"}
    graph = read_graph(folder(tmp_path / "plain", tables))
    assert graph.payload.tolist() == [0] and graph.kinds == ()


def test_what_names_no_format_is_refused(tmp_path):
    with pytest.raises(TraceError, match="does not say its format"):
        read_graph(tmp_path / "graph.dot")
    with pytest.raises(TraceError, match="no such file"):
        read_graph(tmp_path / "graph.json")
