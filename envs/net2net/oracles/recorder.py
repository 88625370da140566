"""The recording protocol: data, first weights and steps, clocks of every node, accuracies."""
from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from envs.core.errors import nearest
from envs.core.oracles import Content, OracleError, Outcome, differences, outcome
from envs.net2net.cells import PROFILES, TASKS, Cell, cell_of
from envs.net2net.model import Setup, play
from envs.net2net.replay import read_recording
from envs.net2net.theta import Theta
from envs.net2net.tree import sizes

RECORDED = "recorded"               # the recording that ships
CLOCK, FIRST_IMAGE, PIXELS = 1e-6, 1e-5, 1e-2
WEIGHT, WEIGHTS, LOSS = 1e-7, 1e-4, 1e-3
SEED_MEAN, SEED_BIAS, SEED_RANK, NEVER = 0.01, 0.006, 0.85, 0.03    # the same seed elsewhere
MEANS = 0.02                        # of means over other seeds
COMPARED = (0, 1, 2)                # seeds whose leaves are given


def check_recorder(name: str, content: Content) -> Iterator[Outcome]:
    """Facts of the tasks, then of every table."""
    for task, want in content["tasks"].items():
        if task not in TASKS:
            raise OracleError(f'unknown task "{task}"', content.where, nearest(task, TASKS))
        for part, check in {"base": _base, "data": _data, "seed 0": _seed0}.items():
            yield outcome(f"{name}, {task}, {part}", lambda c=check, t=task, w=want: c(t, w))
    for want in content["tables"]:
        cell = cell_of(f"{want['task']}@{want['budget_ms']}/{want['action_set']}",
                       fractions=want["fractions"])
        yield outcome(f"{name}, {cell.name}, clocks", lambda c=cell, w=want: _clocks(c, w))
        yield outcome(f"{name}, {cell.name}, accuracies",
                      lambda c=cell, w=want: _accuracies(c, w["reference"]))


def _base(task: str, want: Mapping[str, Any]) -> list[str]:
    network = TASKS[task].network
    found = {"classes": network.classes, "input_shape": [network.cin, *network.hw],
             "head": network.head, "base": {
                 "parameters": network.parameters(network.base),
                 "macs": network.macs(network.base),
                 "convolutions": network.convolutions(network.base),
                 "step_ms": network.step_ms(network.base)}}
    return differences({key: want[key] for key in found}, found)


def _data(task: str, want: Mapping[str, Any]) -> list[str]:
    from envs.net2net.training.data import load_task

    lines = []
    for split, facts in want["splits"].items():
        data, facts = load_task(task)[split], dict(facts)
        sums = {"pixel_sum": (float(data.images.sum(dtype=np.float64)), PIXELS),
                "first_image_sum": (float(data.images[0].sum(dtype=np.float64)), FIRST_IMAGE)}
        for key, (value, tolerance) in sums.items():
            lines += _near(facts.pop(key), value, f"{split}.{key}", tolerance)
        labels = np.ascontiguousarray(data.labels, "<i8")
        lines += differences(facts, {
            "n": len(labels),
            "label_counts": np.bincount(labels, minlength=want["classes"]).tolist(),
            "labels_sha256": hashlib.sha256(labels.tobytes()).hexdigest()}, split)
    return lines


def _seed0(task: str, want: Mapping[str, Any]) -> list[str]:
    """First weights, order of examples, loss of the first step."""
    from envs.net2net.draws import STREAMS, perm
    from envs.net2net.training.learner import RATE, Learner
    from envs.net2net.training.networks import initial

    facts, learner = want["seed0"], Learner(task, 0, initial(TASKS[task].network, 0))
    tensors = [tensor.detach().numpy() for tensor in learner.module.parameters()]
    first = tensors[0].reshape(-1)[:len(facts["conv0_weight_first3"])].tolist()
    total = float(sum(tensor.sum(dtype=np.float64) for tensor in tensors))
    order = perm(want["splits"]["train"]["n"], 0, STREAMS["order"], 0)
    learner.train([RATE])
    asked = facts["first_batch_indices"]
    return (_near(facts["conv0_weight_first3"], first, "conv0_weight_first3", WEIGHT)
            + _near(facts["parameter_sum"], total, "parameter_sum", WEIGHTS)
            + differences(asked, order[:len(asked)].tolist(), "first_batch_indices")
            + _near(facts["first_step_loss"], learner.loss, "first_step_loss", LOSS))


