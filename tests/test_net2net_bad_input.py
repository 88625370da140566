"""Every row of what recordings may not be: one error with file, line and remedy."""
from __future__ import annotations

import pytest

from envs.core.errors import SuiteError, TraceError
from envs.net2net.manifest import FILE
from envs.net2net.replay import read_recording
from tests.net2net_recordings import change, change_manifest, write_recording

LEAVES, NODES = "digits@600_depth.leaves.csv", "digits@600_depth.nodes.csv"


@pytest.fixture
def folder(tmp_path):
    return write_recording(tmp_path / "mine", seeds=2)


def message_of(folder) -> str:
    with pytest.raises(TraceError) as error:
        read_recording(folder)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{folder}/")


def cell_at(row: int, column: int, text: str):
    """Replace one cell of a table, rows counted as lines."""

    def edit(lines):
        cells = lines[row - 1].split(",")
        cells[column] = text
        return [*lines[:row - 1], ",".join(cells), *lines[row:]]

    return edit


@pytest.mark.parametrize(("line", "message"), [
    (7, f"{LEAVES}:7: seed 0 has no leaf 5; record it again"),
    (17, f"{LEAVES}:17: seed 0 has no leaf 15; record it again"),
    (23, f"{LEAVES}:23: seed 1 has no leaf 5; record it again"),
    (33, f"{LEAVES}:33: seed 1 has no leaf 15; record it again"),
])
def test_a_missing_row(folder, line, message):
    change(folder, LEAVES, lambda lines: lines[:line - 1] + lines[line:])
    assert message_of(folder) == message


def test_a_row_that_is_given_twice(folder):
    change(folder, LEAVES, lambda lines: [*lines[:25], lines[22], *lines[25:]])
    assert message_of(folder) == (
        f"{LEAVES}:26: seed 1, leaf 5 is given twice (line 23); remove one")


def test_a_missing_node(folder):
    change(folder, NODES, lambda lines: lines[:3] + lines[4:])
    assert message_of(folder) == f"{NODES}:4: seed 0 has no node 2; record it again"


def test_a_seed_without_rows_was_cut_off(folder):
    change(folder, LEAVES, lambda lines: lines[:17])
    assert message_of(folder) == ("unit digits@600/depth seed 1 is incomplete; "
                                  "run scripts/record_net2net.py again, it resumes")


@pytest.mark.parametrize(("name", "column", "text", "message"), [
    (LEAVES, 6, "1.2", "val_accuracy must be a number in [0, 1], found '1.2'"),
    (LEAVES, 6, "-0.1", "val_accuracy must be a number in [0, 1], found '-0.1'"),
    (LEAVES, 6, "nan", "val_accuracy must be a number in [0, 1], found 'nan'"),
    (LEAVES, 6, "high", "val_accuracy must be a number in [0, 1], found 'high'"),
    (LEAVES, 6, "", "val_accuracy must be a number in [0, 1], found ''"),
    (LEAVES, 7, "2", "test_accuracy must be a number in [0, 1], found '2'"),
    (LEAVES, 2, "-1", "clock_ms must be a number >= 0, found '-1'"),
    (LEAVES, 2, "inf", "clock_ms must be a number >= 0, found 'inf'"),
    (LEAVES, 2, "", "clock_ms must be a number >= 0, found ''"),
    (LEAVES, 3, "1.5", "steps must be an integer >= 0, found '1.5'"),
    (LEAVES, 8, "nan", "val_loss must be a number >= 0, found 'nan'"),
    (LEAVES, 1, "16", "leaf must be in 0..15, found '16'"),
    (LEAVES, 1, "-1", "leaf must be in 0..15, found '-1'"),
    (LEAVES, 1, "x", "leaf must be in 0..15, found 'x'"),
    (LEAVES, 0, "7", "seed must be one of 0, 1, found '7'"),
    (NODES, 1, "5", "node must be in 0..4, found '5'"),
    (NODES, 4, "1.01", "val_accuracy must be a number in [0, 1], found '1.01'"),
])
def test_a_bad_cell(folder, name, column, text, message):
    change(folder, name, cell_at(4, column, text))
    assert message_of(folder) == f"{name}:4: {message}"


