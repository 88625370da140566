"""Graphs of PyTorch models: the shared cases, flops by hand, and what cannot become a graph."""
from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from agents.torch_graphs import CPU, GPU, Roofline, graph_of
from envs.core.errors import TraceError
from envs.dag.features import critical_path
from envs.dag.generator.measure import least_work
from envs.dag.graph import canonical_text, checksum
from tests.dag_oracles import oracle


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.n = nn.BatchNorm2d(8)

    def forward(self, x):
        return torch.relu(self.b(torch.relu(self.n(self.a(x)))) + x)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(32, 32) for _ in range(4))

    def forward(self, x):
        w = torch.matmul(self.q(x), self.k(x).transpose(1, 2)) / 5.0
        return self.o(torch.matmul(torch.softmax(w, -1), self.v(x)))


MODELS = {
    "mlp": lambda: nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)),
    "residual": Residual, "attention": Attention,
    "grouped": lambda: nn.Sequential(
        nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=4), nn.BatchNorm2d(16), nn.Dropout(0.1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3, bias=False)),
}


@pytest.mark.parametrize("case", oracle("fx")["models"], ids=lambda case: case["name"])
def test_shared_models(case):
    graph = graph_of(MODELS[case["name"]](), torch.zeros(*case["input"]))
    assert canonical_text(graph) == case["canonical"] and checksum(graph) == case["checksum"]
    assert dict(zip(graph.tiles, graph.tile_bytes.tolist(), strict=True)) == case["tiles"]
    assert [[i, j] for i, j in zip(graph.src, graph.dst, strict=True)] == case["edges"]
    assert critical_path(graph, least_work(graph)) == case["critical_path"]
    for row, name, kind, ticks in zip(case["tasks"], graph.ids, graph.kind,
                                      graph.duration.tolist(), strict=True):
        name_, kind_, flops, size, *expected = row
        assert [name, graph.kinds[kind], *ticks] == [name_, kind_, *expected]
        assert [round(d.seconds(flops, size) * 1e9) for d in (CPU, GPU)] == pytest.approx(
            expected, abs=1)


def test_flops_count_with_a_bandwidth_that_does_not():
    def ticks(model, *shape):
        unit = Roofline(0.0, 1e9, float("inf"))
        return graph_of(model, torch.zeros(*shape), unit, unit).duration[:, 0].tolist()

    assert ticks(nn.Sequential(nn.Linear(7, 5)), 3, 7) == [2 * 15 * 7]
    assert ticks(nn.Sequential(nn.Conv1d(4, 6, 3)), 2, 4, 10) == [2 * (2 * 6 * 8) * 4 * 3]
    assert ticks(nn.Sequential(nn.Conv3d(2, 4, 2, groups=2)), 1, 2, 3, 3, 3) == [2 * 32 * 1 * 8]
    assert ticks(nn.Sequential(nn.Flatten(), nn.Identity(), nn.ReLU()), 2, 3, 4) == [0, 0, 24]

    class Products(nn.Module):
        def forward(self, x):
            return torch.bmm(x, x.permute(0, 2, 1)) @ x

    assert ticks(Products(), 2, 3, 4) == [0, 2 * 18 * 4, 2 * 24 * 3]


def test_the_model_is_left_alone():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    graph_of(model, torch.ones(4, 3))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_parameters_of_the_model_itself_and_shared_layers():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.twice = nn.Parameter(torch.ones(3)), nn.Linear(3, 3)

        def forward(self, x, y):
            return self.twice(self.twice(x * self.scale)) + y

    graph = graph_of(Own(), (torch.zeros(2, 3), torch.zeros(2, 3)))
    assert graph.name == "Own" and graph.ids == ("mul", "twice", "twice_1", "add")
    assert [graph.tiles.count(t) for t in ("scale", "twice.weight", "x", "y")] == [1, 1, 1, 1]
    edges = zip(graph.src.tolist(), graph.dst.tolist(), strict=True)
    assert list(edges) == list(pairwise(range(4)))


class Pieces(nn.Module):
    def forward(self, x):
        return torch.chunk(x, 2)[0]


class Depends(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(("model", "shape", "message"), [
    (Pieces(), (4, 4), "the result of node 'chunk' is not one tensor"),
    (Depends(), (4,), "Depends: cannot be traced"),
    (nn.Linear(3, 4), (2, 5), "Linear: cannot be traced"),
    (nn.Identity(), (2,), "no tasks"),
])
def test_what_is_refused(model, shape, message):
    with pytest.raises(TraceError) as caught:
        graph_of(model, torch.zeros(*shape))
    assert message in str(caught.value) and "\n" not in str(caught.value)
