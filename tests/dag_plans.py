"""Plans in plain Python: random instances, HEFT step by step, what any schedule must keep to."""
from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from envs.dag.graph import Graph
from envs.dag.machine import Machine
from envs.dag.planning import Plan
from envs.dag.planning.ways import ways


def graph(duration, edges=(), payload=None, virtual=None, types=("gpu", "cpu")):
    """A graph of numbered tasks; unit 1, one tick each."""
    return Graph.from_columns(
        "made", unit="1", ids=[f"t{i}" for i in range(len(duration))], types=types,
        duration=duration, virtual=virtual, listed=edges, listed_payload=payload)


def machine(comm="none", gpus=2, cpus=2, peer=None):
    """GPUs with memories behind links of latency 2 and bandwidth 4, and CPUs."""
    link = {"latency": 2, "bandwidth": 4}
    own = {"memory": None, "in": link, "out": link} if comm == "matrix" else {}
    workers = [{"type": "gpu", "count": gpus, **own}, {"type": "cpu", "count": cpus}]
    return Machine.from_config({"unit": "1", "comm": comm, "workers": workers, "peer": peer})


@st.composite
def graphs(draw, most=12, zero=True):
    """Small random graphs, with virtual tasks and tasks that one type cannot run."""
    n = draw(st.integers(1, most))
    low = 0 if zero else 1
    rows = draw(st.lists(st.tuples(st.integers(low, 9), st.integers(low - 1, 20)), min_size=n,
                         max_size=n))
    rows = [(a, b if b >= low else -1) for a, b in rows]
    virtual = draw(st.lists(st.sampled_from([False] * 5 + [True]), min_size=n, max_size=n))
    pairs = [(i, j) for j in range(n) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    payload = [0 if virtual[i] or virtual[j] else draw(st.integers(0, 30)) for i, j in edges]
    rows = [(-1, -1) if v else row for v, row in zip(virtual, rows, strict=True)]
    return graph(rows, edges, payload, virtual)


def durations(of: Graph, on: Machine) -> np.ndarray:
    """(n, P) ticks, -1 not able, 0 for virtual tasks."""
    times = np.stack([of.duration[:, of.types.index(w.type)] for w in on.workers], axis=1)
    return np.where(of.virtual[:, None], 0, times)


def check_schedule(made: Plan, of: Graph, on: Machine) -> None:
    """Tasks run as long as they take, one at a time on a worker, after their data arrived."""
    times, cost = durations(of, on), ways(on).cost
    worker = made.worker.tolist()
    assert [p < 0 for p in worker] == of.virtual.tolist()
    last = made.finish - made.start
    assert (last == [0 if p < 0 else times[i, p] for i, p in enumerate(worker)]).all()
    for i, j, size in zip(of.src.tolist(), of.dst.tolist(), of.carried.tolist(), strict=True):
        free = of.virtual[i] or of.virtual[j] or worker[i] == worker[j]
        assert made.finish[i] + (0 if free else cost(worker[i], worker[j], size)) <= made.start[j]
    for p in range(len(on)):
        mine = sorted((int(made.start[i]), int(made.finish[i])) for i in range(len(of))
                      if worker[i] == p)
        assert all(a[1] <= b[0] for a, b in pairwise(mine))
    assert made.makespan == made.finish.max()


def naive_heft(of: Graph, on: Machine) -> list[tuple[int, int, int]]:
    """(worker, start, finish) of every task, ranks as fractions, gaps looked at one by one."""
    times, cost, count = durations(of, on).tolist(), ways(on).cost, len(on)
    arcs = list(zip(of.src.tolist(), of.dst.tolist(), of.carried.tolist(), strict=True))
    rank = {}
    for i in reversed(of.order.tolist()):
        able = [t for t in times[i] if t >= 0]
        ahead = [rank[j] + _mean_cost(of, i, j, size, cost, count) for k, j, size in arcs if k == i]
        rank[i] = Fraction(sum(able), len(able)) + max(ahead, default=0)
    placed: dict[int, tuple[int, int, int]] = {}
    lines: list[list[tuple[int, int, int]]] = [[] for _ in range(count)]
    for i in sorted(rank, key=lambda i: (-rank[i], of.pos[i])):
        before = [(placed[k], size) for k, j, size in arcs if j == i]
        if of.virtual[i]:
            at = max((done for (_, _, done), _ in before), default=0)
            placed[i] = -1, at, at
            continue
        options = []
        for p in (p for p in range(count) if times[i][p] >= 0):
            ready = max((done + (cost(r, p, size) if r not in (-1, p) else 0)
                         for (r, _, done), size in before), default=0)
            start = _first_gap(lines[p], ready, times[i][p])
            options.append((start + times[i][p], p, start))
        end, p, start = min(options)
        placed[i] = p, start, end
        lines[p] = sorted([*lines[p], (start, end, int(of.pos[i]))])
    return [placed[i] for i in range(len(of))]


def _mean_cost(of: Graph, i, j, size, cost, count) -> Fraction:
    if of.virtual[i] or of.virtual[j] or count == 1:
        return Fraction(0)
    total = sum(cost(p, r, size) for p in range(count) for r in range(count) if p != r)
    return Fraction(total, count * (count - 1))


def _first_gap(line, ready, length) -> int:
    begin = ready
    for start, end, _ in line:
        if begin + length <= start:
            break
        begin = max(begin, end)
    return begin
