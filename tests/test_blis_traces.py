"""Traces: the reader, every refused input, windows and the split, importers, workloads."""
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.blis.generate import config_of, generate, presets
from envs.blis.replay import ARRAYS, Trace, read_trace, write_trace
from envs.blis.workloads import FIRST_SEED, SHIPPED, open_workload, workload_names
from envs.core.errors import TraceError

AZURE = Path(os.environ.get("SCHED_DATA", "nowhere")) / "blis"
ROWS = [[0.0, "b", 300.0, 0, 100.0], [12.5, "a", 200.0, 1, 80.0], [12.5, "b", 250.0, 0, 100.0]]


def _scenario(families=("a", "b"), **options):
    known = {"default_slo_ms": None, "qos": SimpleNamespace(levels=1), "rename": {},
             "time_scale": 1.0}
    return SimpleNamespace(options=SimpleNamespace(**known | options),
                           profile=[SimpleNamespace(family=f) for f in families])


def _equal(a, b):
    assert a.families == b.families
    for name in ARRAYS:
        x, y = getattr(a, name), getattr(b, name)
        assert x.dtype == y.dtype and x.tolist() == y.tolist(), name
    assert a.extra.keys() == b.extra.keys()
    assert all(a.extra[name].tolist() == b.extra[name].tolist() for name in a.extra)


def _write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def _table(folder, text, name="t.csv"):
    (folder / name).write_text(text)
    return folder / name


requests = st.lists(
    st.tuples(st.integers(0, 4000).map(lambda n: n / 4), st.sampled_from("abc"),
              st.sampled_from([50.0, 300.0]), st.integers(0, 1), st.sampled_from([0.0, 99.5])),
    min_size=1, max_size=40).map(sorted)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".json"])
@settings(max_examples=20, deadline=None)
@given(rows=requests)
def test_written_traces_are_read_back(tmp_path_factory, suffix, rows):
    trace = Trace.from_rows(rows)
    path = tmp_path_factory.mktemp("t") / f"t{suffix}"
    write_trace(trace, path)
    _equal(read_trace(path, qos_levels=2), trace)


@settings(max_examples=60, deadline=None)
@given(rows=requests, length=st.integers(1, 400).map(float))
def test_windows_and_parts_keep_every_request(rows, length):
    trace = Trace.from_rows(rows)
    starts = np.arange(0.0, trace.end_ms + 1, length)
    windows = [trace.window(s, length) for s in starts]
    assert sum(map(len, windows)) == len(trace)
    moved = [w.arrival_ms + s for w, s in zip(windows, starts, strict=True)]
    assert np.concatenate(moved).tolist() == trace.arrival_ms.tolist()
    assert all(w.families == trace.families for w in windows)
    parts = trace.split()
    assert sum(map(len, parts)) == len(trace)
    assert np.concatenate([p.family for p in parts]).tolist() == trace.family.tolist()
    if trace.end_ms:
        assert all((p.arrival_ms <= share * trace.end_ms + 1e-6).all()
                   for p, share in zip(parts, (0.7, 0.1, 0.2), strict=True))


def test_rows_become_a_trace():
    trace = Trace.from_rows(ROWS)
    assert trace.families == ("a", "b") and trace.family.tolist() == [1, 0, 1]
    assert trace.family_slo_ms() == {"a": 200.0, "b": 250.0}
    assert trace.mean_demand() == {"a": 80.0, "b": 160.0}
    assert Trace.from_rows([[1, "x", 5]]).accuracy.tolist() == [100.0]
    named = Trace.from_rows(ROWS, ["z", "b", "a"])
    assert named.families == ("z", "b", "a") and named.family.tolist() == [1, 2, 1]
    assert named.family_slo_ms() == trace.family_slo_ms()


