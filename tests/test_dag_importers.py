"""Graphs of other people's formats: the shared cases, and what is refused."""
from __future__ import annotations

import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from envs.core.errors import ScenarioError, SuiteError, TraceError
from envs.dag.formats import graph_from, read_graph, to_dag1, write_graph
from envs.dag.graph import canonical_text, checksum
from envs.dag.importers import FORMATS, ImportOptions, import_graph, recognise
from envs.dag.importers.tpch import read_tpch
from tests.dag_oracles import oracle
from tests.scripting import run

SHARED = oracle("formats")
CASES = {case["format"]: case for case in SHARED["cases"]}


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _decima(folder: Path, content: dict) -> Path:
    np.save(folder / "adj_mat_1.npy", np.array(content["adj"]))
    stages = {int(s): {wave: {int(e): x for e, x in samples.items()}
                       for wave, samples in stage.items()}
              for s, stage in content["durations"].items()}
    np.save(folder / "task_duration_1.npy", np.array(stages, object))
    return folder / "adj_mat_1.npy"


def _source(folder: Path, name: str) -> tuple[Path, ImportOptions]:
    """The files of a shared case and what else the importer is told."""
    content = CASES[name]["input"]
    if name == "stg":
        return _write(folder / "mine.stg", content), ImportOptions()
    if name == "wfformat":
        return (_write(folder / "mine.json", json.dumps(content)),
                ImportOptions(speedup=SHARED["wfformat_options"]["speedup"]))
    if name.startswith("decima"):
        return (_decima(folder, CASES["decima"]["input"]),
                ImportOptions(max_tasks=content.get("max_tasks")))
    if name == "edges":
        rows = [",".join("" if x is None else str(x) for x in row) for row in content["costs"]]
        costs = _write(folder / "costs.csv", "\n".join(rows))
        return (_write(folder / "mine.txt", content["edges"]),
                ImportOptions(costs=costs, resolution=content["resolution"]))
    if name == "dag-1":
        return _write(folder / "mine.json", json.dumps(content)), ImportOptions()
    for table, text in content.items():
        _write(folder / "mine" / table, text)
    return folder / "mine", ImportOptions(unit="us")


@pytest.mark.parametrize("name", CASES)
def test_shared_cases(name, tmp_path):
    graph = import_graph(*_arguments(tmp_path, name))
    case = CASES[name]
    assert canonical_text(graph) == case["canonical"] and checksum(graph) == case["checksum"]
    assert np.stack([graph.src, graph.dst, graph.carried], 1).tolist() == case["matrix_bytes"]


def _arguments(folder: Path, name: str) -> tuple[Path, None, ImportOptions]:
    path, options = _source(folder, name)
    return path, None, options


@pytest.mark.parametrize("name", CASES)
def test_import_export_import_is_the_identity(name, tmp_path):
    text = CASES[name]["canonical"]
    graph = import_graph(*_arguments(tmp_path, name))
    assert canonical_text(graph_from(to_dag1(graph))) == text
    for target in ("again.json", "again.json.gz", "again"):
        write_graph(graph, tmp_path / target)
        again = read_graph(tmp_path / target, graph.unit, graph.resolution)
        assert canonical_text(again) == text


def test_formats_are_told_apart(tmp_path):
    (tmp_path / "folder").mkdir()
    assert recognise(tmp_path / "folder") == "dag-1"
    for name, text, form in (
            ("a.stg", "", "stg"), ("a.json", '{"schemaVersion": "1.5"}', "wfformat"),
            ("b.json", '{"format": "dag-1"}', "dag-1"), ("a.npy", "", "tpch"),
            ("edges.txt", "", "edges"), ("a.stg.gz", "", "stg")):
        assert recognise(_write(tmp_path / name, text)) == form and form in FORMATS
    with pytest.raises(TraceError, match="no such file"):
        import_graph(tmp_path / "none.stg")
    with pytest.raises(TraceError, match='unknown format "sgt"; did you mean "stg"'):
        import_graph(tmp_path / "a.stg", "sgt")
    assert len(import_graph("chain(n=4)")) == 4


STG = "2\n0 0 0\n1 3 1 0\n2 4 2 0 1 # last\n3 0 1 2\n"


