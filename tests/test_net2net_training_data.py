"""Data, initial weights and batches of recordings, against the recorded facts."""
from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from torch import nn
from torch.nn import functional

from envs.net2net.draws import STREAMS, perm
from envs.net2net.tasks import TASKS
from envs.net2net.training.batches import batch_of, per_epoch, split_of
from envs.net2net.training.data import load_task
from envs.net2net.training.networks import build, initial
from tests.net2net_oracles import oracle

FACTS = oracle("recorder")["tasks"]
SPLITS = [(task, split) for task in FACTS for split in FACTS[task]["splits"]]
task_facts = pytest.mark.parametrize(("task", "facts"), FACTS.items(), ids=FACTS)


@pytest.mark.parametrize(("task", "split"), SPLITS)
def test_pictures_and_labels(task: str, split: str):
    data, facts = load_task(task)[split], FACTS[task]["splits"][split]
    assert data.images.shape == (facts["n"], *FACTS[task]["input_shape"])
    assert data.images.dtype == np.float32
    assert np.bincount(data.labels).tolist() == facts["label_counts"]
    digest = hashlib.sha256(data.labels.astype("<i8").tobytes()).hexdigest()
    assert digest == facts["labels_sha256"]
    assert data.images.sum(dtype=np.float64) == pytest.approx(facts["pixel_sum"], abs=1e-2)
    first = data.images[0].sum(dtype=np.float64)
    assert first == pytest.approx(facts["first_image_sum"], abs=1e-5)


@task_facts
def test_initial_weights(task: str, facts: dict[str, Any]):
    module, seed0 = initial(TASKS[task].network, 0), facts["seed0"]
    first = module.conv0_0.weight.flatten()[:3].tolist()
    assert first == pytest.approx(seed0["conv0_weight_first3"], abs=1e-7)
    total = sum(tensor.double().sum().item() for tensor in module.parameters())
    assert total == pytest.approx(seed0["parameter_sum"], abs=1e-4)
    assert sum(tensor.numel() for tensor in module.parameters()) == facts["base"]["parameters"]


@task_facts
def test_first_batch_and_its_loss(task: str, facts: dict[str, Any]):
    images, labels = split_of(task, "train")
    order = perm(len(labels), 0, STREAMS["order"], 0)
    assert order[:5].tolist() == facts["seed0"]["first_batch_indices"]
    batch = batch_of(task, 0, 0)
    assert batch[0].equal(images[order[:64]]) and batch[1].equal(labels[order[:64]])
    outputs = initial(TASKS[task].network, 0).train()(batch[0])
    loss = functional.cross_entropy(outputs, batch[1]).item()
    assert loss == pytest.approx(facts["seed0"]["first_step_loss"], abs=1e-3)


def test_an_epoch_leaves_out_what_fills_no_batch():
    assert per_epoch("digits") == 1197 // 64
    order = perm(1197, 3, STREAMS["order"], 1)
    images, _ = split_of("digits", "train")
    assert batch_of("digits", 3, per_epoch("digits") + 2)[0].equal(images[order[128:192]])


@pytest.mark.parametrize(("task", "label"), [
    ("pair_max", np.maximum), ("pair_min", np.minimum),
    ("pair_diff", lambda left, right: abs(left - right)),
    ("pair_sum", lambda left, right: (left + right) % 10),
])
def test_labels_of_pairs_follow_from_two_digits(task: str, label: Any):
    every = {int(label(left, right)) for left in range(10) for right in range(10)}
    assert set(np.unique(load_task(task)["train"].labels).tolist()) == every


@pytest.mark.parametrize("task", TASKS)
def test_modules_have_the_parameters_that_are_counted(task: str):
    network = TASKS[task].network
    architecture = ((2, 12, 3), (3, 16, 5))
    module = build(network, architecture)
    assert sum(p.numel() for p in module.parameters()) == network.parameters(architecture)
    layers = [layer for layer in module if isinstance(layer, nn.Conv2d)]
    assert len(layers) == network.convolutions(architecture)
