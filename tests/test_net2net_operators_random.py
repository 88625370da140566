"""Edits of random networks: refused with a reason, or the function stays in both modes."""
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from envs.net2net.operators import (
    Refused,
    counts,
    deepen_identity,
    deepen_residual_zero,
    kernel_grow,
    merge,
    widen,
)
from envs.net2net.oracles.networks import Listed, example_of, place
from tests.net2net_edits import drift, in_training, step
from tests.net2net_random import networks

KEPT = {torch.float64: 1e-10, torch.float32: 1e-5}
FEW = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def prepared(net, dtype=torch.float64):
    """A module whose statistics have moved, a batch to match, and a fresh one."""
    module = in_training(Listed(net), example_of(net, 16)).to(dtype)
    return module, example_of(net, 8, 1).to(dtype), example_of(net, 8, 2).to(dtype)


def require_kept(module, edited, matched, fresh, dtype=torch.float64):
    assert drift(module.eval(), edited.eval(), fresh) <= KEPT[dtype]
    assert drift(module.train(), edited.train(), matched) <= KEPT[dtype]


@FEW
@given(networks(), st.data())
def test_identities(net, data):
    module, batch, fresh = prepared(net)
    node = data.draw(st.sampled_from(net["nodes"]))
    try:
        edited = deepen_identity(module, place(net, node["name"]), batch, calibration=batch).module
    except Refused as refused:
        assert node["op"] != "relu"
        assert any(why in str(refused) for why in (
            "is not idempotent", "value can be negative"))
        return
    require_kept(module, edited, batch, fresh)
    assert counts(edited, batch) > counts(module, batch)


@FEW
@given(networks(), st.data())
def test_residual_blocks(net, data):
    module, batch, fresh = prepared(net)
    node = data.draw(st.sampled_from([n for n in net["nodes"] if n["op"] in (
        "relu", "gelu", "tanh", "concat", "add")]))
    try:
        edited = deepen_residual_zero(module, place(net, node["name"]), batch).module
    except Refused as refused:
        assert "no activation above" in str(refused) and node["op"] == "concat"
        return
    require_kept(module, edited, batch, fresh)
    assert drift(module.train(), edited.train(), fresh) <= KEPT[torch.float64]


@FEW
@given(networks(), st.data(), st.integers(1, 7), st.integers(0, 99))
def test_widenings_and_back(net, data, more, seed):
    module, batch, fresh = prepared(net)
    node = data.draw(st.sampled_from([n for n in net["nodes"] if n["op"] in (
        "conv2d", "linear")]))
    width = node["out"] + more
    try:
        made = widen(module, node["name"], width, batch, seed=seed)
    except Refused as refused:
        reason = str(refused)
        assert "output units" not in reason or node["name"] == net["output"]
        assert "depthwise" not in reason or node["groups"] > 1
        assert any(why in reason for why in ("output units are fixed", "depthwise convolution",
                                             "GroupNorm needs a whole multiple of the width"))
        return
    require_kept(module, made.module, batch, fresh)
    assert drift(module.train(), made.module.train(), fresh) <= KEPT[torch.float64]
    back = merge(made.module, node["name"], made.report["index_map"], batch).module
    require_kept(module, back, batch, fresh)
    assert counts(back, batch) == counts(module, batch)


@FEW
@given(networks(), st.data(), st.sampled_from([2, 3]))
def test_whole_multiples_are_accepted_behind_a_groupnorm(net, data, times):
    """Also where the units meet others in an addition, or are carried on."""
    convolutions = [n for n in net["nodes"] if n["op"] == "conv2d" and n["groups"] == 1]
    node = data.draw(st.sampled_from(convolutions))
    module, batch, fresh = prepared(net)
    joined = any(n["op"] == "concat" for n in net["nodes"])
    try:
        edited = widen(module, node["name"], times * node["out"], batch).module
    except Refused as refused:
        # only one part of a concatenation grows, so that groups behind it would
        assert joined and "GroupNorm" in str(refused)
        return
    require_kept(module, edited, batch, fresh)


@FEW
@given(networks(), st.data())
def test_kernels(net, data):
    module, batch, fresh = prepared(net)
    convolutions = [n["name"] for n in net["nodes"] if n["op"] == "conv2d"]
    chosen = data.draw(st.lists(st.sampled_from(convolutions), min_size=1, unique=True))
    require_kept(module, kernel_grow(module, chosen).module, batch, fresh)


EDITS = {
    "identity": lambda m, name, x: deepen_identity(m, name, x, calibration=x),
    "residual": lambda m, name, x: deepen_residual_zero(m, name, x),
    "widen": lambda m, name, x: widen(m, name, 12, x),
    "kernel": lambda m, name, x: kernel_grow(m, name),
}


@pytest.mark.parametrize("dtype", KEPT, ids=str)
@FEW
@given(networks(), st.data())
def test_edits_in_a_row_with_training_between(dtype, net, data):
    module, batch, fresh = prepared(net, dtype)
    labels = torch.arange(8) % 4
    optimiser = torch.optim.Adam(module.parameters(), .001)
    done = 0
    for kind in data.draw(st.permutations(list(EDITS))):
        node = data.draw(st.sampled_from(net["nodes"]))
        try:
            made = EDITS[kind](module, place(net, node["name"]), batch)
        except Refused:
            continue
        require_kept(module, made.module, batch, fresh, dtype)
        optimiser = made.surgery.apply(optimiser, module, made.module)
        module, done = made.module.train(), done + 1
        assert step(module, optimiser, batch, labels) < 100
    assume(done > 0)
    assert counts(module, batch)[0] == sum(p.numel() for group in optimiser.param_groups
                                           for p in group["params"])
