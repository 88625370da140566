"""Published tables: imported as the shared answers say, and what is refused."""
from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from envs.core.errors import TraceError
from envs.net2net.importers.peer import read_peer
from envs.net2net.replay import SHIPPED, read_recording
from tests.net2net_oracles import FOLDER, oracle
from tests.scripting import run

SOURCE = FOLDER / "peer_tables.csv.gz"
EXPECTED = oracle("peer_expected")["scenarios"]
LINES = gzip.decompress(SOURCE.read_bytes()).decode().splitlines()
TABLES = {table.cell.name: table for table in read_peer(SOURCE)}


def cut(tmp_path, *changes, rows=65, name="mine.csv"):
    """The rows of cnn1/early with cells (line, column, text) replaced."""
    lines = LINES[:rows]
    for line, column, text in changes:
        cells = lines[line - 1].split(",")
        cells[column] = text
        lines[line - 1] = ",".join(cells)
    path = tmp_path / name
    path.write_text("\n".join(lines))
    return path


def as_json(tmp_path, name="cnn1_early.json", **changes):
    """The same rows in the other shape."""
    rows = [line.split(",") for line in LINES[1:65]]
    content = {",".join(row[2:5]): {"timeleft": [float(x) for x in row[5:8]], "totaltime": 400,
                                    "acc": float(row[8])} for row in rows}
    content["0,0,0"].update(changes)
    path = tmp_path / name
    path.write_text(json.dumps(content))
    return path


def refused(path, message):
    with pytest.raises(TraceError) as error:
        read_peer(path)
    assert str(error.value).removeprefix(f"{path.parent}/") == message


@pytest.mark.parametrize("name", list(EXPECTED))
def test_accuracies_and_clocks_are_those_expected(name):
    table, expected = TABLES[name], EXPECTED[name]
    values = table.leaves["val_accuracy"][0]
    for letters, (accuracy, rank) in expected["fixed"].items():
        leaf = table.cell.leaf_of(["-ABC".index(letter) for letter in letters])
        assert values[leaf] == accuracy and 1 + (values > accuracy).sum() == rank
    assert values.mean() == pytest.approx(expected["uniform_random_mean"], abs=1e-9)
    assert int(values.argmax()) == expected["oracle"]["leaf"]
    clocks = [expected["node_clock_s"][str(node)] for node in range(21)] \
        if isinstance(expected["node_clock_s"], dict) else expected["node_clock_s"]
    assert table.nodes["clock"][0] / 1000 == pytest.approx(clocks, abs=1e-6)


def test_what_was_not_published_is_empty():
    table = TABLES["cnn2/late"]
    assert np.isnan(table.nodes["val_accuracy"]).all() and not table.measured
    assert (table.leaves["clock"] == 400_000).all() and np.isnan(table.leaves["steps"]).all()
    assert (table.leaves["val_accuracy"] == table.leaves["test_accuracy"]).all()
    assert not table.apart and not table.test_apart and table.profile == "flat"
    assert table.leaves["parameters"][0, 0] == 20778 and table.recorded.all()
    assert table.leaves["parameters"][0, table.cell.leaf_of((1, 1, 1))] == \
        20778 + 3 * (9 * 64 * 64 + 3 * 64)


def test_the_recording_that_ships_is_this_import(tmp_path, capsys):
    out = tmp_path / "published"
    assert run("import_trace", "env=net2net", f"source={SOURCE}", f"out={out}") == 0
    told = capsys.readouterr().out
    assert "cnn1/early: never 0.6221, mean 0.6895, best 0.7391 (2, 2, 1)" in told
    assert "validation and test" in told
    for path in sorted(out.glob("*.csv.gz")):
        assert path.read_bytes() == (SHIPPED / "published" / path.name).read_bytes()
    assert list(read_recording(out).tables) == list(TABLES)
    assert run("import_trace", "env=net2net", f"source={SOURCE}", f"out={out}") == 2
    assert "holds a recording already" in capsys.readouterr().err


def test_both_shapes_say_the_same(tmp_path):
    (table,) = read_peer(as_json(tmp_path))
    assert table.cell == TABLES["cnn1/early"].cell
    assert table.nodes.tobytes() == TABLES["cnn1/early"].nodes.tobytes()
    assert table.leaves.tobytes() == TABLES["cnn1/early"].leaves.tobytes()


def test_a_folder_of_files_is_imported_whole(tmp_path, capsys):
    folder, out = tmp_path / "mine", tmp_path / "out"
    folder.mkdir()
    argv = ["env=net2net", f"source={folder}", f"out={out}"]
    assert run("import_trace", *argv) == 2
    assert "holds no JSON file; name them like cnn1_early.json" in capsys.readouterr().err
    for name in ("cnn1_early.json", "cnn1_late.json"):
        as_json(folder, name)
    assert run("import_trace", *argv) == 0
    recording = read_recording(out)
    assert list(recording.tables) == ["cnn1/early", "cnn1/late"]
    assert list(recording.manifest["source"]) == ["cnn1_early.json", "cnn1_late.json"]


