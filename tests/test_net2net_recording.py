"""Recordings: units that survive a kill, tables and manifest, splits, what is read back."""
from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from envs.core.errors import TraceError
from envs.net2net.cells import Network, cell_of
from envs.net2net.manifest import FILE, Entry, split_of, stem_of
from envs.net2net.recording_files import (
    finish,
    has_unit,
    open_units,
    read_unit,
    unit_file,
    write_unit,
)
from envs.net2net.replay import find_recording, read_entries, read_recording, recording_names
from tests.net2net_recordings import SMALL, change_manifest, made_up, write_recording

GROW = cell_of("pair_max@1500/grow", fractions=(0.1, 0.4))


@pytest.mark.parametrize(("seeds", "parts"), [
    (8, ((0, 1, 2, 3), (4,), (5, 6, 7))), (4, ((0, 1), (2,), (3,))),
    (10, ((0, 1, 2, 3, 4, 5), (6, 7), (8, 9))), (3, ((0, 1, 2),) * 3), (1, ((0,),) * 3)])
def test_the_default_split(seeds, parts):
    assert tuple(split_of(range(seeds)).values()) == parts


@pytest.mark.parametrize("packed", [False, True])
def test_a_recording_is_read_as_it_was_made(tmp_path, packed):
    folder = write_recording(tmp_path / "mine", (SMALL, GROW), packed=packed)
    recording = read_recording(folder)
    assert recording.name == "mine" and list(recording.tables) == [SMALL.name, GROW.name]
    for cell in (SMALL, GROW):
        table = recording.tables[cell.name]
        assert table.cell == cell and table.seeds == (0, 1, 2, 3, 4)
        assert table.split == {"train": (0, 1, 2), "validation": (3,), "test": (4,)}
        assert table.apart and table.test_apart and table.measured and not table.averaged
        for seed in range(5):
            nodes, leaves = made_up(cell, seed)
            assert table.nodes[seed].tobytes() == nodes.tobytes()
            assert table.leaves[seed].tobytes() == leaves.tobytes()
    assert not (folder / "units").exists()


def test_equal_recordings_are_equal_files(tmp_path):
    for name in ("a", "b"):
        write_recording(tmp_path / name, packed=True)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["digits@600_depth.leaves.csv.gz", "digits@600_depth.nodes.csv.gz", FILE]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_rows_are_ordered_and_written_by_repr(tmp_path):
    folder = write_recording(tmp_path, seeds=1)
    lines = (folder / "digits@600_depth.leaves.csv").read_text().splitlines()
    assert lines[0] == ("seed,leaf,clock_ms,steps,macs,parameters,val_accuracy,test_accuracy,"
                        "val_loss,test_loss")
    assert len(lines) == 17 and lines[1].startswith("0,0,599.5,100,23200,1442,")
    assert [line.split(",")[1] for line in lines[1:]] == [str(leaf) for leaf in range(16)]
    value = made_up(SMALL, 0)[1]["val_accuracy"][3]
    assert lines[4].split(",")[6] == repr(float(value))
    nodes = (folder / "digits@600_depth.nodes.csv").read_text().splitlines()
    assert nodes[0] == "seed,node,clock_ms,steps,val_accuracy,val_loss,train_loss"
    assert len(nodes) == 6 and nodes[1].startswith("0,0,59.75,10,")


def test_a_recording_goes_on_where_it_was_cut_off(tmp_path):
    plan = {SMALL: range(3)}
    open_units(tmp_path, "a", plan)
    assert not has_unit(tmp_path, SMALL, 0)
    write_unit(tmp_path, SMALL, 0, *made_up(SMALL, 0))
    open_units(tmp_path, "a", plan)
    assert has_unit(tmp_path, SMALL, 0) and not has_unit(tmp_path, SMALL, 1)
    nodes, leaves = read_unit(tmp_path, SMALL, 0)
    assert nodes.tobytes() == made_up(SMALL, 0)[0].tobytes()
    assert leaves.tobytes() == made_up(SMALL, 0)[1].tobytes()
    cut = r"^unit digits@600/depth seed 1 is incomplete; run scripts/record_net2net\.py again, it "
    with pytest.raises(TraceError, match=cut):
        read_recording(tmp_path)
    with pytest.raises(TraceError, match=cut):
        finish(tmp_path, [Entry(SMALL, (0, 1, 2), split_of(range(3)), "cpu")], {})
    assert not (tmp_path / FILE).exists()
    for seed in (1, 2):
        write_unit(tmp_path, SMALL, seed, *made_up(SMALL, seed))
    with pytest.raises(TraceError, match="is not finished; run scripts/record_net2net"):
        read_recording(tmp_path)
    assert not [path for path in (tmp_path / "units").iterdir() if path.name.startswith(".")]


