"""Masks beside what the operators make of real networks, whose sizes are those that are seen."""
import random

import pytest

from envs.net2net.cells import Cell
from envs.net2net.operators import counts
from envs.net2net.oracles.model import episode, setup_of
from tests.net2net_kernel import seen
from tests.reference.net2net.instances import SETS, instance
from tests.reference.net2net.networks import Network, action_count

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
from envs.net2net.training.trainer import Trainer  # noqa: E402

BASES = {       # at the ends of depths, ladder and kernels
    "deep": {"widths": [4, 7], "depth": [7, 8], "kernel": [1, 3]},
    "wide": {"widths": [96, 128], "depth": [1, 1], "kernel": [1, 1]},
    "large": {"widths": [4, 6], "depth": [2, 1], "kernel": [5, 7]},
}
DECISIONS = 4


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("action_set", SETS)
def test_the_mask_is_what_a_training_can_do(name, action_set):
    r = random.Random(f"{name} {action_set}")
    base = {"hw": [8, 8], "head": "gap", "classes": 10, "cin": 1, **BASES[name]}
    actions = action_count(action_set, 2)
    sequence = [r.randrange(1, actions) for _ in range(DECISIONS)]
    case = instance(r, cell=base, action_set=action_set, sequence=sequence, profile="cpu",
                    fractions=[j / DECISIONS for j in range(DECISIONS)], budget_ms=1e6,
                    gpu_timeline=[[0.0, 1]], max_parameters=None)
    cell = setup_of(case).cell
    trainer = Trainer(Cell("digits", "digits", cell.network, cell.budget_ms, cell.decisions,
                           action_set), seed=1)
    for action, mask in zip(sequence, seen(case)[0]["masks"], strict=True):
        assert [trainer.fork().act(a) == "" for a in range(actions)] == [bool(m) for m in mask]
        trainer.act(action)
    assert trainer.progress.taken == episode(case)["taken"]
    module, plain = trainer.learner.module, Network(base)
    architecture = [list(stage) for stage in trainer.progress.architecture]
    assert architecture == episode(case)["final_architecture"]
    assert counts(module, torch.zeros(1, 1, 8, 8)) == (plain.parameters(architecture),
                                                       plain.macs(architecture))