def test_a_missing_column(folder):
    change(folder, LEAVES, lambda lines: [lines[0].replace("val_accuracy", "accuracy"), *lines[1:]])
    assert message_of(folder) == (
        f"{LEAVES}:1: missing column 'val_accuracy'; the file has seed, leaf, clock_ms, steps, "
        "macs, parameters, accuracy, test_accuracy, val_loss, test_loss")


def test_a_short_line_and_an_empty_file(folder):
    change(folder, LEAVES, lambda lines: [*lines[:5], lines[5][:20], *lines[6:]])
    assert f"{LEAVES}:6: " in message_of(folder) and "instead of 10" in message_of(folder)
    change(folder, LEAVES, lambda lines: [])
    assert message_of(folder) == f"{LEAVES}:1: the file is empty; record it again"


def test_a_clock_that_falls(folder):
    change(folder, NODES, cell_at(5, 2, "50.0"))
    assert message_of(folder) == (f"{NODES}:5: node 3: clock 50.0 is before its parent's 59.8; "
                                  "record it again")
    change(folder, NODES, cell_at(2, 2, "59.77"))
    change(folder, NODES, cell_at(5, 2, "59.76"))
    assert "node 3: clock 59.76 is before its parent's 59.77" in message_of(folder)


def test_the_clock_of_a_leaf_that_falls(folder):
    change(folder, LEAVES, cell_at(8, 2, "100.0"))
    assert message_of(folder) == (f"{LEAVES}:8: leaf 6: clock 100.0 is before its parent's 239.8; "
                                  "record it again")


def test_a_file_that_the_manifest_does_not_know(folder):
    change(folder, LEAVES, cell_at(4, 6, "0.5"), hashed=False)
    message = message_of(folder)
    assert message.startswith(f"{LEAVES}: sha256: expected ")
    assert ", found " in message and message.endswith("the file was changed; record it again")
    (folder / LEAVES).unlink()
    assert message_of(folder).startswith(f"{LEAVES}: no such file; record it again")


@pytest.mark.parametrize(("edit", "message"), [
    (lambda c: c.update(schema="net2net-recording/9"),
     "schema: expected 'net2net-recording/1', found 'net2net-recording/9'; record it again with "
     "scripts/record_net2net.py"),
    (lambda c: c["cells"][0].update(split={"train": [0, 1], "validation": [1], "test": [1]}),
     "cells[0]: split: seed 1 is in train and in validation; give each seed to one part"),
    (lambda c: c["cells"][0].update(split={"train": [0], "validation": [1], "test": [2]}),
     "cells[0]: split.test: seed 2 is not recorded; seeds: 0, 1"),
    (lambda c: c["cells"][0].update(seeds=[0, 0]),
     "cells[0]: seeds: must be one or more distinct seeds, found [0, 0]"),
    (lambda c: c["cells"][0].update(task="digts"),
     'cells[0]: unknown task "digts"; known: digits, digits_aug, pair_max, pair_min, pair_cmp, '
     "pair_diff, pair_sum"),
    (lambda c: c["cells"][0].update(fractions=[0.4, 0.1]),
     "fractions: must ascend within [0, 1), found [0.4, 0.1]"),
    (lambda c: c["cells"][0].pop("budget_ms"), "cells[0]: has no budget_ms; record it again"),
    (lambda c: c.update(cells=[]), "cells: lists no cell; record it again"),
    (lambda c: c.update(cells=c["cells"] * 2),
     "cells[1]: digits@600/depth is listed twice; remove one"),
])
def test_a_bad_manifest(folder, edit, message):
    change_manifest(folder, edit)
    assert message_of(folder) == f"{FILE}: {message}"


def test_a_manifest_that_is_no_json(folder):
    (folder / FILE).write_text('{"schema": ')
    assert message_of(folder).startswith(f"{FILE}, line 1: not JSON")


def test_a_masked_sequence_with_a_row(tmp_path):
    from envs.net2net.cells import cell_of

    folder = write_recording(tmp_path, (cell_of("digits@600/malleable", fractions=(0.1,)),), 1)
    name = "digits@600_malleable.leaves.csv"
    change(folder, name, lambda lines: [*lines, lines[1].replace("0,0,", "0,7,", 1)])
    assert message_of(folder) == f"{name}:9: leaf 7 takes a masked action; leave it out"


def test_a_packed_file_that_was_cut(tmp_path):
    folder = write_recording(tmp_path, seeds=1, packed=True)
    path = folder / f"{LEAVES}.gz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SuiteError, match="cannot be unpacked"):
        read_recording(folder)