@pytest.mark.parametrize(("old", "new", "message"), [
    ("3 0 1 2\n", "", "line 4: 3 rows, 4 are announced"),
    ("3 0 1 2\n", "3 0 1 2\n\n4 1 0\n", "line 7: surplus row, 4 are announced"),
    ("4 2 0 1", "4 1 0 1", "line 4: task 2: 1 predecessors announced, 2 found"),
    ("4 2 0 1", "4 2 0", "line 4: task 2: 2 predecessors announced, 1 found"),
    ("4 2 0 1", "4 2 0 9", "line 4: edge 9 -> 2: unknown task '9'"),
    ("4 2 0 1", "4 2 0 0", "line 4: edge 0 -> 2: listed twice"),
    ("4 2 0 1", "4 2 0 2", "line 4: edge 2 -> 2: a task cannot depend on itself"),
    ("2 4 2", "5 4 2", "line 4: id 5 in row 2"),
    ("2 4 2", "2 -4 2", "line 4: task '2': duration on 'cpu' must be a finite number >= 0, found"),
    ("2 4 2", "2 soon 2", "line 4: task '2': duration on 'cpu' must be a finite number"),
    ("2 4 2 0 1", "2 4", "line 4: 2 fields, a row is"),
    ("2\n0", "2 tasks\n0", "line 1: the first row must be the number of tasks, found 2 fields"),
    ("2\n0", "two\n0", "line 1: the number of tasks must be an integer >= 0, found two"),
    ("1 3 1 0", "1 3 1 2", "cycle: 1 -> 2 -> 1"),
    ("2\n0", "9" * 5000 + "\n0", "line 1: the number of tasks must be an integer >= 0, found 99"),
])
def test_bad_stg(tmp_path, old, new, message):
    path = _write(tmp_path / "x.stg", STG.replace(old, new, 1))
    with pytest.raises(TraceError) as caught:
        import_graph(path)
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_empty_files(tmp_path):
    with pytest.raises(TraceError, match="the file is empty"):
        import_graph(_write(tmp_path / "x.stg", "# nothing\n"))
    with pytest.raises(TraceError, match="no tasks"):
        import_graph(_write(tmp_path / "e.txt", ""), options=ImportOptions(
            costs=_write(tmp_path / "c.csv", "")))


@pytest.mark.parametrize(("edges", "costs", "message"), [
    ("0 1\n", "1,2\n1\n", "c.csv, line 2: 1 cells instead of 2"),
    ("0\n", "1\n1\n", "e.txt, line 1: 1 fields"),
    ("0 2\n", "1\n1\n", "e.txt, line 1: edge 0 -> 2: unknown task '2'"),
    ("# two\n0 1 -3\n", "1\n1\n", "e.txt, line 2: edge 0 -> 1: bytes must be an integer >= 0"),
    ("0 1\n", "1,1\n,\n", "c.csv, line 2: task '1': no duration on any device"),
    ("0 1\n", "1\nx\n", "c.csv, line 2: task '1': duration on 'p0' must be a finite number"),
])
def test_bad_edge_lists(tmp_path, edges, costs, message):
    options = ImportOptions(costs=_write(tmp_path / "c.csv", costs))
    with pytest.raises(TraceError) as caught:
        import_graph(_write(tmp_path / "e.txt", edges), options=options)
    assert message in str(caught.value)
    with pytest.raises(TraceError, match="give costs=FILE"):
        import_graph(tmp_path / "e.txt")


def _workflow(change=lambda content: None) -> str:
    content = json.loads(json.dumps(CASES["wfformat"]["input"]))
    change(content["workflow"])
    return json.dumps(content)


def _drop_execution(workflow):
    workflow["execution"]["tasks"].pop()


def _drop_file(workflow):
    del workflow["specification"]["files"][1]


def _strange_parent(workflow):
    workflow["specification"]["tasks"][0]["parents"].append("p9")


def _loop(workflow):
    workflow["specification"]["tasks"][0]["children"] = ["p1"]


def _negative(workflow):
    workflow["execution"]["tasks"][0]["runtimeInSeconds"] = -1


def _text_runtime(workflow):
    workflow["execution"]["tasks"][0]["runtimeInSeconds"] = "long"


def _twice(workflow):
    workflow["specification"]["tasks"].append(workflow["specification"]["tasks"][0])


