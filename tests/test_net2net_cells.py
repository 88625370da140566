"""Cells, networks and their trees against the counts that are shared."""
from __future__ import annotations

import numpy as np
import pytest

from envs.core.errors import ScenarioError
from envs.net2net.cells import (
    LADDER,
    PEER_NETWORKS,
    TASKS,
    Network,
    action_count,
    action_names,
    cell_of,
    edited,
)
from envs.net2net.tree import after, architectures, sizes, unmasked
from tests.net2net_oracles import oracle

TABLES = oracle("recorder")["tables"]
CASES = oracle("parametric")["cases"]


def refused(message: str, call, *args, **keys) -> None:
    with pytest.raises(ScenarioError) as error:
        call(*args, **keys)
    assert str(error.value) == message


@pytest.mark.parametrize(("task", "parameters", "macs", "step_ms"), [
    ("digits", 1442, 23200, 3.216), ("pair_max", 6402, 51200, 3.356),
    ("pair_cmp", 2811, 47616, 3.33808)])
def test_base_networks_of_the_tasks(task, parameters, macs, step_ms):
    network = TASKS[task].network
    assert network.parameters(network.base) == parameters
    assert network.macs(network.base) == macs
    assert network.step_ms(network.base) == pytest.approx(step_ms, abs=1e-12)


def test_tasks_are_numbered_as_their_draws():
    assert [task.number for task in TASKS.values()] == list(range(7))
    assert [task.name for task in TASKS.values() if task.pair] == list(TASKS)[2:]


@pytest.mark.parametrize(("name", "parameters"), [("cnn1", 10602), ("cnn2", 20778)])
def test_published_networks(name, parameters):
    network = PEER_NETWORKS[name]
    assert network.parameters(network.base) == parameters
    assert network.head_pixels == 0 and network.stages == 3 and network.pixels[-1] == 1


@pytest.mark.parametrize("table", TABLES, ids=lambda t: f"{t['task']}-{t['budget_ms']:g}")
def test_every_leaf_of_the_recordings(table):
    cell = cell_of(f"{table['task']}@{table['budget_ms']}/{table['action_set']}",
                   fractions=table["fractions"])
    macs, parameters = sizes(cell)
    assert macs.tolist() == table["leaf_macs"]
    assert parameters.tolist() == table["leaf_parameters"]
    assert len(table["decision_clock_ms"]) == cell.nodes


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_architecture_after_a_sequence(number):
    case = CASES[number]
    network = Network.from_config(case["cell"])
    expected = tuple(map(tuple, case["expect"]["final_architecture"]))
    cell = cell_of(f"digits@600/{case['action_set']}", network=network)
    history = (network.base,)
    for action in case["expect"]["taken"]:
        history = after(cell, history, action)
    assert history[-1] == expected


def test_action_sets():
    assert [action_count(name, 2) for name in ("depth", "grow", "malleable", "peer")] == \
        [4, 7, 8, 4]
    assert action_names("depth", 2) == ["none", "deepen 0", "deepen 1", "both"]
    assert action_names("grow", 2) == ["none", "deepen 0", "deepen 1", "widen 0", "widen 1",
                                       "kernel 0", "kernel 1"]
    assert action_names("malleable", 2)[-1] == "undo"
    assert action_names("peer", 3) == ["none", "deepen 0", "deepen 1", "deepen 2"]
    assert action_names("depth", 3)[6:] == ["deepen 1+2", "deepen 0+1+2"]


def test_numbers_of_leaves_and_nodes():
    cell = cell_of("digits@600/depth")
    assert (cell.actions, cell.depth_of_tree, cell.nodes, cell.leaves) == (4, 3, 21, 64)
    assert cell.leaf_of((2, 2, 1)) == 41 and cell.sequence_of(41) == (2, 2, 1)
    assert cell.node_of(()) == 0 and cell.node_of((3,)) == 4 and cell.node_of((0, 0)) == 5
    assert [cell.leaf_of(cell.sequence_of(leaf)) for leaf in range(64)] == list(range(64))


def test_decision_times():
    assert cell_of("digits@600/depth").decisions == (60.0, 240.0, 420.0)
    spaced = cell_of("digits@600/depth", opening=70, every=12.5, n=3)
    assert spaced.decisions == (70.0, 82.5, 95.0)
    assert cell_of("digits@600/depth", fractions=[0.2, 0.2]).decisions == (120.0, 120.0)
    assert cell_of("digits@600/depth", events=(100, 300)).decisions == (100.0, 300.0)
    assert cell_of("cnn1/early").decisions[0] == 70_000 and cell_of("cnn1/early").published


def test_names_are_canonical():
    assert cell_of("digits@600.0/depth").name == "digits@600/depth"
    assert cell_of("digits@600.5/depth").name == "digits@600.5/depth"
    assert cell_of("digits@600/depth") == cell_of("digits@600.0/depth")