@pytest.mark.parametrize(("change", "message"), [
    ((3, 3, "4"), "mine.csv:3: p2 must be in 0..3, found '4'"),
    ((3, 4, "-1"), "mine.csv:3: p3 must be in 0..3, found '-1'"),
    ((3, 2, "1.5"), "mine.csv:3: p1 must be in 0..3, found '1.5'"),
    ((3, 5, "401"), "mine.csv:3: left1_s must be in 0..400, found '401'"),
    ((3, 5, "-1"), "mine.csv:3: left1_s must be in 0..400, found '-1'"),
    ((3, 6, "330"), "mine.csv:3: left2_s must be in 0..329.98 as before it, found '330'"),
    ((3, 8, "71"), "mine.csv:3: accuracy must be a number in [0, 1], found '71'"),
    ((3, 8, "nan"), "mine.csv:3: accuracy must be a number in [0, 1], found 'nan'"),
    ((3, 0, "cn1"), 'mine.csv:3: unknown network "cn1"; known: cnn1, cnn2'),
    ((3, 1, "erly"), 'mine.csv:3: unknown opening "erly"; known: early, early_middle, middle, '
     "middle_late, late"),
    ((3, 4, "0"), "mine.csv:3: cnn1/early has this sequence in line 2 too; give each of the 64 "
     "sequences once"),
    ((1, 8, "acc"), "mine.csv:1: missing column 'accuracy'; the file has model, scenario, p1, p2, "
     "p3, left1_s, left2_s, left3_s, acc"),
])
def test_what_a_table_may_not_be(tmp_path, change, message):
    refused(cut(tmp_path, change), message)


def test_a_table_needs_64_rows(tmp_path):
    refused(cut(tmp_path, rows=64), "mine.csv: cnn1/early has 63 rows; give each of the 64 "
            "sequences once")
    refused(cut(tmp_path, rows=1), "mine.csv: the table has no rows; give it 64 rows per network")


@pytest.mark.parametrize(("changes", "message"), [
    ({"totaltime": 300}, "cnn1_early.json: 0,0,0: totaltime must be 400, found '300'"),
    ({"acc": "x"}, "cnn1_early.json: 0,0,0: acc must be a number in [0, 1], found 'x'"),
    ({"timeleft": [330, 331, 300]},
     "cnn1_early.json: 0,0,0: timeleft[1] must be in 0..330 as before it, found '331'"),
])
def test_what_json_may_not_be(tmp_path, changes, message):
    refused(as_json(tmp_path, **changes), message)


def test_json_that_names_no_network(tmp_path):
    refused(as_json(tmp_path, "mine.json"), 'mine.json: unknown network "mine"; known: cnn1, cnn2')
    path = tmp_path / "cnn1_late.json"
    path.write_text('{"0,4,0": {"timeleft": [1, 1, 1], "totaltime": 400, "acc": 0.5}}')
    refused(path, "cnn1_late.json: 0,4,0: p2 must be in 0..3, found '4'")
    path.write_text('{"0,0": {"timeleft": [1, 1, 1], "totaltime": 400, "acc": 0.5}}')
    assert_form(path, "cnn1_late.json: 0,0: is no sequence of three actions")
    path.write_text('{"0,0,0": {"timeleft": [1, 1], "totaltime": 400, "acc": 0.5}}')
    assert_form(path, "cnn1_late.json: 0,0,0: timeleft must be three numbers")
    path.write_text('{"0,0,0": {"acc": 0.5}}')
    assert_form(path, "cnn1_late.json: 0,0,0: needs timeleft, totaltime and acc")
    path.write_text("[]")
    assert_form(path, "cnn1_late.json: holds no mapping")


def assert_form(path, message):
    refused(path, message + '; write {"0,3,1": {"timeleft": [330, 318, 306], "totaltime": 400, '
            '"acc": 0.71}, ...}')


@pytest.mark.parametrize("name", ["data.pkl", "data.csv"])
def test_pickles_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\x80\x04}\x94.")
    refused(path, f"{name}: pickle files are not loaded (they run code); convert to CSV or JSON")


def test_nothing_is_left_of_a_bad_source(tmp_path, capsys):
    out = tmp_path / "out"
    source = cut(tmp_path, (3, 3, "4"))
    assert run("import_trace", "env=net2net", f"source={source}", f"out={out}") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "mine.csv:3: p2 must be in 0..3, found '4'" in error
    assert not out.exists()
    assert run("import_trace", "env=net2net", f"source={tmp_path / 'no.csv'}", f"out={out}") == 2
    assert "no.csv: no such file" in capsys.readouterr().err
