"""The trainer under the budget clock: clocks and steps, edits, forks, undo, real clocks."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from envs.net2net.architectures import edited
from envs.net2net.cells import Cell, cell_of
from envs.net2net.training import trainer as trainer_module
from envs.net2net.training.clock import Stretch, stretch
from envs.net2net.training.grid import train_grid
from envs.net2net.training.real import RealTrainer
from envs.net2net.training.trainer import Final, Trainer
from envs.net2net.tree import unmasked
from tests.net2net_oracles import oracle

TABLES = oracle("recorder")["tables"]
TINY = "digits@40/grow"


class Idle:
    """Stands for a learner where only clock and steps are asked for."""

    distillation = None

    def __init__(self):
        self.steps = 0

    def train(self, rates: Any) -> None:
        self.steps += len(list(rates))


def play(trainer: Trainer, actions: Sequence[int]) -> Final:
    """Go through all decisions with these actions, then to the end."""
    cell = trainer.cell
    for limit, action in zip(cell.decisions, actions, strict=True):
        trainer.advance(limit)
        trainer.act(action)
    trainer.advance(cell.budget_ms)
    return trainer.finish()


def cell_of_table(table: dict[str, Any]) -> Cell:
    name = f"{table['task']}@{table['budget_ms']:g}/{table['action_set']}"
    return cell_of(name, fractions=table["fractions"])


def idle(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    """A trainer whose edits change the architecture alone."""
    class Drawn:
        def __init__(self, _module: Any, _optimiser: Any, architecture: Any, *_: Any):
            self.module = self.optimiser = None
            self.architecture = architecture

        def grow(self, edit: str, stage: int, _decision: int) -> Any:
            self.architecture = edited(self.architecture, edit, stage)
            return self.architecture

    monkeypatch.setattr(trainer_module, "Edits", Drawn)
    made = Trainer(cell, 0)
    made.learner = Idle()
    made.learner.module = made.learner.optimiser = None
    return made


@pytest.mark.parametrize("table", TABLES, ids=lambda t: f"{t['task']}@{t['budget_ms']:g}")
def test_clocks_and_steps_of_every_node_and_leaf(table: dict[str, Any],
                                                 monkeypatch: pytest.MonkeyPatch):
    cell = cell_of_table(table)
    nodes, leaves = [None] * cell.nodes, [None] * cell.leaves
    for leaf in range(cell.leaves):
        trainer, sequence = idle(cell, monkeypatch), cell.sequence_of(leaf)
        for j, action in enumerate(sequence):
            trainer.advance(cell.decisions[j])
            progress = trainer.progress
            nodes[cell.node_of(sequence[:j])] = progress.clock_ms, trainer.learner.steps
            trainer.act(action)
        trainer.advance(cell.budget_ms)
        network, architecture = cell.network, trainer.progress.architecture
        leaves[leaf] = (trainer.progress.clock_ms, trainer.learner.steps,
                        network.macs(architecture), network.parameters(architecture))
    clocks, steps = zip(*nodes, strict=True)
    assert clocks == pytest.approx(table["decision_clock_ms"], abs=1e-6)
    assert list(steps) == table["decision_steps"]
    clocks, steps, macs, parameters = map(list, zip(*leaves, strict=True))
    assert clocks == pytest.approx(table["leaf_clock_ms"], abs=1e-6)
    assert (steps, macs, parameters) == (
        table["leaf_steps"], table["leaf_macs"], table["leaf_parameters"])


@pytest.mark.parametrize(("time", "limit", "timeline", "expected"), [
    (0.0, 10.0, [(0, 1)], Stretch(0.0, 3, 1, 3.0)),
    (0.0, 9.0, [(0, 1)], Stretch(0.0, 3, 1, 3.0)),
    (9.5, 12.0, [(0, 1)], None),
    (0.0, 20.0, [(0, 1), (7, 3)], Stretch(0.0, 3, 1, 3.0)),         # the third ends at 9
    (9.0, 20.0, [(0, 1), (7, 3)], Stretch(9.0, 11, 3, 1.0)),
    (0.0, 20.0, [(0, 0), (7, 3)], Stretch(7, 0, 0, 0.0)),           # waits for the GPUs
    (8.0, 20.0, [(0, 1), (8, 0)], Stretch(20.0, 0, 0, 0.0)),
    (21.0, 20.0, [(0, 1), (8, 0)], None),
    (5.0, 7.0, [(0, 1), (6, 3)], None),                             # room 0: does not wait
])
def test_stretches(time: float, limit: float, timeline: Any, expected: Stretch | None):
    assert stretch(time, limit, timeline, lambda gpus: 3.0 / gpus) == expected


def test_the_rate_goes_by_the_clock():
    trainer = Trainer(cell_of("digits@600/depth"), 0)
    assert trainer.rate(0.0) == .005
    assert trainer.rate(300.0) == pytest.approx(.005 * (1 - .95 / 2))


def test_a_grid_is_its_trainings_one_by_one():
    cell = cell_of(TINY, fractions=(.1, .5))
    nodes, leaves = train_grid(cell, 1)
    open_nodes, open_leaves = unmasked(cell)
    assert not np.isnan(nodes["val_accuracy"][open_nodes]).any()
    assert not np.isnan(leaves["test_accuracy"][open_leaves]).any()
    for sequence in ((0, 0), (1, 4), (3, 2), (6, 3)):
        trainer = Trainer(cell, 1)
        assert tuple(leaves[cell.leaf_of(sequence)]) == play(trainer, sequence)


def test_what_lies_behind_a_masked_action_stays_empty():
    cell = cell_of("digits@60/depth", fractions=(.1, .5))
    cell = replace(cell, network=replace(cell.network, depth=(7, 1)))
    _, leaves = train_grid(cell, 0)
    assert np.isnan(leaves["val_accuracy"]).tolist() == (~unmasked(cell)[1]).tolist()
    assert np.isnan(leaves["val_accuracy"]).any()


@pytest.mark.parametrize("action", range(1, 7))
def test_edits_keep_the_function(action: int):
    trainer = Trainer(cell_of("pair_max@60/grow"), 2)
    trainer.advance(30.0)
    before = trainer.measure()
    trainer.act(action)
    after = trainer.measure()
    assert after.val_loss == pytest.approx(before.val_loss, rel=1e-5)
    assert after.clock_ms == before.clock_ms + trainer.step_ms()
    assert after.steps == before.steps
    trainer.advance(60.0)
    assert trainer.learner.steps > after.steps


@pytest.mark.parametrize("action", [3, 5])
def test_kept_tensors_keep_their_step_counts_and_new_ones_start_at_zero(action: int):
    trainer = Trainer(cell_of("digits@60/grow"), 0)
    trainer.advance(20.0)
    steps = trainer.learner.steps
    trainer.act(1)
    trainer.act(action)
    counts = [int(trainer.learner.optimiser.state[p]["step"]) if p in
              trainer.learner.optimiser.state else 0 for p in trainer.learner.module.parameters()]
    kept = trainer.learner.module
    new = {id(p) for layer in (kept.conv0_1, kept.norm0_1) for p in layer.parameters()}
    expected = [0 if id(p) in new else steps for p in kept.parameters()]
    assert counts == expected and steps > 0


def test_forks_are_independent_and_equal():
    trainer = Trainer(cell_of("digits@60/depth"), 0)
    trainer.advance(20.0)
    other = trainer.fork()
    assert play(other, (1, 0, 2)) == play(trainer.fork(), (1, 0, 2))
    assert trainer.learner.steps == 6 and trainer.progress.taken == []
    assert play(trainer, (1, 0, 2)) == trainer.finish()


@pytest.mark.parametrize("action", [1, 3, 5])
def test_an_undo_gives_the_network_back_and_learns_from_the_larger(action: int):
    cell = cell_of("digits@90/malleable", fractions=(.3, .35, .5))
    trainer, base = Trainer(cell, 0), cell.network.base
    undo = cell.actions - 1
    trainer.advance(cell.decisions[0])
    assert trainer.masked(undo)
    trainer.act(action)
    larger, clock = trainer.progress.architecture, trainer.progress.clock_ms
    assert not trainer.masked(undo)
    before = trainer.measure()
    trainer.act(undo)
    assert trainer.progress.architecture == base and trainer.masked(undo)
    assert trainer.progress.clock_ms == clock + cell.network.step_ms(base)
    assert trainer.measure().val_loss == pytest.approx(before.val_loss, rel=1e-4)
    taught = cell.network.step_ms(base) + cell.network.step_ms(larger) / 3
    start, steps = trainer.progress.clock_ms, trainer.learner.steps
    trainer.advance(cell.decisions[2])
    done = trainer.learner.steps - steps
    assert done > 0
    assert trainer.progress.clock_ms == pytest.approx(start + done * taught)
    assert trainer.learner.distillation.steps == 100 - done


def test_distillation_ends_after_its_steps():
    trainer = Trainer(cell_of("digits@90/malleable"), 0)
    trainer.advance(9.0)
    trainer.act(1)
    trainer.act(7)
    trainer.learner.distillation.steps = 3
    start = trainer.progress.clock_ms
    trainer.advance(60.0)
    base = trainer.step_ms()
    extra = trainer.cell.network.step_ms(((2, 8, 3), (1, 16, 3))) / 3
    assert trainer.learner.distillation is None
    done = trainer.learner.steps - 2
    assert trainer.progress.clock_ms == pytest.approx(start + done * base + 3 * extra)


def test_masked_actions_count_as_none():
    trainer = Trainer(cell_of("digits@60/grow"), 0, max_parameters=1500)
    assert [trainer.masked(a) for a in range(7)] == [False, *[True] * 6]
    assert trainer.act(1) == "the action is masked"
    assert trainer.progress.taken == [0] and trainer.progress.clock_ms == 0.0


def test_gpu_time_counts_edits_and_steps():
    trainer = Trainer(cell_of("digits@60/depth"), 0, timeline=((0.0, 2), (30.0, 0), (40.0, 1)))
    trainer.advance(29.0)
    assert trainer.progress.gpu_total_ms == pytest.approx(2 * trainer.progress.clock_ms)
    trainer.progress.clock_ms = 35.0
    before = trainer.progress.gpu_total_ms
    trainer.act(1)
    assert trainer.progress.gpu_ms == pytest.approx(trainer.step_ms())
    trainer.advance(39.8)
    assert trainer.progress.clock_ms == 39.8            # paused: waiting is free
    assert trainer.progress.gpu_total_ms == pytest.approx(before + trainer.step_ms())


def test_a_real_clock_counts_what_steps_take():
    ticks = iter(np.arange(0.0, 10.0, .002))        # every reading 2 ms after the last
    trainer = RealTrainer(cell_of("digits@60/depth"), 0, read=lambda: float(next(ticks)))
    assert trainer.step_ms() == pytest.approx(3.216)
    trainer.advance(5.0)
    assert trainer.learner.steps == 3               # the first boundary past the limit
    assert trainer.progress.clock_ms == pytest.approx(6.0)
    assert trainer.step_ms() == pytest.approx(2.0)
    trainer.act(3)
    assert trainer.progress.clock_ms == pytest.approx(8.0)
    assert trainer.step_ms() == pytest.approx(2.0 * 5.68464 / 3.216)


def test_one_thread():
    Trainer(cell_of("digits@60/depth"), 0)
    assert torch.get_num_threads() == 1
