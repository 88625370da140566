"""Recordings: resumed after a kill, refused over another one, read back."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envs.core.errors import SuiteError, TraceError
from envs.core.files import REPOSITORY
from envs.net2net.cells import Cell, cell_of
from envs.net2net.recording_files import has_unit
from envs.net2net.replay import read_recording
from envs.net2net.training import recording
from envs.net2net.training.grid import train_grid
from envs.net2net.training.recording import record
from tests.net2net_recordings import made_up

SCRIPT = [sys.executable, "scripts/record_net2net.py"]
TINY = ["tasks=digits", "budgets=60", "fractions=.3"]


def tiny() -> Cell:
    return cell_of("digits@60/depth", fractions=(.3,))


def silent(_line: str) -> None:
    pass


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording") / "whole"
    record({tiny(): range(4)}, folder, tell=silent)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_recording_holds_its_trainings(recorded: Path):
    table = read_recording(recorded).tables["digits@60/depth"]
    assert table.seeds == (0, 1, 2, 3) and table.recorded.all() and table.apart
    nodes, leaves = train_grid(tiny(), 2)
    assert (table.nodes[2] == nodes).all() and (table.leaves[2] == leaves).all()


def test_a_recording_that_was_killed_goes_on_to_the_same_files(recorded: Path, tmp_path: Path):
    folder = tmp_path / "killed"
    running = subprocess.Popen([*SCRIPT, f"out={folder}", "seeds=4", *TINY], cwd=REPOSITORY,
                               env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                               stdout=subprocess.DEVNULL)
    while not has_unit(folder, tiny(), 0):
        assert running.poll() is None
        time.sleep(.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (folder / "manifest.json").exists()
    with pytest.raises(TraceError, match=r"incomplete; run scripts/record_net2net.py again"):
        read_recording(folder)
    trained = []
    record({tiny(): range(4)}, folder, tell=trained.append)
    assert not any("seed 0" in line for line in trained)
    assert content(folder) == content(recorded)


def test_workers_change_nothing(recorded: Path, tmp_path: Path):
    record({tiny(): range(4)}, tmp_path / "two", workers=2, tell=silent)
    assert content(tmp_path / "two") == content(recorded)


def test_a_finished_recording_is_left_alone(recorded: Path, monkeypatch: pytest.MonkeyPatch):
    before, told = content(recorded), []
    record({tiny(): range(4)}, recorded, tell=told.append)
    assert told == [f"{recorded} is complete"]
    with pytest.raises(TraceError, match="holds other cells or seeds; record into another"):
        record({tiny(): range(3)}, recorded, tell=silent)
    facts = recording.facts()
    monkeypatch.setattr(recording, "facts", lambda: {**facts, "cpu": "another"})
    with pytest.raises(TraceError, match="was recorded under another protocol: expected key"):
        record({tiny(): range(4)}, recorded, tell=silent)
    assert content(recorded) == before


def test_a_recording_of_periodic_fractions_is_known_again(tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recording, "train_grid", made_up)
    told = []
    for _ in range(2):
        record({cell_of("digits@600/depth", fractions=(1 / 3,)): range(2)}, tmp_path,
               tell=told.append)
    assert told[-2:] == [f"{tmp_path} is complete"] * 2


def test_units_of_another_protocol_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(_line: str) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        record({tiny(): range(2)}, tmp_path, tell=stop)
    facts = recording.facts()
    monkeypatch.setattr(recording, "facts", lambda: {**facts, "threads": 2})
    with pytest.raises(TraceError, match="was begun under another protocol"):
        record({tiny(): range(2)}, tmp_path, tell=silent)


@pytest.mark.parametrize(("keys", "message"), [
    (["tasks=pair_summ"], 'tasks: unknown task "pair_summ"; known: pair_sum, '),
    (["budgets=2"], "budgets: 2.0 is less than one step of the base network (3.216)"),
    (["budgets=-5"], "budgets: -5.0 is no valid number; give a finite number > 0"),
    (["fractions=.4,.1"], "fractions: must ascend within [0, 1), found [0.4, 0.1]"),
    (["action_set=peer"], 'unknown action set "peer"'),
    (["seeds=0"], "seeds: must be at least 1"),
])
def test_bad_keys_are_one_line(keys: list[str], message: str, tmp_path: Path,
                               capsys: pytest.CaptureFixture[str]):
    from envs.core.arguments import command
    from scripts import record_net2net

    given = dict(key.split("=") for key in ["tasks=digits", f"out={tmp_path / 'no'}", *keys])
    assert command(record_net2net.main, record_net2net.Keys,
                   [f"{key}={value}" for key, value in given.items()]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "no").exists()


def test_budgets_are_recorded_as_they_are_given():
    from scripts.record_net2net import Keys, _asked

    cells = _asked(Keys(out=Path("no"), tasks=["digits"], budgets=[10.1234567, 1e6, 600.0]))
    assert [cell.budget_ms for cell in cells] == [10.1234567, 1e6, 600.0]
    assert [cell.name for cell in cells][1:] == ["digits@1000000/depth", "digits@600/depth"]


def test_the_recording_that_ships_is_that_of_the_script():
    from scripts.record_net2net import _shipped

    entries = {cell.name: len(seeds) for cell, seeds in _shipped().items()}
    assert sum(entries.values()) == 5 * 8 + 2 * 3
    for table in read_recording("recorded").tables.values():
        assert len(table.seeds) == entries[table.cell.name]


def test_scikit_learn_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch):
    from envs.net2net.training import data

    data._digits.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(SuiteError, match=r"recordings need scikit-learn; pip install -e \.\[net2n"):
        data._digits(0)
