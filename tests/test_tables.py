"""Tables: every format reads back what was written, and bad cells are named by line and column."""
import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.core.errors import ScenarioError, SuiteError, TraceError
from envs.core.tables import Column, read_table, write_table

SCHEMA = {"time": Column(float), "who": Column(str), "level": Column(int, default=0)}
SUFFIXES = (".csv", ".csv.gz", ".parquet", ".json")
NAMES = st.text("abcé _-.,\"'", min_size=1, max_size=6).filter(lambda s: s == s.strip())


def _file(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(st.floats(0, 1e12), NAMES, st.integers(-(2**40), 2**40)),
                     min_size=1, max_size=20))
def test_what_is_written_is_read(tmp_path_factory, suffix, rows):
    path = tmp_path_factory.mktemp("t") / f"t{suffix}"
    time, who, level = (list(c) for c in zip(*rows, strict=True))
    write_table(path, {"time": time, "who": who, "level": level})
    table = read_table(path, SCHEMA)
    assert table["time"].tolist() == time
    assert table["who"].tolist() == who
    assert table["level"].tolist() == level
    names, codes = table.coded("who")
    assert list(names) == sorted(set(who)) and [names[c] for c in codes] == who


def test_types_and_defaults(tmp_path):
    table = read_table(_file(tmp_path, "who,time\na, 1e3 \nb,0x\n".replace("0x", "2")), SCHEMA)
    assert table["time"].dtype == np.float64 and table["time"].tolist() == [1000.0, 2.0]
    assert table["level"].dtype == np.int64 and table["level"].tolist() == [0, 0]
    assert table.given == {"who", "time"}


def test_empty_cells_take_the_default(tmp_path):
    table = read_table(_file(tmp_path, "time,who,level\n1,a,\n2,b,3.0\n"), SCHEMA)
    assert table["level"].tolist() == [0, 3]


def test_byte_order_mark_blank_lines_and_line_ends(tmp_path):
    path = _file(tmp_path, "\ufefftime,who\r\n\r\n1,a\r\n\r\n2,\r\n")
    with pytest.raises(TraceError, match="line 5, column who: the cell is empty"):
        read_table(path, SCHEMA)


BAD = {
    "empty file": ("", "file is empty"),
    "only a header": ("time,who\n", "no rows"),
    "not a number": ("time,who\n1,a\nx,b\n", 'line 3, column time: "x" is not a finite number'),
    "not finite": ("time,who\n1,a\ninf,b\n", "line 3, column time"),
    "nan": ("time,who\nNaN,a\n", "line 2, column time"),
    "fraction": ("time,who,level\n1,a,0.5\n", 'column level: "0.5" is not an integer'),
    "too many fields": ("time,who\n1,a\n2,b,3\n", "line 3: 3 fields instead of 2"),
    "too few fields": ('time,who\n1,"a"\n2\n', "line 3: 1 fields instead of 2"),
    "missing column": ("time\n1\n", 'no column "who"; found: time'),
    "unknown column": ("time,who,levl\n1,a,0\n", 'unknown column "levl"; did you mean "level"'),
    "column twice": ("time,who,who\n1,a,b\n", 'names "who" twice'),
    "empty cell": ("time,who\n,a\n", "line 2, column time: the cell is empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_cells_are_named(tmp_path, case):
    text, message = BAD[case]
    path = _file(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        read_table(path, SCHEMA, error=ScenarioError)
    assert message in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    rows = 200
    write_table(path, {"time": np.arange(rows) / 7, "who": ["a"] * rows})
    content = path.read_bytes()
    for keep in (10, len(content) // 2, len(content) - 4):
        path.write_bytes(content[:keep])
        if suffix == ".csv" and keep > 10:
            continue                    # a shorter text table may be valid
        with pytest.raises(TraceError, match=path.name.replace(".", r"\.")):
            read_table(path, SCHEMA)


def test_other_files_are_refused(tmp_path):
    for name, content in (("t.txt", "x"), ("t.parquet", "time,who\n1,a\n"), ("t.csv.gz", "x"),
                          ("t.csv", b"time,who\n1,\xff\n"), ("t.json", '{"time": 3}'),
                          ("t.json", '[{"time": true, "who": "a"}]')):
        with pytest.raises(TraceError, match="t\\."):
            read_table(_file(tmp_path, content, name), SCHEMA)
    with pytest.raises(TraceError, match="no such file"):
        read_table(tmp_path / "none.csv", SCHEMA)


def test_equal_tables_are_equal_files(tmp_path):
    for name in ("a.csv.gz", "b.csv.gz"):
        write_table(tmp_path / name, {"time": [1.0, 2.5]})
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == b"time\n1.0\n2.5\n"


def test_a_failed_write_leaves_nothing(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(SuiteError, match="cannot be written"):
        write_table(tmp_path / "taken" / "t.csv", {"time": [1.0]})
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(SuiteError, match="cannot be written"):
        write_table(tmp_path / "t.csv", {"time": [1.0]})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "taken"]


def test_refuse_names_the_first_bad_row(tmp_path):
    table = read_table(_file(tmp_path, "time,who\n1,a\n-2,b\n-3,c\n"), SCHEMA)
    with pytest.raises(TraceError, match=r"line 3, column time: -2\.0 is negative; start at 0"):
        table.refuse(table["time"] < 0, "time", "is negative", "start at 0")
    table.refuse(table["time"] > 5, "time", "never raised")