def _near(want: Any, found: Any, field: str, tolerance: float) -> list[str]:
    """A line if numbers lie further apart than so much, whatever their size."""
    apart = float(np.abs(np.subtract(want, found)).max())
    return [f"{field}: expected {want}, got {found}"] if not apart <= tolerance else []


def _clocks(cell: Cell, want: Mapping[str, Any]) -> list[str]:
    """Clocks and steps do not depend on what is learnt: any parameters of the model do."""
    theta = Theta(1.0, 0.5, 100.0, 1.0, 0.0, *((0.0,) * 3 * cell.stages,) * 2)
    leaves = np.array([cell.sequence_of(leaf) for leaf in range(cell.leaves)])
    made = play(Setup(cell, theta, profile=PROFILES["cpu"]), leaves)
    heap = [(j, first * cell.actions**(cell.depth_of_tree - j))
            for j in range(cell.depth_of_tree) for first in range(cell.actions**j)]
    nodes = tuple(np.array(column) for column in zip(*heap, strict=True))[::-1]
    macs, parameters = sizes(cell)
    found = {"decision_steps": made.steps[nodes], "leaf_steps": made.steps[:, -1],
             "leaf_macs": macs, "leaf_parameters": parameters}
    clocks = {"decision_clock_ms": made.clock[nodes], "leaf_clock_ms": made.clock[:, -1]}
    lines = [line for key, values in clocks.items()
             for line in _near(want[key], values, key, CLOCK)]
    return lines + differences({key: want[key] for key in found}, {
        key: values.astype(int).tolist() for key, values in found.items()})


def _accuracies(cell: Cell, want: Mapping[str, Any]) -> list[str]:
    """Trainings here beside those of another machine."""
    lines, (seeds, leaves) = [], trained(cell)
    for seed, reference in zip(COMPARED, want["leaf_test_of_seeds_0_1_2"], strict=True):
        lines += alike(reference, leaves["test_accuracy"][seeds.index(seed)], f"seed {seed}")
    for part, key in (("val", "leaf_validation_mean"), ("test", "leaf_test_mean")):
        mean = leaves[f"{part}_accuracy"].mean(axis=0)
        lines += _mean_apart(want[key], mean, key, MEANS)
    return lines


def trained(cell: Cell) -> tuple[tuple[int, ...], np.ndarray]:
    """Seeds and LEAF (n, L): of the recording that ships, else trained now (a minute or two)."""
    table = read_recording(RECORDED).tables.get(cell.name)
    if table is not None and table.cell.decisions == cell.decisions:
        return table.seeds, table.leaves
    from envs.net2net.training.grid import train_grid

    return COMPARED, np.stack([train_grid(cell, seed)[1] for seed in COMPARED])


def alike(want: Any, found: np.ndarray, field: str) -> list[str]:
    """What is further apart than rounding brings leaves (L,) of one seed; nan: not recorded."""
    want = np.array(want, float)
    apart = np.nanmean(found - want)
    rank = _spearman(want, found)
    lines = _mean_apart(want, found, field, SEED_MEAN)
    if abs(apart) > SEED_BIAS:
        lines.append(f"{field}: expected no bias above {SEED_BIAS}, got {apart:.4f}")
    if rank < SEED_RANK:
        lines.append(f"{field}: expected a rank correlation of {SEED_RANK}, got {rank:.3f}")
    if abs(found[0] - want[0]) > NEVER:
        lines.append(f"{field}, never: expected {want[0]}, got {found[0]:.4f}")
    return lines


def _mean_apart(want: Any, found: np.ndarray, field: str, most: float) -> list[str]:
    apart = float(np.nanmean(np.abs(found - np.array(want, float))))
    return [] if apart <= most else [
        f"{field}: expected a mean difference of at most {most}, got {apart:.4f}"]


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import spearmanr

    known = np.isfinite(a) & np.isfinite(b)
    return float(spearmanr(a[known], b[known])[0])
