"""Structure hashes, signatures and features against the shared answers, and what they ignore."""
from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from envs.core.options import build
from envs.dag.features import NAMES, critical_path, features, mean_cost
from envs.dag.generate import open_graph
from envs.dag.graph import Graph
from envs.dag.machine import Machine
from envs.dag.options import Options
from envs.dag.signature import signature, structure_hash
from tests.dag_oracles import oracle

LIBRARY, GENERATORS = oracle("library"), oracle("generators")["graphs"]
SMALL = Machine.from_config({"unit": "1", "comm": "none", "workers": [{"type": "cpu"}]})


def _options(sigma: float, window: int | None) -> Options:
    visible = {None: "full", 0: "frontier"}.get(window, "window")
    return build(Options, {"noise": "lognormal", "sigma": sigma, "visible": visible,
                           **({"window": window} if window else {})}, "test")


@pytest.mark.parametrize("case", LIBRARY["features"], ids=lambda case: case["graph"])
def test_shared_features(case):
    call, _, renamed = case["graph"].partition(" with cpu, gpu renamed ")
    graph = open_graph(call, "test")
    if renamed:
        graph = replace(graph, types=tuple(renamed.split(", ")))
    found = features(graph, Machine.from_config(case["machine"]),
                     _options(case["sigma"], case["window"]))
    assert found.shape == (len(NAMES),)
    np.testing.assert_allclose(found, case["features"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", LIBRARY["signatures"], ids=lambda case: case["signature"])
def test_shared_signatures(case):
    graph = open_graph(case["graph"], "test")
    noise = (case["noise"][:-4], float(case["noise"][-4:]))
    assert structure_hash(graph) == case["hash"]
    assert signature(graph, case["machine"], *noise) == case["signature"]
    assert signature(graph, Machine.from_config(case["machine"]), *noise) == case["signature"]


def test_shared_hashes():
    for case in GENERATORS:
        assert structure_hash(open_graph(case["call"], "")) == case["signature"], case["call"]


def _graph(edges, kinds=None, n=4):
    names = tuple(dict.fromkeys(kinds or ()))
    return Graph.from_columns("g", unit="1", ids=tuple(f"t{i}" for i in range(n)), kinds=names,
                              kind=[names.index(k) for k in kinds] if kinds else None,
                              types=("cpu",), duration=np.full((n, 1), 5), listed=edges)


def test_the_hash_by_hand():
    def h(text):
        return hashlib.sha256(text.encode()).hexdigest()

    a, b = h("x"), h("-")
    for _ in range(3):
        a, b = h(f"{a}||{b}"), h(f"{b}|{a}|")
    graph = _graph([(0, 1)], n=2)
    graph = replace(graph, kinds=("x",), kind=np.array([0, -1], np.int32))
    assert structure_hash(graph) == h("\n".join(sorted([a, b])))


def test_the_hash_ignores_order_and_names_but_not_kinds():
    first = _graph([(0, 1), (0, 2), (1, 3)], "abbc")
    other = _graph([(3, 2), (3, 1), (1, 0)], "cbba")
    assert structure_hash(first) == structure_hash(other)
    assert structure_hash(first) != structure_hash(_graph([(0, 1), (0, 2), (1, 3)], "abba"))
    assert structure_hash(first) != structure_hash(_graph([(0, 1), (0, 2), (1, 3), (2, 3)], "abbc"))


def test_features_of_little():
    """One worker type, no kinds, no edges, no memory: what lacks its object is 0."""
    one = Graph.from_columns("one", unit="1", ids=("a",), types=("cpu",), duration=[[7]])
    found = dict(zip(NAMES, features(one, SMALL, Options()), strict=True))
    assert found["ln_workers_1"] == pytest.approx(np.log(2)) and found["window"] == 1
    assert {k for k, v in found.items() if v} == {"ln_workers_1", "window"}


def test_virtual_tasks_count_in_edges_depth_and_levels_only():
    graph = Graph.from_columns(
        "v", unit="1", ids=tuple("abc"), types=("cpu",), duration=[[4], [-1], [4]],
        virtual=[False, True, False], listed=[(0, 1), (1, 2)])
    found = dict(zip(NAMES, features(graph, SMALL, Options()), strict=True))
    assert found["ln_tasks"] == pytest.approx(np.log(2))
    assert found["edges_per_task"] == pytest.approx(2 / 3)
    assert found["ln_depth"] == pytest.approx(np.log(3)) and found["ln_critical_share"] == 0


def test_the_mean_cost_of_an_edge():
    """Two own memories and a host: staged between own memories unless there is a peer link."""
    machine = {"unit": "1", "workers": [
        {"type": "gpu", "count": 2, "memory": 9, "in": {"latency": 1, "bandwidth": 2},
         "out": {"latency": 3, "bandwidth": 1}}, {"type": "cpu"}, {"type": "cpu"}]}
    # 10 bytes: in 1 + 5, out 3 + 10; gpu to gpu both; pairs: 2 gpu-gpu, 4 out, 4 in, 2 cpu-cpu
    expected = (2 * (6 + 13) + 4 * 13 + 4 * 6) / 12
    assert mean_cost(np.array([0, 10]), Machine.from_config(machine)).tolist() == [0, expected]
    peer = Machine.from_config({**machine, "peer": {"latency": 0, "bandwidth": 10}})
    assert mean_cost(np.array([10]), peer)[0] == pytest.approx((2 * 1 + 4 * 13 + 4 * 6) / 12)
    assert mean_cost(np.array([10]), SMALL).tolist() == [0]


@pytest.mark.parametrize("case", GENERATORS[::4], ids=lambda case: case["call"])
def test_the_critical_path_by_dynamic_programming(case):
    graph = open_graph(case["call"], "test")
    weight = np.random.default_rng(3).integers(0, 50, len(graph))
    best = weight.copy()
    for i in graph.order:
        for j in graph.dst[graph.src == i]:
            best[j] = max(best[j], best[i] + weight[j])
    assert critical_path(graph, weight) == best.max()
