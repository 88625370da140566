"""What cannot be transformed is refused with the reason; nothing is guessed."""
import pytest
import torch
from torch import nn
from torch.nn import functional

from envs.net2net.operators import (
    Refused,
    crop,
    deepen_identity,
    deepen_residual_zero,
    kernel_grow,
    merge,
    private_copy,
    remove,
    widen,
)
from tests.net2net_edits import drift

IMAGE = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
ROW = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))


class Written(nn.Module):
    """Layers a, b, c and a forward function of them."""

    def __init__(self, run, **layers):
        super().__init__()
        self.run = run
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x):
        return self.run(self, x)


def net(*layers):
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), *layers, nn.Conv2d(4, 2, 1))


def deepen(module, after="1", example=IMAGE):
    return deepen_identity(module, after, example, calibration=example)


def tied():
    module = Written(lambda m, x: m.b(functional.relu(m.a(x))), a=nn.Linear(6, 6),
                     b=nn.Linear(6, 6))
    module.b.weight = module.a.weight
    return module


def twice():
    return Written(lambda m, x: m.b(functional.relu(m.a(functional.relu(m.a(x))))),
                   a=nn.Linear(6, 6), b=nn.Linear(6, 2))


def weightless():
    """A convolution whose weight is a plain tensor, as hooks that compute it leave it."""
    layer = nn.Conv2d(3, 4, 1)
    weight = layer.weight.detach().clone()
    del layer.weight
    layer.weight = weight
    return layer


def branching(m, x):
    return m.a(x) if x.sum() > 0 else m.b(x)


def normalised(m, x):
    return m.b(functional.relu(functional.batch_norm(m.a(x), None, None, training=True)))


def two(run, **more):
    return Written(run, a=nn.Conv2d(3, 4, 3, padding=1), b=nn.Conv2d(4, 2, 1), **more)


