"""Types with the same peak rates are one type to a program: less symmetry, the same optimum."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from envs.blis.planning.programs import Problem

Groups = Sequence[Sequence[int]]


def groups(peak: np.ndarray) -> list[list[int]]:
    """The types, those with equal rows together, in order of first appearance."""
    found: dict[bytes, list[int]] = {}
    for t, row in enumerate(peak):
        found.setdefault(row.tobytes(), []).append(t)
    return list(found.values())


def gather(table: np.ndarray, alike: Groups) -> np.ndarray:
    """Sums over the types of every group."""
    return np.array([table[list(types)].sum(axis=0) for types in alike])


def merge(problem: Problem, alike: Groups) -> Problem:
    """The problem with one type per group."""
    return replace(problem, devices=gather(problem.devices, alike),
                   peak=problem.peak[[types[0] for types in alike]],
                   homes=None if problem.homes is None else gather(problem.homes, alike))


def split(problem: Problem, alike: Groups, hosted: np.ndarray, counts: np.ndarray,
          served: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts and rates of groups as (T, V), moving as few of the `hosted` devices as possible."""
    full = np.zeros(problem.peak.shape, np.int64)
    for limit in (hosted, np.full_like(hosted, problem.devices.max())):
        for g, types in enumerate(alike):
            for j in np.flatnonzero(counts[g]).tolist():
                for t in types:
                    left = int(counts[g, j] - full[list(types), j].sum())
                    wanted = min(left, int(limit[t, j]) - int(full[t, j]))
                    full[t, j] += max(0, min(wanted, _room(problem, full, t, j)))
    rates = np.zeros(problem.peak.shape)
    for g, types in enumerate(alike):
        for t in types:
            np.divide(served[g] * full[t], counts[g], out=rates[t], where=counts[g] > 0)
    return full, rates


def _room(problem: Problem, full: np.ndarray, t: int, j: int) -> int:
    """Devices of the type that another count of the variant may take."""
    if problem.homes is None:
        return int(problem.devices[t] - full[t].sum())
    family = problem.family[j]
    return int(problem.homes[t, family] - full[t, problem.family == family].sum())
