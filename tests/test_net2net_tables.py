"""Recordings as an agent meets them, beside the plain-Python reference."""
from pathlib import Path

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from envs.core.oracles import differences
from envs.net2net.cells import Network, cell_of
from envs.net2net.env import Net2NetEnv
from envs.net2net.importers.peer import read_peer
from envs.net2net.replay import LEAF, NODE, Recording, Table
from envs.net2net.tree import unmasked
from tests.net2net_kernel import clipped, repeatable
from tests.net2net_oracles import FOLDER
from tests.reference.net2net.instances import instance
from tests.reference.net2net.networks import PUBLISHED
from tests.reference.net2net.networks import Network as Plain
from tests.reference.net2net.recorded import play

SINGLE = 1e-6       # float32
PARTS = ("train", "validation", "test")


def table_of(case, r, seeds=2):
    """A recording of any numbers; subtrees of some actions are missing."""
    cell = cell_of(f"case@{case['budget_ms']}/{case['action_set']}", fractions=case["fractions"],
                   network=Network.from_config(case["cell"]))
    draw = np.random.default_rng(r.randrange(2**32))
    nodes, leaves = np.full((seeds, cell.nodes), np.nan, NODE), np.full(
        (seeds, cell.leaves), np.nan, LEAF)
    for records in (nodes, leaves):
        for name in records.dtype.names:
            records[name] = draw.uniform(0, 1, records.shape)
        records["val_loss"] *= 6
        records["clock"] *= cell.budget_ms
        records["steps"] = draw.integers(0, 500, records.shape)
    nodes["train_loss"] *= 6
    nodes["train_loss"][:, 0] = r.choice((0.5, np.nan))
    share = r.choice((0, .3))
    gone = {(node, a) for node in range(cell.nodes) for a in range(1, cell.actions)
            if draw.uniform() < share}
    recorded = unmasked(cell)[1] & [kept(cell, cell.sequence_of(leaf), gone)
                                    for leaf in range(cell.leaves)]
    return Table(cell, tuple(range(seeds)), dict.fromkeys(PARTS, tuple(range(seeds))), nodes,
                 leaves, recorded, "cpu", "made up")


def kept(cell, sequence, gone):
    """Whether no action on the way is missing."""
    return not any((cell.node_of(sequence[:j]), a) in gone for j, a in enumerate(sequence))


def rows_of(table, row):
    """Nodes and leaves of one seed, as the reference takes them."""
    nodes, leaves = ([dict(zip(records.dtype.names, map(float, record), strict=True))
                      for record in records[row]] for records in (table.nodes, table.leaves))
    return nodes, [leaf if known else None
                   for leaf, known in zip(leaves, table.recorded, strict=True)]


def seen(table, row, sequence, reward):
    """What the environment shows: as the reference gives it."""
    recording = Recording("x", Path("x"), {table.cell.name: table}, {})
    scenario = {"backend": "tabular", "tables": ["x"],
                "env": {"reward": reward}, "cells": None} | {"cells": [table.cell.name]}
    env = Net2NetEnv(2, scenario=scenario if table.cell.published else {
        **scenario, "cells": [{"cell": table.cell.name, "fractions": list(table.cell.fractions),
                               "network": table.cell.network.to_config()}]},
        trace=recording, autoreset_mode=AutoresetMode.DISABLED)
    observation, info = env.reset(options={"cell": 0, "seed": row})
    observations, masks, rewards = [observation[1]], [info["action_mask"][1]], []
    for action in sequence:
        observation, reward_now, over, _, info = env.step(np.full(2, action))
        observations.append(observation[1])
        masks.append(info["action_mask"][1])
        rewards.append(float(reward_now[1]))
    assert over.all()
    metrics = {name: float(values[1]) for name, values in info["metrics"].items()}
    env.close()
    return {"observations": [row.tolist() for row in observations],
            "masks": [mask.tolist() for mask in masks], "rewards": rewards}, metrics


def compare(case, table, row):
    """Where an episode differs."""
    want = play(case, *rows_of(table, row))
    want["observations"] = clipped(want["observations"])
    lines = []
    for reward in ("final", "cost"):
        found, metrics = seen(table, row, case["sequence"], reward)
        rewards = want["cost"] if reward == "cost" else [0.0] * (len(want["cost"]) - 1) + [
            want["accuracy"][-1]]
        lines += differences({"observations": want["observations"], "masks": want["masks"],
                              "rewards": rewards}, found, "", SINGLE)
    known = table.leaves["val_accuracy"][row][table.recorded]
    accuracy, mean, best = want["accuracy"][-1], float(known.mean()), float(known.max())
    scores = {"val_accuracy": accuracy, "regret": best - accuracy,
              "rank": 1.0 + int((known > accuracy).sum()), "gpu_seconds": want["clock"][-1] / 1000}
    if best > mean:
        scores["normalised"] = (accuracy - mean) / (best - mean)
    return lines + differences(scores, {key: metrics[key] for key in scores}, "metrics")


@repeatable(40)
@given(st.randoms(use_true_random=False), st.sampled_from(("depth", "grow")))
def test_random_recordings(r, action_set):
    fractions = sorted(round(r.uniform(0, .99), 3) for _ in range(r.choice((1, 2))))
    case = instance(r, fractions=fractions, action_set=action_set, profile="cpu",
                    gpu_timeline=[[0.0, 1]], max_parameters=None, budget_ms=90000.0)
    table = table_of(case, r)
    assert compare(case, table, r.choice((0, 1))) == []


@pytest.mark.parametrize("name", ["cnn1/early", "cnn2/late"])
def test_published_tables(name):
    table = next(t for t in read_peer(FOLDER / "peer_tables.csv.gz") if t.cell.name == name)
    cell = table.cell
    case = {"cell": PUBLISHED[cell.task], "budget_ms": cell.budget_ms,
            "fractions": [t / cell.budget_ms for t in cell.decisions], "action_set": "peer",
            "profile": "flat"}
    for sequence in ([0, 0, 0], [1, 2, 3], [3, 3, 3], [2, 2, 1]):
        assert compare({**case, "sequence": sequence}, table, 0) == [], sequence


def test_sizes_of_the_published_networks():
    for name, parameters in {"cnn1": 10_602, "cnn2": 20_778}.items():
        network = Plain(PUBLISHED[name])
        assert network.parameters(network.base) == parameters
        own = cell_of(f"{name}/early").network
        assert (own.parameters(own.base), own.macs(own.base)) == (
            parameters, network.macs(network.base))
