"""The state of an optimiser through edits, training afterwards, ways back, saving."""
import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from envs.net2net.operators import (
    Refused,
    crop,
    deepen_identity,
    deepen_residual_zero,
    distil,
    distillation_loss,
    kernel_grow,
    merge,
    remove,
    widen,
)
from envs.net2net.oracles.networks import Listed, example_of
from tests.net2net_edits import drift, in_training, moved, step
from tests.net2net_oracles import oracle

NETS = {net["name"]: net for net in oracle("nets")["nets"]}
OPTIMISERS = {
    "adam": lambda p: torch.optim.Adam(p, .005),
    "amsgrad": lambda p: torch.optim.AdamW(p, .005, amsgrad=True),
    "sgd": lambda p: torch.optim.SGD(p, .05, momentum=.9),
}


@pytest.fixture(params=OPTIMISERS)
def trained(request):
    """A float64 network after three steps, its optimiser, a batch and labels."""
    net = NETS["residual_depthwise_concat"]
    batch = example_of(net, 16).double()
    labels = torch.arange(16) % 10
    module = in_training(Listed(net), batch.float()).double()
    optimiser = OPTIMISERS[request.param](module.parameters())
    for _ in range(3):
        step(module, optimiser, batch, labels)
    return module, optimiser, batch, labels


