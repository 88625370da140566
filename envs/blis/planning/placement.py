"""From counts to devices: keep what stays, fill the rest in index order, weigh by rate."""
from __future__ import annotations

import numpy as np

from envs.blis.planning.programs import Problem


def place(problem: Problem, counts: np.ndarray, served: np.ndarray, device_type: np.ndarray,
          present: np.ndarray, spare: str = "relieve",
          home: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Target and weight of every device.

    `counts` and `served` are (T, V), `present` the targets now, `home` the only family that a
    device may host (-1 none), `spare` what becomes of devices that the plan does not need.
    """
    target, weight = np.array(present), np.zeros(len(present))
    groups: dict[tuple[int, int | None], list[int]] = {}
    for d, t in enumerate(device_type.tolist()):
        groups.setdefault((t, None if home is None else int(home[d])), []).append(d)
    for (t, family), devices in groups.items():
        need = {j: int(counts[t, j]) for j in np.flatnonzero(counts[t]).tolist()
                if family is None or problem.family[j] == family}
        if spare == "relieve":
            _relieve(need, served[t], problem.peak[t], len(devices))
        planned = _assign(devices, need, target)
        for d in devices:
            if d in planned:
                target[d] = planned[d]
                weight[d] = served[t, planned[d]] / need[planned[d]]
            elif spare == "empty":
                target[d] = -1
    return target, weight


def _relieve(need: dict[int, int], served: np.ndarray, peak: np.ndarray, devices: int) -> None:
    """Give idle devices to the variants with the most work per device."""
    busy = [j for j in need if served[j] > 0]
    for _ in range(devices - sum(need.values()) if busy else 0):
        need[max(busy, key=lambda j: (served[j] / (peak[j] * need[j]), -j))] += 1


def _assign(devices: list[int], need: dict[int, int], present: np.ndarray) -> dict[int, int]:
    """Device -> variant: those that host what is needed keep it, the others take what is left."""
    left, planned = dict(need), {}
    for d in devices:
        j = int(present[d])
        if left.get(j, 0) > 0:
            left[j] -= 1
            planned[d] = j
    missing = [j for j in sorted(left) for _ in range(left[j])]
    moving = [d for d in devices if d not in planned]
    return {**planned, **dict(zip(moving, missing, strict=False))}
