"""Edits of stage networks in the middle of their training: how far a fresh batch drifts, counts."""
import numpy as np
import pytest
import torch

from envs.net2net.cells import cell_of
from envs.net2net.draws import perm, u
from envs.net2net.operators import counts, deepen_identity, widen
from envs.net2net.training.batches import batch_of, calibration_of
from envs.net2net.training.edits import Edits
from envs.net2net.training.trainer import Trainer
from tests.net2net_edits import drift

CELLS = ("digits@600/grow", "pair_max@600/grow")


@pytest.fixture(scope="module", params=CELLS)
def trained(request):
    """A trainer after two fifths of its budget."""
    cell = cell_of(request.param, "cell")
    trainer = Trainer(cell, 0)
    trainer.advance(.4 * cell.budget_ms)
    return trainer


def edits_of(trainer):
    learner = trainer.learner
    return Edits(learner.module, learner.optimiser, trainer.progress.architecture, trainer.cell,
                 trainer.seed)


@torch.no_grad()
def drifts(before, after, task):
    """In eval mode, in train mode on the calibration batch and at most on fresh batches of 64."""
    fresh = [batch_of(task, 0, 500 + i)[0] for i in range(4)]
    quiet = max(drift(before.eval(), after.eval(), x) for x in fresh)
    own = drift(before.train(), after.train(), calibration_of(task))
    return quiet, own, max(drift(before, after, x) for x in fresh)


def test_three_times_both_stays_near_in_train_mode(trained):
    work, found = edits_of(trained), []
    for _ in range(3):
        for stage in (0, 1):
            work.grow("deepen", stage, 0)
        found.append(drifts(trained.learner.module, work.module, trained.cell.task))
    for quiet, own, fresh in found:
        assert quiet <= 1e-5 and own <= 1e-5
        assert fresh <= 5e-2


def test_default_batchnorms_are_far_off(trained):
    """What matching is for."""
    images = calibration_of(trained.cell.task)
    module = trained.learner.module
    naive = deepen_identity(module, "relu1_0", images, batchnorm="default").module
    assert drifts(module, naive, trained.cell.task)[2] > .1


def test_every_edit_gives_the_counts_of_its_architecture(trained):
    network, images = trained.cell.network, calibration_of(trained.cell.task)
    for edit in ("deepen", "widen", "kernel"):
        for stage in (0, 1):
            work = edits_of(trained)
            architecture = work.grow(edit, stage, 1)
            quiet, own, _ = drifts(trained.learner.module, work.module, trained.cell.task)
            assert quiet <= 1e-5 and own <= 1e-5
            assert counts(work.module, images[:1]) == (
                network.parameters(architecture), network.macs(architecture))


def test_drawn_copies_and_shares(trained):
    """Unit w + i copies perm[i mod w]; raw shares over their sum; 1 where there is one."""
    module = trained.learner.module
    report = widen(module, "conv0_0", 20, calibration_of(trained.cell.task)[:1], seed=5,
                   ids=(2, 3)).report
    order = perm(8, 5, 3, 2, 3)
    copies = [*range(8), *order, *order[:4]]
    raw = [.5 + float(u(5, 4, 2, 3, i)) for i in range(20)]
    total = [sum(r for r, c in zip(raw, copies, strict=True) if c == unit) for unit in range(8)]
    assert report["index_map"] == copies
    np.testing.assert_allclose(report["split"], [r / total[c] for r, c in zip(
        raw, copies, strict=True)], rtol=1e-15)
    alone = widen(module, "conv0_0", 12, calibration_of(trained.cell.task)[:1]).report
    assert [s for s, c in zip(alone["split"], alone["index_map"], strict=True)
            if alone["index_map"].count(c) == 1] == [1.0] * 4