def test_another_protocol_does_not_go_on(tmp_path):
    open_units(tmp_path, "a", {SMALL: range(1)})
    with pytest.raises(TraceError, match="under another protocol: expected key b, found a; record"):
        open_units(tmp_path, "b", {SMALL: range(1)})
    assert unit_file(tmp_path, SMALL, 3).name == "digits@600_depth.3.json"


def test_units_of_other_decision_times_or_networks_do_not_go_on(tmp_path):
    open_units(tmp_path, "a", {SMALL: range(2)})
    write_unit(tmp_path, SMALL, 0, *made_up(SMALL, 0))
    wide = Network.from_config({"hw": [8, 8], "widths": [12, 16], "head": "gap", "classes": 10})
    for other in (cell_of(SMALL.name, fractions=(0.1, 0.5)),
                  cell_of(SMALL.name, fractions=(0.1, 0.4), network=wide)):
        with pytest.raises(TraceError, match="unit digits@600/depth seed 0 has other decision "
                                             "times or another network; record into another"):
            open_units(tmp_path, "a", {other: range(2)})
    open_units(tmp_path, "a", {SMALL: range(3), GROW: range(1)})
    assert has_unit(tmp_path, SMALL, 0)


def test_masked_sequences_have_no_row(tmp_path):
    deep = cell_of("digits@600/malleable", fractions=(0.1, 0.4))
    table = read_recording(write_recording(tmp_path, (deep,))).tables[deep.name]
    assert not table.recorded[deep.leaf_of((7, 0))] and table.recorded[deep.leaf_of((1, 7))]
    assert np.isnan(table.leaves["val_accuracy"][:, ~table.recorded]).all()
    assert np.isfinite(table.leaves["val_accuracy"][:, table.recorded]).all()


def test_names_of_files_follow_the_cell():
    assert stem_of(SMALL) == "digits@600_depth" and stem_of(GROW) == "pair_max@1500_grow"
    assert stem_of(cell_of("cnn1/early_middle")) == "cnn1_early_middle@400000_peer"
    assert stem_of(cell_of("digits@62.5/depth")) == "digits@62.5_depth"


def test_a_split_of_the_manifest_stands(tmp_path):
    folder = write_recording(tmp_path)

    def edit(config):
        del config["cells"][0]["split"]
        config["split"] = {"train": [4, 0], "validation": [2], "test": [1]}

    change_manifest(folder, edit)
    assert read_recording(folder).tables[SMALL.name].split == {
        "train": (4, 0), "validation": (2,), "test": (1,)}
    change_manifest(folder, lambda config: config.pop("split"))
    assert read_entries(folder)[SMALL.name].split == split_of(range(5))


def test_columns_may_be_permuted_and_losses_left_empty(tmp_path):
    folder = write_recording(tmp_path, packed=True)
    path = folder / "digits@600_depth.nodes.csv.gz"
    rows = [line.split(",") for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    swapped = [[row[i] for i in (1, 0, 2, 3, 4, 5)] + [""] for row in rows]
    swapped[0][6] = "train_loss"
    body = "\r\n".join(",".join(row) for row in [swapped[0], *swapped[:0:-1]])
    (folder / "digits@600_depth.nodes.csv").write_text(body)
    path.unlink()
    change_manifest(folder, lambda config: config["files"].update(
        {"digits@600_depth.nodes.csv": _digest(folder / "digits@600_depth.nodes.csv")}))
    table = read_recording(folder).tables[SMALL.name]
    assert np.isnan(table.nodes["train_loss"]).all()
    assert table.nodes["val_accuracy"][2, 3] == made_up(SMALL, 2)[0]["val_accuracy"][3]


def _digest(path):
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_recordings_by_name():
    assert "published" in recording_names()
    assert find_recording("published").name == "published"
    assert read_recording("published") is read_recording("published")
    with pytest.raises(TraceError, match='publishd: no such recording; did you mean "published"'):
        read_recording("publishd")


def test_a_changed_recording_is_read_anew(tmp_path):
    folder = write_recording(tmp_path)
    before = read_recording(folder)
    change_manifest(folder, lambda config: config.update(cpu="another"))
    assert read_recording(folder) is not before
    assert json.loads((folder / FILE).read_text())["cpu"] == "another"


def test_a_cell_may_have_a_network_of_its_own(tmp_path):
    wide = Network.from_config({"hw": [8, 8], "widths": [12, 16], "head": "gap", "classes": 10})
    other = cell_of("digits@600/depth", fractions=(0.1, 0.4), network=wide)
    assert read_recording(write_recording(tmp_path, (other,))).tables[other.name].cell == other