EDITS = {
    "identity": lambda m, x: deepen_identity(m, "r1", x, calibration=x),
    "residual": lambda m, x: deepen_residual_zero(m, "r2", x),
    "widen": lambda m, x: widen(m, "c0", 12, x),
    "segment": lambda m, x: widen(m, "p1", 9, x),
    "kernel": lambda m, x: kernel_grow(m, ["c1", "dw"]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_the_old_optimiser_and_module_stay(trained, edit):
    module, optimiser, batch, _ = trained
    before = copy.deepcopy(optimiser.state_dict())
    made = EDITS[edit](module, batch)
    after = made.surgery.apply(optimiser, module, made.module)
    assert type(after) is type(optimiser) and after.defaults == optimiser.defaults
    assert {id(p) for g in after.param_groups for p in g["params"]} == {
        id(p) for p in made.module.parameters()}
    for key, value in optimiser.state_dict()["state"].items():
        assert all(torch.equal(torch.as_tensor(v), torch.as_tensor(before["state"][key][k]))
                   for k, v in value.items())


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_kept_keeps_its_state_and_what_is_new_has_none(trained, edit):
    module, optimiser, batch, _ = trained
    made = EDITS[edit](module, batch)
    after = made.surgery.apply(optimiser, module, made.module)
    old = dict(module.named_parameters())
    for name, parameter in made.module.named_parameters():
        assert (parameter in after.state) == (name in old)
        if name in old and parameter.shape == old[name].shape:
            for key, value in optimiser.state[old[name]].items():
                assert torch.equal(torch.as_tensor(after.state[parameter][key]),
                                   torch.as_tensor(value)), (name, key)


@pytest.mark.parametrize("edit", EDITS)
def test_a_step_after_the_edit_moves_all_that_it_should(trained, edit):
    module, optimiser, batch, labels = trained
    made = EDITS[edit](module, batch)
    after = made.surgery.apply(optimiser, module, made.module)
    before = {name: value.detach().clone() for name, value in made.module.named_parameters()}
    step(made.module, after, batch, labels)
    step(made.module, after, batch, labels)
    # biases before a BatchNorm have no gradient but rounding; the first is behind a zero
    still = {name for name in before if name.endswith((".bias", "layer1.weight"))}
    assert set(before) - moved(before, made.module) <= still


def test_moments_of_a_widening_are_those_of_its_gradients():
    """Splits scale gradients of copied rows and leave those of shared columns."""
    net = NETS["residual_depthwise_concat"]
    batch, labels = example_of(net, 16).double(), torch.arange(16) % 10
    module = Listed(net).double()
    made = widen(module, "c0", 12, batch, seed=3)
    for part in (module, made.module):
        nn.functional.cross_entropy(part(batch), labels).backward()
    for name, parameter in module.named_parameters():
        wide = made.module.get_parameter(name).grad
        expected, square = parameter.grad, parameter.grad.square()
        for change in made.surgery.steps[name]:
            expected, square = change.first(expected), change.second(square)
        torch.testing.assert_close(wide, expected, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(wide.square(), square, rtol=1e-9, atol=1e-12)


def test_gradients_behind_a_zero_block_are_unchanged():
    net = NETS["residual_depthwise_concat"]
    batch, labels = example_of(net, 16).double(), torch.arange(16) % 10
    module = Listed(net).double()
    made = deepen_residual_zero(module, "r2", batch).module
    for part in (module, made):
        nn.functional.cross_entropy(part(batch), labels).backward()
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(made.get_parameter(name).grad, parameter.grad, rtol=1e-12,
                                   atol=1e-14)


@pytest.mark.parametrize(("forth", "back"), [
    (EDITS["identity"], lambda e, x: remove(e.module, e.report["nodes"])),
    (EDITS["residual"], lambda e, x: remove(e.module, e.report["nodes"])),
    (EDITS["widen"], lambda e, x: merge(e.module, "c0", e.report["index_map"], x)),
    (EDITS["segment"], lambda e, x: merge(e.module, "p1", e.report["index_map"], x)),
    (EDITS["kernel"], lambda e, x: crop(e.module, ["c1", "dw"])),
], ids=EDITS)
def test_the_way_back_restores_weights_and_moments(trained, forth, back):
    module, optimiser, batch, _ = trained
    made = forth(module, batch)
    there = made.surgery.apply(optimiser, module, made.module)
    undone = back(made, batch)
    again = undone.surgery.apply(there, made.module, undone.module)
    old = dict(module.named_parameters())
    assert set(old) == {name for name, _ in undone.module.named_parameters()}
    for name, parameter in undone.module.named_parameters():
        torch.testing.assert_close(parameter, old[name], rtol=1e-12, atol=1e-15)
        for key, value in optimiser.state[old[name]].items():
            torch.testing.assert_close(again.state[parameter][key], value, rtol=1e-12, atol=1e-15)
    assert drift(module.eval(), undone.module.eval(), batch) <= 1e-12


def test_equal_splits_keep_copies_alike_and_unequal_ones_do_not():
    """The reason why shares are unequal: under SGD equal copies stay copies for ever."""
    net = NETS["mlp"]
    batch, labels = example_of(net, 32).double(), torch.arange(32) % 10
    apart = {}
    copies = np.r_[np.arange(32), np.arange(16)]
    for name, split in (("equal", 1 / np.bincount(copies)[copies]), ("unequal", None)):
        made = widen(Listed(net).double(), "fc0", 48, batch, index_map=copies, split=split)
        optimiser = torch.optim.SGD(made.module.parameters(), .5)
        for _ in range(5):
            step(made.module, optimiser, batch, labels)
        weight = made.module.get_parameter("fc0.weight").detach()
        apart[name] = float((weight[:16] - weight[32:]).abs().max())
    assert apart["equal"] < 1e-12 and apart["unequal"] > 1e-4


def test_noise_sets_copies_apart_and_is_not_exact():
    net = NETS["mlp"]
    module, batch = Listed(net).double(), example_of(net, 8).double()
    made = widen(module, "fc0", 48, batch, noise=1e-2)
    assert made.report["split"] == [1 / made.report["index_map"].count(i)
                                    for i in made.report["index_map"]]
    assert 1e-6 < drift(module, made.module, batch) < .05
    torch.testing.assert_close(made.module.get_parameter("fc0.weight")[:32], module.fc0.weight)


def test_groups_of_an_optimiser_stay():
    module = Listed(NETS["mlp"])
    batch = example_of(NETS["mlp"], 4)
    optimiser = torch.optim.Adam([{"params": [module.fc0.weight], "lr": .1},
                                  {"params": [module.fc1.weight], "lr": .2}])
    made = deepen_identity(module, "act0", batch, calibration=batch)
    after = made.surgery.apply(optimiser, module, made.module)
    names = {id(p): name for name, p in made.module.named_parameters()}
    assert [[names[id(p)] for p in group["params"]] for group in after.param_groups] == [
        ["fc0.weight", "act0_deeper0.layer.weight", "act0_deeper0.layer.bias"], ["fc1.weight"]]
    assert [group["lr"] for group in after.param_groups] == [.1, .2]


def test_state_of_an_unknown_optimiser_is_refused(trained):
    module, optimiser, *_ = trained
    parameter = module.c1.weight
    optimiser.state[parameter]["preconditioner"] = torch.zeros_like(parameter)
    made = kernel_grow(module, "c1")
    with pytest.raises(Refused, match="state preconditioner of the optimiser is unknown"):
        made.surgery.apply(optimiser, module, made.module)
    with pytest.raises(Refused, match=r"LBFGS keeps one state for all.*; use Adam, AdamW or SGD"):
        made.surgery.apply(torch.optim.LBFGS(module.parameters()), module, made.module)


def test_distillation_brings_a_student_back():
    net = NETS["digits_gap"]
    draws = torch.Generator().manual_seed(0)
    inputs = [torch.randn(64, 1, 8, 8, generator=draws) for _ in range(120)]
    wide = widen(in_training(Listed(net), inputs[0]), "conv1", 24, inputs[0]).module
    with torch.no_grad():
        for parameter in wide.parameters():
            parameter += .2 * torch.randn(parameter.shape, generator=draws)
    teacher = wide.eval()
    batches = [(x, teacher(x).detach().argmax(1)) for x in inputs]
    student = merge(wide, "conv1", [*range(16), *range(8)], inputs[0]).module
    before, kept = _divergence(student, teacher, inputs[-1]), copy.deepcopy(wide.state_dict())
    losses = distil(student.train(), wide.train(), batches,
                    torch.optim.Adam(student.parameters(), .005))
    assert len(losses) == 100 and wide.training
    assert all(torch.equal(value, kept[name]) for name, value in wide.state_dict().items())
    assert _divergence(student, teacher, inputs[-1]) < .75 * before


@torch.no_grad()
def _divergence(student, teacher, batch):
    logs = [net.eval()(batch).log_softmax(1) for net in (student, teacher)]
    return float(nn.functional.kl_div(*logs, reduction="batchmean", log_target=True))


def test_distillation_loss_by_hand():
    student, teacher = torch.tensor([[2., 0.]]), torch.tensor([[0., 2.]])
    p = 1 / (1 + np.e)          # softmax of (0, 1) and of (1, 0) at temperature 2
    divergence = (1 - 2 * p) * np.log((1 - p) / p)
    expected = .25 * np.log1p(np.exp(-2.)) + .75 * 4 * divergence
    loss = distillation_loss(student, teacher, torch.tensor([0]))
    assert float(loss) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", NETS)
def test_edited_networks_save_and_load(name, tmp_path):
    net = NETS[name]
    batch = example_of(net, 8)
    place = {"mlp": "act0", "residual_depthwise_concat": "r2", "groupnorm_strided": "a1"}

    def edited(module):
        return deepen_identity(module, place.get(name, "act1"), batch, calibration=batch).module

    module = edited(in_training(Listed(net), batch))
    save_file(module.state_dict(), tmp_path / "edited.safetensors")
    fresh = edited(Listed(net))
    assert drift(module.eval(), fresh.eval(), batch) > 0
    fresh.load_state_dict(load_file(tmp_path / "edited.safetensors"))
    assert drift(module, fresh, batch) == 0
