"""Live sessions: as recorded under the virtual clock; snapshots, files, undo, refusals."""
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from envs.core.errors import ActionError, SuiteError, TraceError
from envs.net2net.cells import Cell, cell_of
from envs.net2net.operators import Refused
from envs.net2net.replay import read_recording
from envs.net2net.training import edits
from envs.net2net.training.grid import train_grid
from envs.net2net.training.live import Session, Standing


def tiny(action_set: str = "depth") -> Cell:
    return cell_of(f"digits@60/{action_set}", fractions=(.1, .5))


def same(a: Standing, b: Standing) -> bool:
    """Equal, nan like nan."""
    return repr(a) == repr(b)


def finish(session: Session, actions: list[int]) -> list[Standing]:
    """The standings after each of these actions."""
    return [session.apply(action) for action in actions]


@pytest.mark.parametrize("sequence", [(0, 0), (3, 1), (2, 3)])
def test_a_live_episode_is_the_recorded_one(sequence: tuple[int, int]):
    cell = tiny()
    nodes, leaves = train_grid(cell, 4)
    session = Session(cell, 4)
    standings = [session.begin(), *finish(session, list(sequence))]
    for j, standing in enumerate(standings[:-1]):
        node = nodes[cell.node_of(sequence[:j])]
        assert (standing.clock_ms, standing.steps) == (node["clock"], node["steps"])
        assert (standing.val_accuracy, standing.val_loss, standing.train_loss) == (
            node["val_accuracy"], node["val_loss"], node["train_loss"])
        assert math.isnan(standing.test_accuracy) and not standing.over
    leaf, end = leaves[cell.leaf_of(sequence)], standings[-1]
    assert end.over and end.taken == sequence
    assert [end.clock_ms, end.steps, end.macs, end.parameters, end.val_accuracy,
            end.test_accuracy, end.val_loss, end.test_loss] == list(leaf)


def test_a_live_episode_is_near_the_one_that_ships():
    """Elsewhere rounding grows through training: accuracies within .03, the rest exactly."""
    table = read_recording("recorded").tables["digits@600/depth"]
    cell, sequence = table.cell, (2, 0, 0)
    session = Session(cell, table.seeds[6])
    standings = [session.begin(), *finish(session, list(sequence))]
    records = [table.nodes[6][cell.node_of(sequence[:j])] for j in range(3)]
    records.append(table.leaves[6][cell.leaf_of(sequence)])
    for standing, record in zip(standings, records, strict=True):
        assert standing.clock_ms == pytest.approx(record["clock"], abs=1e-6)
        assert standing.steps == record["steps"]
        assert standing.val_accuracy == pytest.approx(record["val_accuracy"], abs=.03)
    assert standings[-1].test_accuracy == pytest.approx(records[-1]["test_accuracy"], abs=.03)


def test_what_a_standing_tells():
    cell = tiny("malleable")
    session = Session(cell, 0, timeline=((0.0, 1), (20.0, 2)), profile=(.5, 1.05, 5.0, .8, .1))
    first = session.begin()
    assert (first.decision, first.taken, first.force, first.edited_ms) == (0, (), (), -1.0)
    assert first.mask == (*[True] * 7, False) and first.gpus == 1
    assert first.gpu_ms == first.gpu_total_ms == first.clock_ms
    second = session.apply(3)
    assert (second.decision, second.taken, second.force, second.gpus) == (1, (3,), (3,), 2)
    assert second.mask[7] and second.architecture == ((1, 12, 3), (1, 16, 3))
    assert second.edited_ms > first.clock_ms
    assert second.step_ms == cell.network.step_ms(second.architecture, 2, (.5, 1.05, 5.0, .8, .1))
    assert second.gpu_total_ms == pytest.approx(first.gpu_total_ms + second.gpu_ms)
    end = session.apply(7)
    assert end.over and end.force == () and end.architecture == cell.network.base
    assert end.mask == (True, *[False] * 7)
    assert list(map(repr, session.history)) == list(map(repr, (first, second, end)))


def test_snapshots_can_be_restored_again_and_again():
    session = Session(tiny("malleable"), 1)
    session.begin()
    session.apply(1)
    saved = session.snapshot()
    first = session.apply(7)                # the undo's teacher is part of the state
    session.restore(saved)
    other = session.apply(0)
    session.restore(saved)
    assert same(session.apply(7), first) and not same(other, first)
    with pytest.raises(ActionError, match="is over"):
        session.apply(0)


def test_a_killed_session_goes_on_from_its_last_decision(tmp_path: Path):
    cell = cell_of("digits@90/malleable", fractions=(.2, .4, .6, .7))
    actions = [3, 1, 7, 0]
    whole = Session(cell, 2)
    expected = [whole.begin(), *finish(whole, actions)]
    for done in range(4):
        killed = Session(cell, 2, folder=tmp_path)
        killed.begin()
        finish(killed, actions[len(killed.history) - 1:done])
        again = Session(cell, 2, folder=tmp_path)
        assert again.begin().taken == tuple(actions[:done])
    assert again.trainer.learner.distillation is not None
    finish(again, actions[3:])
    assert [repr(s) for s in again.history] == [repr(s) for s in expected]
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_run_is_refused(tmp_path: Path):
    cell = tiny()
    Session(cell, 0, folder=tmp_path).begin()
    with pytest.raises(TraceError, match="is the state of another run; expected"):
        Session(cell, 0, max_parameters=9000, folder=tmp_path).begin()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(TraceError, match=r"cannot be read .*; delete it to start anew"):
        Session(cell, 0, folder=tmp_path).begin()


@pytest.mark.parametrize("clock", ["cpu", "wall"])
def test_real_clocks_end_past_the_limit(clock: str):
    session = Session(tiny(), 0, clock=clock)
    first = session.begin()
    assert first.clock_ms >= 6.0 and first.steps >= 1
    end = finish(session, [3, 0])[-1]
    assert end.clock_ms >= 60.0 and end.step_ms > 0 and end.edited_ms > first.clock_ms


def test_an_edit_that_is_refused_counts_as_none(monkeypatch: pytest.MonkeyPatch):
    made = edits.deepen_identity

    def second_fails(module: Any, after: str, *args: Any, **options: Any) -> Any:
        if after.startswith("relu1"):
            raise Refused("output units are fixed", after)
        return made(module, after, *args, **options)

    monkeypatch.setattr(edits, "deepen_identity", second_fails)
    session, other = Session(tiny(), 0), Session(tiny(), 0)
    session.begin(), other.begin()
    refused, none = session.apply(3), other.apply(0)
    assert refused.refused == "relu1_0: output units are fixed"
    assert refused.taken == (0,) and refused.val_loss == none.val_loss
    assert refused.clock_ms == none.clock_ms


def test_misuse_is_named():
    with pytest.raises(SuiteError, match='clock: unknown clock "cpus"; did you mean "cpu"'):
        Session(tiny(), 0, clock="cpus")
    with pytest.raises(ActionError, match="has not begun"):
        Session(tiny(), 0).apply(0)
    session = Session(tiny(), 0)
    session.begin()
    with pytest.raises(ActionError, match=r"action: must be in 0\.\.3, found 4"):
        session.apply(4)