HEAD = "arrival_ms,family,slo_ms,qos,accuracy\n"
REFUSED = {
    "empty": (HEAD, "no rows"),
    "too few fields": (HEAD + "1,a,300,0\n", "line 2: 4 fields instead of 5"),
    "unknown column": ("arrival,family,slo_ms\n1,a,3\n",
                       'unknown column "arrival"; did you mean "arrival_ms"'),
    "missing column": ("arrival_ms,slo_ms\n1,3\n", 'no column "family"'),
    "time is text": (HEAD + "1,a,300,0,100\nnow,a,300,0,100\n", "line 3, column arrival_ms"),
    "time is nan": (HEAD + "nan,a,300,0,100\n", "line 2, column arrival_ms"),
    "time is infinite": (HEAD + "inf,a,300,0,100\n", "line 2, column arrival_ms"),
    "time is negative": (HEAD + "-1,a,300,0,100\n", "line 2, column arrival_ms: -1.0 is negative"),
    "time goes back": (HEAD + "5,a,300,0,100\n4,a,300,0,100\n", "line 3, column arrival_ms: 4.0 "
                       "goes back in time; sort"),
    "no allowance": (HEAD + "1,a,0,0,100\n", "line 2, column slo_ms: 0.0 is not positive"),
    "level too high": (HEAD + "1,a,300,2,100\n", "line 2, column qos: 2 is outside 0..1"),
    "level negative": (HEAD + "1,a,300,-1,100\n", "line 2, column qos: -1 is outside 0..1"),
    "accuracy too high": (HEAD + "1,a,300,0,101\n", "column accuracy: 101.0 is outside 0..100"),
    "accuracy negative": (HEAD + "1,a,300,0,-1\n", "column accuracy"),
    "no default": ("arrival_ms,family\n1,a\n", "line 2: no slo_ms; give every request one"),
    "one without": ("arrival_ms,family,slo_ms\n1,a,3\n2,a,\n", "line 3: no slo_ms"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_tables_are_refused(tmp_path, case):
    text, message = REFUSED[case]
    path = _table(tmp_path, text)
    with pytest.raises(TraceError) as caught:
        read_trace(path, qos_levels=2)
    assert message in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(("row", "message"), [
    ([1, "a"], "row 2: 2 fields instead of 3"), ([None, "a", 3], "row 2, column arrival_ms"),
    ([float("nan"), "a", 3], "row 2, column arrival_ms"), ([1, "a", 3, 0.5], "column qos"),
    ([0.5, "a", 3], "goes back in time"), ([1, "a", -3], "column slo_ms"),
])
def test_bad_rows_are_refused(row, message):
    with pytest.raises(TraceError, match=message):
        Trace.from_rows([[1, "a", 3], row])
    with pytest.raises(TraceError, match="empty"):
        Trace.from_rows([])


def test_truncated_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "t.parquet"
    write_trace(Trace.from_rows(ROWS), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TraceError, match=r"t\.parquet: not readable as Parquet"):
        read_trace(path)
    with pytest.raises(TraceError, match="no such file"):
        read_trace(tmp_path / "none.csv")


def test_defaults_names_and_time_scale(tmp_path):
    path = _table(tmp_path, "arrival_ms,family,slo_ms\n10,x,\n20,y,50\n")
    trace = read_trace(path, default_slo_ms=300, rename={"x": "b", "y": "a"}, time_scale=0.5)
    assert trace.name == "t" and trace.families == ("a", "b")
    assert trace.family.tolist() == [1, 0] and trace.slo_ms.tolist() == [300.0, 50.0]
    assert trace.arrival_ms.tolist() == [5.0, 10.0]


def test_text_folder_is_merged_by_time_then_file_then_line(tmp_path):
    folder = _write(tmp_path, b="# comment\n1,0,300\n\n2.5,0,300\n2.5,0,301\n",
                    a="2.5,1,100\n", empty="\n")
    trace = read_trace(folder)
    assert trace.families == ("a", "b") and trace.family.tolist() == [1, 0, 1, 1]
    assert trace.slo_ms.tolist() == [300.0, 100.0, 300.0, 301.0]
    assert trace.qos.tolist() == [0, 0, 0, 0]       # one level: the flag is ignored


def test_text_flags(tmp_path):
    folder = _write(tmp_path, a="1,1,300\n2,80.5,300\n3,1,300,70\n4,80.5,300,60\n")
    trace = read_trace(folder, qos_levels=2)
    assert trace.qos.tolist() == [1, 0, 1, 0]
    assert trace.accuracy.tolist() == [100.0, 80.5, 70.0, 60.0]


@pytest.mark.parametrize(("text", "message"), [
    ("1,0\n", "line 1: 2 fields instead of 3 or 4"), ("1,0,300\nx,0,300\n", "line 2, column t_ms"),
    ("1,high,300\n", "line 1, column flag"), ("2,0,300\n#\n1,0,300\n", "line 3, column arrival_ms"),
    ("1,0,nan\n", "line 1, column slo_ms"), ("1,0,300,x\n", "line 1, column accuracy"),
    ("1,0,\n", "line 1: no slo_ms"), ("1,2,300\n", "line 1, column qos"), ("\n", "no file holds"),
])
def test_bad_text_files_are_refused(tmp_path, text, message):
    with pytest.raises(TraceError, match=message):
        read_trace(_write(tmp_path, a=text), qos_levels=2)


AZURE_HEAD = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"


def _azure(folder):
    (folder / "AzureLLMInferenceTrace_code.csv").write_text(
        AZURE_HEAD + "2023-11-16 18:00:00.0000001,10,1\r\n2023-11-16 18:00:01.5000000,20,2")
    (folder / "AzureLLMInferenceTrace_conv.csv").write_text(
        AZURE_HEAD + "2023-11-16 18:00:00.0000000,30,3\r\n2023-11-17 00:00:00+00:00,40,4\r\n")
    return folder


def test_azure_files(tmp_path):
    trace = read_trace(_azure(tmp_path), default_slo_ms=300, rename={"code": "t5"})
    assert trace.families == ("conv", "t5") and trace.family.tolist() == [0, 1, 1, 0]
    assert trace.arrival_ms.tolist() == [0.0, 0.0001, 1500.0, 6 * 3600e3]
    assert trace.extra["context_tokens"].tolist() == [30, 10, 20, 40]
    write_trace(trace, tmp_path / "t.parquet")
    _equal(read_trace(tmp_path / "t.parquet"), trace)
    alone = read_trace(tmp_path / "AzureLLMInferenceTrace_code.csv", default_slo_ms=1)
    assert alone.families == ("code",) and alone.arrival_ms[0] == 0.0
    with pytest.raises(TraceError, match="set default_slo_ms"):
        read_trace(tmp_path / "AzureLLMInferenceTrace_code.csv")


def test_bad_azure_stamp_is_named(tmp_path):
    path = _table(tmp_path, AZURE_HEAD + "2023-11-16 18:00:00,1,1\nyesterday,1,1\n")
    with pytest.raises(TraceError, match='line 3, column TIMESTAMP: "yesterday"'):
        read_trace(path, default_slo_ms=1)
    with pytest.raises(TraceError, match="the folder holds no trace"):
        read_trace((tmp_path / "x").mkdir() or tmp_path / "x")


@pytest.mark.skipif(not AZURE.is_dir(), reason="SCHED_DATA does not name the downloaded data")
def test_the_real_azure_files(monkeypatch):
    workload = open_workload("azure@10", _scenario(("t5", "gpt2"), default_slo_ms=300.0))
    assert workload.families == ("gpt2", "t5") and len(workload.trace) == 28185
    assert np.bincount(workload.trace.family).tolist() == [19366, 8819]
    assert workload.trace.end_ms == pytest.approx(351324.7426)
    assert sum(len(w.trace) for w in workload.part("test", length_ms=1e4)) > 3000


def test_azure_needs_the_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("SCHED_DATA", raising=False)
    with pytest.raises(TraceError, match=r"SCHED_DATA: .* scripts/get_traces.py"):
        open_workload("azure", _scenario())
    monkeypatch.setenv("SCHED_DATA", str(tmp_path))
    with pytest.raises(TraceError, match="no folder"):
        open_workload("azure", _scenario())


def test_parts_of_a_recorded_workload():
    rows = [[float(t), "ab"[t // 10 % 2], 300.0] for t in range(0, 1001, 10)]
    workload = open_workload(Trace.from_rows(rows, name="mine"), _scenario())
    assert len(workload.training_trace()) == 70
    assert workload.mean_demand() == pytest.approx({"a": 50.0, "b": 50.0})
    windows = workload.part("test", length_ms=50)
    assert [w.name for w in windows] == ["mine#0.8s", "mine#0.85s", "mine#0.9s", "mine#0.95s"]
    assert [len(w.trace) for w in windows] == [5] * 4
    assert len({w.seed for w in windows}) == 4 and windows[0].seed == FIRST_SEED["test"]
    assert [w.seed - FIRST_SEED["test"] for w in workload.part("test", 2, 50)] == [0, 3]
    assert [len(w.trace) for w in workload.part("test")] == [21]        # shorter than the default
    assert [len(w.trace) for w in workload.part("validation")] == [10]
    assert all(w.trace.families == ("a", "b") for w in windows)
    with pytest.raises(TraceError, match='unknown part "tests"; did you mean "test"'):
        workload.part("tests")


def test_a_part_without_requests_is_an_error():
    workload = open_workload(Trace.from_rows([[9e3, "a", 300], [9001, "a", 300]]), _scenario())
    with pytest.raises(TraceError, match="no request falls into the train part"):
        workload.training_trace()
    assert len(workload.part("test")[0].trace) == 2


def test_parts_of_a_generated_workload():
    families = presets()["low_load"].families
    workload = open_workload("low_load", _scenario(families))
    windows = workload.part("test", 2, 5000)
    assert [w.seed for w in windows] == [1_000_000, 1_000_001]
    assert [w.name for w in windows] == ["low_load#1000000", "low_load#1000001"]
    again = generate(presets()["low_load"], 1_000_001, "low_load").window(0, 5000)
    _equal(windows[1].trace, again)
    assert workload.part("train", 1)[0].seed == 0
    assert workload.part("validation", 1)[0].seed == 500_000
    assert workload.family_slo_ms["gpt2"] == 650.0 and workload.family_slo_ms["t5"] == 300.0
    train = workload.training_trace()
    assert (np.diff(train.arrival_ms) >= 0).all()
    assert len(train) == sum(len(w.trace) for w in workload.part("train", 4))
    assert sum(workload.mean_demand().values()) == pytest.approx(259, rel=0.05)


def test_factors_scale_the_rate():
    families = presets()["low_load"].families
    mean = {name: sum(open_workload(name, _scenario(families)).mean_demand().values())
            for name in ("low_load", "low_load@3")}
    assert mean["low_load@3"] == pytest.approx(3 * mean["low_load"], rel=0.02)
    once, twice = (open_workload(n, _scenario(families)) for n in ("sine_gamma", "sine_gamma@2"))
    assert twice.name == "sine_gamma@2"
    assert (twice.trace.arrival_ms * 2 == once.trace.arrival_ms).all()
    with pytest.raises(TraceError, match='"fast" is no factor'):
        open_workload("low_load@fast", _scenario())


def test_unknown_names_and_families():
    with pytest.raises(TraceError, match='did you mean "low_load"'):
        open_workload("low_lod", _scenario())
    with pytest.raises(TraceError, match=r"families c; rename them .* a, b"):
        open_workload(Trace.from_rows([[1, "c", 3], [2, "a", 3]]), _scenario())
    assert {"zipf_small", "sine_gamma", "azure", "normal-high_load"} <= set(workload_names())


@pytest.mark.parametrize("recipe", sorted(SHIPPED.glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_traces_are_what_their_recipes_make(recipe):
    if recipe.stem == "published":
        known = yaml.safe_load(recipe.read_text())
        text = (SHIPPED / "README.md").read_text()
        assert all(f"`{name}`" in text for name in known)
        return
    (path,) = [p for p in SHIPPED.glob(f"{recipe.stem}.*") if p != recipe]
    assert path.stat().st_size < 200_000
    made = generate(config_of(yaml.safe_load(recipe.read_text())), name=recipe.stem)
    _equal(read_trace(path), replace(made, extra={}))
