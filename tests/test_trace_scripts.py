"""The scripts around traces: generate, import, fetch; what they print, write and refuse."""
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from envs.blis.replay import read_trace
from envs.cluster.replay import read_trace as read_jobs
from envs.core.errors import SuiteError
from tests.scripting import ROOT, load, run


def test_generate_writes_a_trace_and_its_recipe(tmp_path, capsys):
    out, recipe = tmp_path / "t.parquet", tmp_path / "t.yaml"
    argv = ["preset=low_load", "seed=7", "scale=0.5", "duration_s=20"]
    assert run("generate_trace", *argv, f"out={out}", f"recipe={recipe}") == 0
    assert f"{len(read_trace(out))} requests of 9 families" in capsys.readouterr().out
    again = tmp_path / "again.csv"
    assert run("generate_trace", f"config={recipe}", f"out={again}") == 0
    assert read_trace(again).arrival_ms.tolist() == read_trace(out).arrival_ms.tolist()


def test_generate_lists_measures_and_refuses(tmp_path, capsys):
    assert run("generate_trace") == 0 and "zipf_flat_bursty" in capsys.readouterr().out
    for argv, message in ((["preset=low_lod"], 'did you mean "low_load"'),
                          (["preset=low_load", "seeds=1"], 'did you mean "seed"'),
                          (["preset=low_load", "duration_s=0"], "duration_s: 0 is no valid"),
                          (["preset=low_load", f"config={tmp_path}"], "give one"),
                          (["preset=low_load", f"out={tmp_path / 't.txt'}"], "name it *.csv"),
                          (["env=net2net"], "make them with scripts/record_net2net.py")):
        assert run("generate_trace", *argv) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_import_turns_a_folder_into_a_table(tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "x.txt").write_text("0,0,300\n10,0,300\n")
    out = tmp_path / "mine.csv"
    argv = [f"source={folder}", f"out={out}", "rename=x:bert", "time_scale=0.5"]
    assert run("import_trace", *argv) == 0
    assert out.read_text() == "arrival_ms,family,slo_ms\n0,bert,300\n5,bert,300\n"
    (folder / "x.txt").write_text("10,0,300\n0,0,300\n")
    out.unlink()
    assert run("import_trace", *argv) == 2
    assert "x.txt, line 2, column arrival_ms: 0.0 goes back" in capsys.readouterr().err
    assert not out.exists()


def test_generate_writes_jobs(tmp_path, capsys):
    out, recipe = tmp_path / "t.parquet", tmp_path / "t.yaml"
    argv = ["env=cluster", "preset=load-shift-64", "seed=7", "scale=0.5", "jobs=50"]
    assert run("generate_trace", *argv, f"out={out}", f"recipe={recipe}") == 0
    assert "load-shift-64: 50 jobs" in capsys.readouterr().out
    again = tmp_path / "again.csv"
    assert run("generate_trace", "env=cluster", f"config={recipe}", f"out={again}") == 0
    assert read_jobs(again).arrival_s.tolist() == read_jobs(out).arrival_s.tolist()
    assert run("generate_trace", "env=cluster") == 0 and "blox-2024" in capsys.readouterr().out
    assert run("generate_trace", *argv, "duration_s=3") == 2
    assert "generate_trace.duration_s: unknown key" in capsys.readouterr().err
    assert run("generate_trace", "env=clusters") == 2
    assert 'did you mean "cluster"' in capsys.readouterr().err


GAVEL = "LM\tpython x\t--steps\t1\t500\t30.0\t1\nLM\tpython x\t--steps\t1\t500\t20.0\t2\n"