def _no_size(workflow):
    del workflow["specification"]["files"][0]["sizeInBytes"]


def _no_list(workflow):
    workflow["execution"]["tasks"] = [3]


def _no_tasks(workflow):
    workflow["specification"]["tasks"] = None


def _number_as_parents(workflow):
    workflow["specification"]["tasks"][0]["parents"] = 3


def _text_as_files(workflow):
    workflow["specification"]["tasks"][0]["inputFiles"] = "ab"


@pytest.mark.parametrize(("change", "message"), [
    (_drop_execution, "task 'm': no execution entry with a runtimeInSeconds"),
    (_drop_file, "unknown tile 'b'"), (_strange_parent, "task 'm': unknown task 'p9' in parents"),
    (_loop, "cycle: m -> p1 -> m"), (_negative, "must be a finite number >= 0, found -1"),
    (_text_runtime, "must be a finite number >= 0, found long"),
    (_twice, "the id 'm' is given twice"),
    (_no_size, "tile 'a': bytes must be an integer >= 1, found None"),
    (_no_list, "must be lists of objects"), (_no_tasks, "must be lists of objects"),
    (_number_as_parents, "task 'm': parents must be a list, found 3"),
    (_text_as_files, "task 'm': inputFiles must be a list, found \"ab\""),
])
def test_bad_workflows(tmp_path, change, message):
    path = _write(tmp_path / "w.json", _workflow(change))
    with pytest.raises(TraceError) as caught:
        import_graph(path)
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_other_json_and_unknown_kinds(tmp_path):
    path = _write(tmp_path / "w.json", '{"schemaVersion": "1.3", "workflow": {"tasks": []}}')
    with pytest.raises(TraceError, match=r"no workflow\.specification"):
        import_graph(path)
    with pytest.raises(TraceError, match="line 1"):
        import_graph(_write(tmp_path / "v.json", '{"schemaVersion":'))
    path = _write(tmp_path / "w.json", _workflow())
    with pytest.raises(ScenarioError, match='no task has the kind "parts"; did you mean "part"'):
        import_graph(path, options=ImportOptions(speedup={"parts": 2.0}))
    with pytest.raises(ScenarioError, match=r"speedup\.part: 0 is no valid number"):
        import_graph(path, options=ImportOptions(speedup={"part": 0}))


def test_names_of_workflows_are_cleaned(tmp_path):
    def rename(workflow):
        for part in (workflow["specification"], workflow["execution"]):
            for task in part["tasks"]:
                task["id"] = {"m": "m x", "p1": "p:1", "p2": "p,2"}[task["id"]]
        tasks = workflow["specification"]["tasks"]
        tasks[0]["parents"], tasks[1]["children"] = ["p:1", "p,2"], ["m x"]
        tasks[2]["children"], tasks[2]["name"] = [], "part 2-7"

    graph = import_graph(_write(tmp_path / "w.json", _workflow(rename)))
    assert graph.ids == ("p_1", "p_2", "m_x") and graph.kinds == ("part", "part_2", "merge")


class _Foreign:
    def __reduce__(self):
        return print, ("run",)


def _object_file(path: Path, value, protocol: int = 4) -> Path:
    """A .npy file of one pickled object, whatever it holds."""
    array = np.empty((), object)
    array[()] = value
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    path.write_bytes(file.getvalue() + pickle.dumps(array, protocol))
    return path


WAVES = {"first_wave": {2: [1.0, 3.0]}, "rest_wave": {2: []}}


