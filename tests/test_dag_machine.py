"""Machines: numbering of workers and nodes, link times, presets, what is written back."""
from __future__ import annotations

import json

import numpy as np
import pytest

from envs.dag.machine import Link, Machine, Matrix, read_machine
from envs.dag.units import NEVER, factor, q, ticks, ticks_of, units_of
from tests.dag_oracles import oracle

MIXED = {
    "unit": "us", "comm": "tiles", "prefetch": 1,
    "workers": [{"type": "gpu", "count": 2, "memory": 100, "in": {"latency": 10.3}},
                {"type": "cpu", "count": 3},
                {"type": "gpu", "memory": None, "out": {"bandwidth": 5}}],
    "peer": {"latency": 1, "bandwidth": 7},
}


def test_times_become_ticks_by_rounding_half_up():
    assert [factor(unit) for unit in ("s", "ms", "us", "ns")] == [10**9, 10**6, 1000, 1]
    assert factor("1", 8) == 8 and ticks(12.3456, 1000) == 12346 and ticks(0.5, 1) == 1
    assert ticks_of([0.4, 0.5, 2.5], 1).tolist() == [0, 1, 3]
    assert units_of(12_346, 1000) == 12.346 and units_of(12_000, 1000) == 12
    assert q(1 / 3) == 341 and q(0.5 / 1024) == 1


@pytest.mark.parametrize("row", oracle("network")["link_times"], ids=str)
def test_link_times_agree_with_the_shared_answers(row):
    latency, bandwidth, per_unit, size, expected = row
    assert Link(latency, bandwidth).ticks(size, per_unit) == expected


def test_workers_and_nodes_are_numbered_in_order():
    machine = Machine.from_config(MIXED)
    assert len(machine) == 6 and machine.types == ("gpu", "cpu")
    assert machine.type_of.tolist() == [0, 0, 1, 1, 1, 0]
    assert machine.node_of.tolist() == [1, 2, 0, 0, 0, 3]
    assert machine.capacity.tolist() == [NEVER, 100, 100, NEVER]
    assert [w.out.bandwidth for w in machine.node_workers] == [None, None, 5]
    assert machine.ticks_per_unit == 1000 and machine.peer == Link(1, 7)


def test_defaults():
    machine = Machine.from_config({"workers": [{"type": "cpu"}]})
    assert (machine.unit, machine.comm, machine.network, machine.prefetch) == \
        ("s", "tiles", "fifo", 0)
    assert machine.peer is machine.bus is machine.matrix is None
    assert machine.capacity.tolist() == [NEVER]


def test_what_is_written_is_read_again():
    machine = Machine.from_config(MIXED)
    config = machine.to_config()
    assert Machine.from_config(config) == machine
    assert [worker.get("count", 1) for worker in config["workers"]] == [2, 3, 1]


@pytest.mark.parametrize("case", oracle("library")["signatures"], ids=lambda case: case["graph"])
def test_written_machines_are_those_whose_hash_is_shared(case):
    written = Machine.from_config(case["machine"]).to_config()
    assert json.dumps(written, sort_keys=True) == json.dumps(case["machine"], sort_keys=True)


def test_matrices_are_numbers_or_tables():
    pair = {"unit": "1", "comm": "matrix", "workers": [{"type": "p", "count": 2}]}
    tables = Machine.from_config({**pair, "matrix": {"latency": [[0, 1], [2, 0]],
                                                     "bandwidth": [[None, 4], [5, 1]]}})
    latency, bandwidth = tables.matrix.tables(2)
    assert latency.tolist() == [[0, 1], [2, 0]] and bandwidth.tolist() == [[np.inf, 4], [5, 1]]
    latency, bandwidth = Matrix(3, None).tables(2)
    assert latency.tolist() == [[3, 3], [3, 3]] and np.isinf(bandwidth).all()
    assert Machine.from_config(tables.to_config()) == tables


def test_fair_networks_take_a_bus():
    machine = Machine.from_config({"network": "fair", "bus": {"down": 4},
                                   "workers": [{"type": "cpu"}]})
    assert machine.bus == (None, 4) and Machine.from_config(machine.to_config()) == machine


@pytest.mark.parametrize("unit, latency, bandwidth", [
    ("us", 10.3, 10_500), ("ms", 0.0103, 10_500_000), ("s", 1.03e-5, 10_500_000_000)])
def test_presets_take_the_unit_of_the_machine(unit, latency, bandwidth):
    machine = Machine.from_config({"unit": unit, "peer": "k40", "workers": [
        {"type": "gpu", "preset": "k40"},
        {"type": "gpu", "preset": "k40", "memory_tiles": 12, "out": {"latency": 1}},
        {"type": "gpu", "preset": "k40", "memory_tiles": 2, "tile_bytes": 10},
        {"type": "gpu", "preset": "k40", "memory_tiles": None}]})
    into = machine.workers[0].into
    assert into.latency == pytest.approx(latency) and into.bandwidth == bandwidth
    assert into.ticks(3_686_400, machine.ticks_per_unit) == 361_386
    assert machine.capacity.tolist() == [NEVER, 12_079_136_768, 44_236_800, 20, NEVER]
    assert machine.workers[1].out == Link(1) and machine.peer.latency == pytest.approx(latency)


def test_machines_are_read_from_yaml_and_json(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps(MIXED))
    (tmp_path / "m.yaml").write_text("unit: '1'\nworkers: [{type: cpu, count: 4}]\n")
    assert read_machine(tmp_path / "m.json") == Machine.from_config(MIXED)
    assert len(read_machine(tmp_path / "m.yaml")) == 4