def test_import_writes_jobs_and_what_the_source_tells_of_the_cluster(tmp_path, capsys):
    source, out, cluster = (tmp_path / n for n in ("mine.trace", "mine.csv", "mine.yaml"))
    source.write_text(GAVEL)
    rates = tmp_path / "throughputs.json"
    rates.write_text('{"v100": {"(\'LM\', 1)": {"null": 5.0}}}')
    argv = ["env=cluster", f"source={source}", f"out={out}"]
    assert run("import_trace", *argv, f"cluster={cluster}") == 0
    told = capsys.readouterr().out
    assert "1 of 2 jobs" in told and "1 dropped: no throughput" in told and "add nodes" in told
    assert out.read_text() == "arrival_s,gpus,duration_s,class\n0,1,100,LM x1\n"
    assert yaml.safe_load(cluster.read_text()) == {
        "types": ["v100"], "classes": [{"name": "LM x1", "speed": [1.0]}]}
    out.unlink()
    for more, message in (([f"throughputs={out}"], "mine.csv: no such file"),
                          (["format=gavl"], 'did you mean "gavel"'),
                          (["qos_levels=2"], "qos_levels=...: is no key of env=cluster"),
                          (["env=clus"], "the key is given twice")):
        assert run("import_trace", *argv, *more) == 2
        assert message in capsys.readouterr().err and not out.exists()
    own = tmp_path / "own.csv"
    own.write_text("arrival_s,gpus,duration_s\n0,1,1\n")
    assert run("import_trace", "env=cluster", f"source={own}", f"out={out}", "cluster=x.yaml") == 2
    assert "tells nothing of the cluster" in capsys.readouterr().err and not out.exists()


@pytest.fixture
def published(tmp_path):
    """A published trace of two files, served from a folder."""
    source = tmp_path / "server"
    source.mkdir()
    (source / "a.txt").write_text("0,0,300\n")
    (source / "b.txt").write_text("1,0,300\n")
    digest = hashlib.sha256(b"0,0,300\n").hexdigest()
    return {"base": source.as_uri() + "/", "files": {"a.txt": digest, "b.txt": None}}


def test_fetch_downloads_checks_and_keeps(tmp_path, published):
    fetch, folder = load("get_traces").fetch, tmp_path / "data"
    found = fetch(published, folder)
    assert sorted(p.name for p in folder.iterdir()) == ["a.txt", "b.txt"] == sorted(found)
    assert found["a.txt"] == published["files"]["a.txt"]
    assert fetch({**published, "base": "file:///nowhere/"}, folder) == found   # there already
    (folder / "a.txt").write_text("changed")
    with pytest.raises(SuiteError, match=r"a\.txt: the file there already has sha256"):
        fetch(published, folder)


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_a_failed_download_leaves_nothing(tmp_path, published, fault):
    source = Path(published["base"].removeprefix("file://"))
    if fault == "missing":
        (source / "b.txt").unlink()
        message = "cannot be downloaded .* without a network: fetch it elsewhere"
    else:
        (source / "a.txt").write_text("damaged")
        message = "as downloaded has sha256"
    with pytest.raises(SuiteError, match=message):
        load("get_traces").fetch(published, tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("env", ["blis", "cluster", "dag", "net2net"])
def test_get_traces_lists(env, monkeypatch, capsys):
    monkeypatch.delenv("SCHED_DATA", raising=False)
    assert run("get_traces", f"env={env}") == 0
    listed = capsys.readouterr().out
    for entry in yaml.safe_load((ROOT / f"traces/{env}/published.yaml").read_text()).values():
        assert entry["licence"] in listed and entry["size"] in listed
        assert entry["base"].startswith("https://") and entry["base"].endswith("/")
        assert all("/" not in name for name in entry["files"])


def test_get_traces_names_mistakes(monkeypatch, capsys):
    monkeypatch.delenv("SCHED_DATA", raising=False)
    for argv, message in ((["env=blos"], 'did you mean "blis"'),
                          (["name=azur"], 'did you mean "azure"'),
                          (["name=azure"], "set SCHED_DATA to a folder, or give out=FOLDER")):
        assert run("get_traces", *argv) == 2
        assert message in capsys.readouterr().err


def test_the_command_line_itself():
    def started(*argv):
        return subprocess.run([sys.executable, "scripts/generate_trace.py", *argv], cwd=ROOT,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
                              text=True)

    taught = started("--help")
    assert taught.returncode == 0 and "curve:" in taught.stdout and "seed=" in taught.stdout
    failed = started("preset=none")
    assert failed.returncode == 2 and "Traceback" not in failed.stderr
    assert "Traceback" in started("preset=none", "debug=true").stderr