def test_masks_of_deepening_widening_and_kernels():
    assert edited(((8, 8, 3),), "deepen", 0) is None
    assert edited(((1, 128, 3),), "widen", 0) is None and edited(((1, 10, 3),), "widen", 0) is None
    assert [edited(((1, w, 3),), "widen", 0)[0][1] for w in LADDER[:-1]] == list(LADDER[1:])
    assert edited(((1, 8, 7),), "kernel", 0) is None
    assert edited(((1, 8, 5), (1, 16, 3)), "kernel", 0) == ((1, 8, 7), (1, 16, 3))


def test_undo_takes_back_what_is_in_force():
    cell = cell_of("digits@600/malleable")
    base = (cell.network.base,)
    assert after(cell, base, 7) is None
    one = after(cell, base, 3)
    two = after(cell, after(cell, one, 0), 4)
    assert after(cell, two, 7) == one and after(cell, after(cell, two, 7), 7) == base
    nodes, leaves = unmasked(cell)
    assert not leaves[cell.leaf_of((7, 0, 0))] and leaves[cell.leaf_of((1, 7, 0))]
    assert not leaves[cell.leaf_of((1, 7, 7))] and not nodes[cell.node_of((7,))]
    assert architectures(cell)[cell.node_of((1, 7))] == cell.network.base


def test_masked_leaves_have_no_size():
    deep = Network.from_config({"hw": [8, 8], "widths": [8, 16], "depth": [8, 1], "head": "gap",
                                "classes": 10})
    cell = cell_of("digits@600/depth", network=deep)
    macs, _ = sizes(cell)
    assert np.isnan(macs[cell.leaf_of((1, 0, 0))]) and np.isnan(macs[cell.leaf_of((0, 0, 3))])
    assert np.isfinite(macs).sum() == 2**3


@pytest.mark.parametrize(("name", "keys", "message"), [
    ("digits@600/depth", {"fractions": [0.4, 0.1]},
     "fractions: must ascend within [0, 1), found [0.4, 0.1]"),
    ("digits@600/depth", {"fractions": [0.4, 1.0]},
     "fractions: must ascend within [0, 1), found [0.4, 1.0]"),
    ("digits@600/depth", {"fractions": [-0.1]},
     "fractions: must ascend within [0, 1), found [-0.1]"),
    ("digits@600/depth", {"opening": 500, "every": 60, "n": 3},
     "opening: must ascend within [0, 600), found [500.0, 560.0, 620.0]"),
    ("digits@0/depth", {}, "cells: budget_ms: 0.0 is no valid number; give a finite number > 0"),
    ("digts@600/depth", {}, 'cells: unknown task "digts"; known: digits, digits_aug, pair_max, '
     "pair_min, pair_cmp, pair_diff, pair_sum"),
    ("digits@600/growth", {},
     'cells: unknown action set "growth"; known: grow, depth, malleable'),
    ("cnn1/erly", {}, 'cells: unknown opening "erly"; known: early, early_middle, middle, '
     "middle_late, late"),
    ("digits", {}, 'cells: "digits" is no table cell; write task@budget/set, such as '
     "pair_max@1500/depth"),
])
def test_what_no_cell_is(name, keys, message):
    refused(message, cell_of, name, **keys)


@pytest.mark.parametrize(("config", "message"), [
    ({"hw": [8, 8], "widths": [8], "head": "gap"}, "network: has no classes; keys: hw, cin, widths,"
     " depth, kernel, head, classes"),
    ({"hw": [8, 8], "widths": [8], "head": "gp", "classes": 2},
     'network.head: unknown value "gp"; valid: gap, flat'),
    ({"hw": [8, 8], "widths": [8], "head": "gap", "classes": 2, "dpth": [1]},
     'network.dpth: unknown key; did you mean "depth"?'),
    ({"hw": [8, 8], "widths": [8, 8], "depth": [1], "head": "gap", "classes": 2},
     "network.depth: need 2 numbers, found 1; write one per stage"),
    ({"hw": [1, 8], "widths": [8, 8], "head": "gap", "classes": 2},
     "network: 2 stages do not fit 1x8 pixels; use larger images or fewer stages, 8 at most"),
    ({"hw": [8, 8], "widths": [8], "depth": [9], "head": "gap", "classes": 2},
     "network.depth: 9 is no valid integer; give an integer >= 1 and <= 8"),
    ({"hw": [8, 8], "widths": [8], "kernel": [4], "head": "gap", "classes": 2},
     "network.kernel: 4 is even; give odd sizes, which keep the pixels"),
])
def test_what_no_network_is(config, message):
    refused(message, Network.from_config, config)
