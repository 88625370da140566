"""Edits of the five shared networks: counts, worked numbers, and the function that they keep."""
import pytest
import torch
from torch import nn

from envs.core.oracles import Content
from envs.net2net.operators import (
    Refused,
    counts,
    deepen_identity,
    deepen_residual_zero,
    kernel_grow,
    private_copy,
)
from envs.net2net.oracles.networks import Listed, example_of
from envs.net2net.oracles.operators import (
    check_counts,
    check_nets,
    check_operators,
    edit_of,
)
from tests.net2net_edits import drift, in_training, same_choice
from tests.net2net_oracles import FOLDER, oracle

NETS = {net["name"]: net for net in oracle("nets")["nets"]}
CASES = oracle("net_counts")["cases"]
MADE = [case for case in CASES if "refused" not in case]
KEPT = {torch.float64: 1e-10, torch.float32: 1e-5}


def label(case):
    return f"{case['net']} {case['operator']} {case.get('after') or case.get('target')}"


@pytest.mark.parametrize(("check", "name", "instances"), [
    (check_nets, "nets", 5), (check_counts, "net_counts", 54), (check_operators, "operators", 5)])
def test_shared_numbers(check, name, instances):
    outcomes = list(check(name, Content(oracle(name), name, FOLDER)))
    assert len(outcomes) == instances
    assert [o for o in outcomes if o.differences] == []


def test_a_wrong_count_is_noticed():
    content = Content({"cases": [CASES[0] | {"macs_after": 1}]}, "lie", FOLDER)
    assert "macs_after: expected 1, got 60064" in str(list(check_counts("lie", content)))


def test_a_wrong_refusal_is_noticed():
    lies = [CASES[0] | {"refused": "no"}, MADE[0] | {"after": "bn0"}]
    content = Content({"cases": lies}, "lie", FOLDER)
    assert all(o.differences for o in check_counts("lie", content))


@pytest.mark.parametrize("case", [c for c in CASES if "refused" in c], ids=label)
def test_refusals_say_why(case):
    net = NETS[case["net"]]
    with pytest.raises(Refused) as refused:
        edit_of(case, Listed(net), example_of(net))
    assert case["refused"] in str(refused.value)


@pytest.mark.parametrize("dtype", KEPT, ids=str)
@pytest.mark.parametrize("case", MADE, ids=label)
def test_the_function_stays(case, dtype):
    net = NETS[case["net"]]
    module = in_training(Listed(net), example_of(net, 64)).to(dtype)
    calibration = example_of(net, 32, seed=1).to(dtype)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    edit = edit_of(case, module, calibration)
    fresh = example_of(net, 16, seed=2).to(dtype)
    assert drift(module.eval(), edit.module.eval(), fresh) <= KEPT[dtype]
    assert same_choice(module, edit.module, fresh)
    assert drift(module.train(), edit.module.train(), calibration) <= KEPT[dtype]
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_edited_networks_can_be_edited_again(net):
    """Two edits in a row equal the counts of one architecture, whatever the order."""
    module, example = Listed(net), example_of(net)
    first, second = [c for c in MADE if (c["net"] == net["name"] and "kernel" in c["operator"])
                     or (c["net"] == net["name"] and c["operator"] == "widen")][:2]
    there = edit_of(second, edit_of(first, module, example).module, example)
    back = edit_of(first, edit_of(second, module, example).module, example)
    assert counts(there.module, example) == counts(back.module, example)
    assert drift(module.eval(), there.module.eval(), example) <= 1e-5


def test_ablations_do_not_keep_the_function():
    net = NETS["digits_gap"]
    module, example = in_training(Listed(net), example_of(net, 64)), example_of(net, 32)
    naive = deepen_identity(module, "act0", example, batchnorm="default").module
    assert drift(module.eval(), naive.eval(), example) < 1e-4
    assert drift(module.train(), naive.train(), example) > .02
    fresh = deepen_identity(module, "act0", example, calibration=example, weights="fresh").module
    assert drift(module.eval(), fresh.eval(), example) > .1


def test_matching_touches_no_running_statistic():
    net = NETS["digits_gap"]
    module, batch = private_copy(in_training(Listed(net), example_of(net, 64))), example_of(net, 32)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    edit = deepen_identity(module, "act1", batch, calibration=batch)
    assert torch.equal(torch.get_rng_state(), state)
    after = edit.module.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("training", [True, False])
def test_new_layers_are_in_the_mode_of_the_network(training):
    net = NETS["digits_gap"]
    batch = example_of(net, 8)
    module = Listed(net).train(training)
    for edit in (deepen_identity(module, "act1", batch, calibration=batch),
                 kernel_grow(module, "conv0")):
        parts = [m for m in edit.module.modules() if not list(m.children())]
        assert {m.training for m in parts} == {training} == {edit.module.training}


def test_activations_with_settings_are_copied():
    module = nn.Sequential(nn.Linear(6, 4), nn.LeakyReLU(.3, inplace=True), nn.Linear(4, 2))
    row = torch.randn(5, 6)
    made = deepen_residual_zero(module, "1", row).module
    assert drift(module, made, row) < 1e-6
    act = made.get_submodule("_1_deeper0.act")
    assert act.negative_slope == .3 and act is not made.get_submodule("1")


def test_blocks_take_the_name_that_is_given():
    net = NETS["digits_gap"]
    batch = example_of(net, 8)
    edit = deepen_identity(Listed(net), "act1", batch, calibration=batch, name="stage1.one")
    assert edit.module.get_submodule("stage1.one.layer").kernel_size == (3, 3)
    with pytest.raises(Refused, match="there is a layer of this name"):
        deepen_identity(edit.module, "act1", batch, calibration=batch, name="stage1.one")