RELU = functional.relu
REFUSALS = {
    "gelu": (lambda: deepen(net(nn.GELU())), "activation gelu is not idempotent"),
    "leaky": (lambda: deepen(net(nn.LeakyReLU())), "activation leaky_relu is not idempotent"),
    "functional tanh": (lambda: deepen(two(lambda m, x: m.b(torch.tanh(m.a(x)))), "tanh"),
                        "activation tanh is not idempotent"),
    "pooled gelu": (lambda: deepen(net(nn.GELU(), nn.MaxPool2d(2)), "2"),
                    "activation gelu is not idempotent"),
    "negative": (lambda: deepen(net(nn.BatchNorm2d(4), nn.ReLU())),
                 "value can be negative and is not a fixed point of the activation"),
    "norm behind relu": (lambda: deepen(net(nn.ReLU(), nn.BatchNorm2d(4)), "2"),
                         "value can be negative"),
    "sum with a convolution": (lambda: deepen(two(
        lambda m, x: m.b(RELU(m.a(x)) + m.a2(x)), a2=nn.Conv2d(3, 4, 1)), "add"),
        "value can be negative"),
    "sum of relu6": (lambda: deepen(two(
        lambda m, x: m.b(functional.relu6(m.a(x)) + functional.relu6(m.a2(x))),
        a2=nn.Conv2d(3, 4, 1)), "add"), "value can exceed 6"),
    "dropout": (lambda: deepen(net(nn.ReLU(), nn.Dropout()), "2"), "not a fixed point"),
    "input": (lambda: deepen(nn.Sequential(nn.ReLU(), nn.Conv2d(3, 2, 1)), "0"),
              "no convolution or linear layer above"),
    "no calibration": (lambda: deepen_identity(net(nn.BatchNorm2d(4), nn.ReLU()), "2", IMAGE),
                       "a matched BatchNorm needs a calibration batch"),
    "unknown form": (lambda: deepen_identity(net(nn.ReLU()), "1", IMAGE, batchnorm="matchd"),
                     'batchnorm: unknown value "matchd"; did you mean "matched"?'),
    "even kernel": (lambda: deepen(nn.Sequential(nn.Conv2d(3, 4, 2), nn.ReLU())),
                    "has no middle"),
    "lost pixels": (lambda: deepen(two(lambda m, x: m.b(RELU(m.a(x)).mean(3)[..., None])), "mean"),
                    "the value has not the pixels of its convolutions"),
    "nameless": (lambda: deepen(net(nn.ReLU()), "11"), "11: no such node"),
    "no activation": (lambda: deepen_residual_zero(net(), "0", IMAGE), "no activation above"),
    "unknown above": (lambda: deepen(two(lambda m, x: m.b(RELU(m.a(x) * 2))), "relu"),
                      "unknown operation mul"),
    "functional norm": (lambda: deepen(two(normalised), "relu"), "unknown operation batch_norm"),
    "functional norm, wide": (lambda: widen(two(normalised), "a", 6, IMAGE),
                              "unknown operation batch_norm"),
    "output": (lambda: widen(net(nn.ReLU()), "2", 6, IMAGE), "output units are fixed"),
    "input units": (lambda: widen(two(lambda m, x: m.c(m.a2(x) + x), a2=nn.Conv2d(3, 3, 1),
                                      c=nn.Conv2d(3, 2, 1)), "a2", 6, IMAGE),
                    "output units are fixed"),
    "depthwise": (lambda: widen(net(nn.Conv2d(4, 4, 1, groups=4)), "1", 6, IMAGE),
                  "depthwise convolution follows its producer; widen the producer"),
    "groups": (lambda: widen(net(nn.Conv2d(4, 4, 1, groups=2)), "0", 6, IMAGE), "2 groups"),
    "own groups": (lambda: widen(net(nn.Conv2d(4, 4, 1, groups=2)), "1", 6, IMAGE), "2 groups"),
    "groupnorm": (lambda: widen(net(nn.GroupNorm(2, 4)), "0", 6, IMAGE),
                  "GroupNorm needs a whole multiple of the width"),
    "groupnorm, own map": (lambda: widen(net(nn.GroupNorm(2, 4)), "0", 8, IMAGE,
                                         index_map=[0, 1, 2, 3, 0, 1, 2, 3]),
                           "GroupNorm needs a whole multiple of the width"),
    "layernorm": (lambda: widen(nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.Linear(4, 2)),
                                "0", 6, ROW), "LayerNorm needs a whole multiple of the width"),
    "narrower": (lambda: widen(net(nn.ReLU()), "0", 4, IMAGE),
                 "width 4 is not above the present 4"),
    "no layer": (lambda: widen(net(nn.ReLU()), "1", 6, IMAGE), "no convolution or linear layer"),
    "tied": (lambda: widen(tied(), "a", 8, ROW), "its weights are shared (tied)"),
    "which call": (lambda: kernel_grow(Written(
        lambda m, x: m.s[0](m.s[0](x)), s=nn.Sequential(nn.Conv2d(3, 3, 1))), "s.0"),
        "s.0: is called more than once; name one of the calls: s_0, s_1"),
    "no such call": (lambda: kernel_grow(Written(
        lambda m, x: m.s[0](m.s[0](x)), s=nn.Sequential(nn.Conv2d(3, 3, 1))), "nothing"),
        "nothing: no such node; known: x, s_0, s_1, output"),
    "called again": (lambda: widen(twice(), "a_1", 8, ROW), "its weights are shared (tied)"),
    "parametrized": (lambda: kernel_grow(nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 1))), "0"), "is no convolution"),
    "made from others": (lambda: kernel_grow(nn.Sequential(weightless()), "0"),
                         "its weight is parametrized"),
    "multiplied": (lambda: widen(two(lambda m, x: m.b(m.a(x) * x.mean())), "a", 6, IMAGE),
                   "unknown operation mul"),
    "dropout on the way": (lambda: widen(net(nn.Dropout2d()), "0", 6, IMAGE), "dropout"),
    "chunked": (lambda: widen(two(lambda m, x: m.b(torch.chunk(m.a(x), 1, 1)[0])), "a", 6, IMAGE),
                "unknown operation chunk"),
    "all of the shape": (lambda: widen(two(
        lambda m, x: m.b(functional.interpolate(m.a(x), size=x.shape[2:]))), "a", 6, IMAGE),
        "unknown operation interpolate"),
    "fixed view": (lambda: widen(Written(
        lambda m, x: m.b(m.a(x).view(4, 256)), a=nn.Conv2d(3, 4, 3, padding=1),
        b=nn.Linear(256, 2)), "a", 6, IMAGE), "unknown operation view"),
    "broadcast": (lambda: widen(two(lambda m, x: m.b(m.a(x) + m.a2(x).mean((2, 3), True)),
                                    a2=nn.Conv2d(3, 4, 1)), "a", 6, IMAGE), "broadcasts"),
    "scattered": (lambda: widen(two(
        lambda m, x: m.b(m.a(x) + torch.cat([m.c(x), m.d(x)], 1)), c=nn.Conv2d(3, 2, 1),
        d=nn.Conv2d(3, 2, 1)), "a", 6, IMAGE, index_map=[0, 1, 2, 3, 0, 2]),
        "the terms of an addition cannot widen alike"),
    "map": (lambda: widen(net(nn.ReLU()), "0", 6, IMAGE, index_map=[0, 1, 2, 2, 2, 2]),
            "the index map must name each of the 4 units"),
    "split": (lambda: widen(net(nn.ReLU()), "0", 5, IMAGE, index_map=[0, 1, 2, 3, 0],
                            split=[.5, 1, 1, 1, .6]), "the split must sum to 1"),
    "merge map": (lambda: merge(net(nn.ReLU()), "0", [0, 1, 1], IMAGE),
                  "the index map must name 4 units"),
    "crop": (lambda: crop(net(nn.ReLU()), "2"), "has no ring to drop"),
    "crop without padding": (lambda: crop(nn.Sequential(nn.Conv2d(3, 4, 3)), "0"),
                             "has no ring to drop"),
    "kernel of a linear layer": (lambda: kernel_grow(nn.Sequential(nn.Linear(6, 2)), "0"),
                                 "is no convolution"),
    "remove": (lambda: remove(net(nn.BatchNorm2d(4), nn.ReLU()), ["_0", "_2"]), "no block"),
    "control flow": (lambda: widen(two(branching), "a", 6, IMAGE), "mark what decides on data"),
    "mode": (lambda: kernel_grow(two(lambda m, x: m.b(functional.dropout(
        m.a(x), .5, m.training))), "a"), "the graph differs between train and eval mode"),
    "inputs": (lambda: widen(Written(lambda m, x: m.b(m.a(x)), a=nn.Linear(6, 4),
                                     b=nn.Linear(4, 2)), "a", 6, ()), "too few inputs"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(case):
    edit, reason = REFUSALS[case]
    with pytest.raises(Refused) as refused:
        edit()
    assert reason in str(refused.value) and "\n" not in str(refused.value)


class Deciding(nn.Module):
    """Looks at its data."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_what_decides_on_data_can_be_a_leaf():
    module = two(lambda m, x: m.c(m.gate(m.b(RELU(m.a(x))))), gate=Deciding(),
                 c=nn.Conv2d(2, 2, 1))
    traced = private_copy(module, leaves=(Deciding,))
    assert drift(module, widen(traced, "a", 6, IMAGE).module, IMAGE) < 1e-6
    with pytest.raises(Refused, match="unknown operation Deciding"):
        widen(traced, "b", 4, IMAGE)


ACCEPTED = {
    "view": lambda m, x: m.f(RELU(m.a(x)).view(x.size(0), -1)),
    "own size": lambda m, x: (lambda y: m.f(y.reshape(y.shape[0], -1)))(RELU(m.a(x))),
    "method": lambda m, x: m.f(m.a(x).relu().flatten(1)),
    "function": lambda m, x: m.f(torch.flatten(RELU(m.a(x), inplace=True), 1)),
    "twice the same": lambda m, x: (lambda y: m.f(torch.flatten(y + y, 1)))(RELU(m.a(x))),
    "in place": lambda m, x: m.f(torch.flatten(RELU(m.a(x)).add_(RELU(m.a2(x))), 1)),
    "one activation twice": lambda m, x: m.f(m.act(m.act(m.a(x))).flatten(1)),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_other_ways_to_write_the_same_are_understood(case):
    module = Written(ACCEPTED[case], a=nn.Conv2d(3, 4, 3, padding=1), a2=nn.Conv2d(3, 4, 1),
                     act=nn.ReLU(), f=nn.Linear(256, 2))
    edit = widen(module, "a", 7, IMAGE)
    assert drift(module, edit.module, IMAGE) < 1e-5
    assert edit.module.get_submodule("f").in_features == 448
    place = {"one activation twice": "act_1", "twice the same": "add", "in place": "add_"}
    deep = deepen(edit.module, place.get(case, "relu")).module
    assert drift(module, deep, IMAGE) < 1e-5


def test_units_that_meet_a_concatenation_widen_by_its_parts():
    module = two(lambda m, x: m.b(RELU(m.a(x) + torch.cat([m.c(x), m.d(x)], 1))),
                 c=nn.Conv2d(3, 2, 1), d=nn.Conv2d(3, 2, 1))
    edit = widen(module, "c", 3, IMAGE)
    assert edit.report["widened_together"] == ["a", "c"]
    assert drift(module, edit.module, IMAGE) < 1e-6
    edit = widen(module, "a", 6, IMAGE, index_map=[0, 1, 2, 3, 3, 2])
    assert edit.report["widened_together"] == ["a", "d"]
    assert drift(module, edit.module, IMAGE) < 1e-6


def test_layers_of_one_and_three_pixel_axes():
    for rank, conv, norm in ((1, nn.Conv1d, nn.BatchNorm1d), (3, nn.Conv3d, nn.BatchNorm3d)):
        module = nn.Sequential(conv(2, 4, 3, padding="same"), norm(4), nn.ReLU(), conv(4, 3, 1))
        batch = torch.randn(6, 2, *(5,) * rank)
        for edit in (deepen(module, "2", batch), widen(module, "0", 7, batch),
                     kernel_grow(module, ["0", "3"])):
            assert drift(module.train(), edit.module.train(), batch) < 1e-5
            assert drift(module.eval(), edit.module.eval(), batch) < 1e-5


@pytest.mark.parametrize("more", [
    {"dilation": 2}, {"dilation": (1, 2), "padding": (0, 3)}, {"stride": 2, "padding": 1},
    {"padding": "same", "dilation": 2}, {"padding": "valid"}, {"kernel_size": 2},
    {"kernel_size": (1, 4), "padding": (0, 2)}, {"padding": 1, "padding_mode": "reflect"},
    {"padding": 2, "padding_mode": "circular"}], ids=str)
def test_kernels_of_every_form_grow_and_shrink_again(more):
    module = nn.Sequential(nn.Conv2d(3, 4, **{"kernel_size": 3, **more}))
    grown = kernel_grow(module, "0").module
    assert drift(module, grown, IMAGE) < 1e-6
    assert torch.equal(crop(grown, "0").module(IMAGE), module(IMAGE))


def test_layernorm_and_prelu_are_carried_along():
    module = nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.PReLU(4), nn.Linear(4, 2))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += torch.randn(parameter.shape)
    edit = widen(module, "0", 12, ROW)
    assert edit.report["index_map"] == [i // 3 for i in range(12)]
    assert drift(module, edit.module, ROW) < 1e-5


def test_linear_layers_of_sequences():
    """Units on the last of three axes, tokens on the second."""
    module = Written(lambda m, x: m.c(m.n(m.a(x).relu() + m.b(x)).mean(1)), a=nn.Linear(6, 4),
                     b=nn.Linear(6, 4), n=nn.LayerNorm(4), c=nn.Linear(4, 2))
    words = torch.randn(3, 5, 6)
    edit = widen(module, "b", 8, words)
    assert edit.report["widened_together"] == ["a", "b"]
    assert drift(module, edit.module, words) < 1e-5
    assert drift(module, deepen(module, "relu", words).module, words) < 1e-5