@pytest.mark.parametrize(("content", "message"), [
    ({0: _Foreign()}, "names builtins.print"), ({0: {1, 2}}, "it holds a set"),
    ({0: np.dtype("i4").type}, "names numpy.int32"), ([1, 2], "holds a list instead of a dict"),
    ({0: b"x"}, "it holds a bytes"), ({0: np.array(["x"])}, "values of type U1"),
    ({0: np.array([None])}, "it holds a NoneType"), ({0: True}, "it holds a bool"),
    (np.array([(1, 2)], "i4,i4"), "values of type V8"),
    ({0: (1, 2)}, "it holds a tuple"),
    ({0: {}}, "stage 0: no first_wave"), ({1: WAVES}, "stages 1 instead of 0 to 0"),
    ({0: {"first_wave": {2: []}, "rest_wave": {2: [], 3: [5]}}}, "no task under 2 executors"),
    ({0: {"first_wave": {2: [-1]}, "rest_wave": {}}}, "finite number >= 0, found -1"),
    ({0: {"first_wave": {2: ["x"]}, "rest_wave": {}}}, "no first_wave and rest_wave with samples"),
])
def test_bad_decima_files(tmp_path, content, message, capsys):
    np.save(tmp_path / "adj_mat_1.npy", np.zeros((1, 1), int))
    _object_file(tmp_path / "task_duration_1.npy", content)
    with pytest.raises(TraceError) as caught:
        import_graph(tmp_path / "adj_mat_1.npy")
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""        # nothing of the file ran


def test_the_matrix_of_decima(tmp_path):
    _object_file(tmp_path / "task_duration_1.npy", {0: WAVES})
    path = tmp_path / "adj_mat_1.npy"
    for matrix, message in ((np.zeros((1, 2)), r"shape \(1, 2\) is no square matrix"),
                            (np.zeros(3), "is no square matrix"), (np.array("text"), "no square")):
        np.save(path, matrix)
        with pytest.raises(TraceError, match=message):
            import_graph(path)
    path.write_bytes(b"\x93NUMPY\x01\x00 truncated")
    with pytest.raises(TraceError, match=r"adj_mat_1\.npy: cannot be read"):
        import_graph(path)
    _object_file(path, [[0]])
    assert len(import_graph(path)) == 3


def test_numpy_numbers_and_python_2_files(tmp_path):
    np.save(tmp_path / "adj_mat_1.npy", np.zeros((1, 1), int))
    durations = tmp_path / "task_duration_1.npy"
    _object_file(durations, {np.int64(0): {"first_wave": {np.int32(2): np.array([1.0, 2.5])},
                                           "rest_wave": {2: [np.float64(4.0)]}}})
    graph = read_tpch(tmp_path / "adj_mat_1.npy", durations)
    assert graph.ids == ("s0_t0", "s0_t1", "s0_t2", "s0_done")
    assert graph.duration[:3, 0].tolist() == [2_500_000] * 3
    head = durations.read_bytes().split(b"\x80\x04")[0]
    durations.write_bytes(head + _python_2())
    graph = read_tpch(tmp_path / "adj_mat_1.npy", durations)
    assert graph.duration[:2, 0].tolist() == [200_500_000] * 2


def _python_2() -> bytes:
    """{0: {first_wave: {2: [200.0, 201.0]}, rest_wave: {2: []}}} as numpy wrote it in Python 2,
    whose texts are bytes; the second sample is a numpy scalar."""
    number = struct.pack("<d", 201.0)
    scalar = (b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8K\x00K\x01\x87R"
              b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x08" + number + b"\x86R")
    first = b"U\nfirst_wave}K\x02](G" + struct.pack(">d", 200.0) + scalar + b"es"
    return b"\x80\x02}K\x00}(" + first + b"U\trest_wave}K\x02]sus."


def test_the_command(tmp_path, capsys):
    source, out = _write(tmp_path / "x.stg", STG), tmp_path / "x.json"
    assert run("import_trace", "env=dag", f"source={source}", f"out={out}") == 0
    told = capsys.readouterr().out
    assert "x: 4 tasks" in told and f"wrote {out}" in told
    assert len(read_graph(out)) == 4 and read_graph(out).virtual.tolist() == [1, 0, 0, 1]
    assert run("import_trace", "env=dag", "source=lu(n=3)", f"out={tmp_path / 'lu'}") == 0
    assert checksum(read_graph(tmp_path / "lu", "1")) == checksum(import_graph("lu(n=3)"))
    out.unlink()
    for more, message in (([f"format={out}"], "unknown format"), (["speedup=a"], "is no mapping"),
                          (["cluster=x"], "cluster=...: is no key of env=dag"),
                          (["resolution=0", "format=edges"], "give costs=FILE")):
        assert run("import_trace", "env=dag", f"source={source}", f"out={out}", *more) == 2
        assert message in capsys.readouterr().err and not out.exists()


def test_errors_are_of_the_suite():
    assert issubclass(TraceError, SuiteError)
