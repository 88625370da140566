"""Edges from accesses, the canonical order, cycles, payloads as tiles, checksums: by hand."""
from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.core.errors import TraceError
from envs.dag.formats import graph_from
from envs.dag.graph import Graph, canonical_text, checksum, cleaned, with_payload_tiles

R, W, RW = 1, 2, 3


def accesses(*tasks: dict[str, int], listed=(), payload=None, sizes=None) -> Graph:
    """Tasks named by number that access tiles by name; sizes are 1, 10, 100, ... by tile."""
    tiles = sorted({name for task in tasks for name in task})
    first = np.cumsum([0, *(len(task) for task in tasks)])
    return Graph.from_columns(
        "hand", unit="1", ids=[str(i) for i in range(len(tasks))], types=("cpu",),
        duration=[[1]] * len(tasks), tiles=tiles,
        tile_bytes=sizes or [10**k for k in range(len(tiles))], operand_first=first,
        operand_tile=[tiles.index(name) for task in tasks for name in task],
        operand_mode=[mode for task in tasks for mode in task.values()],
        listed=listed, listed_payload=payload)


def edges(graph: Graph) -> list[tuple[int, int, int]]:
    return list(zip(graph.src.tolist(), graph.dst.tolist(), graph.carried.tolist(), strict=True))


def test_reads_follow_the_last_writer_and_writes_all_readers_since():
    graph = accesses({"A": W}, {"A": R}, {"A": R}, {"A": RW}, {"A": R}, {"A": W})
    assert edges(graph) == [(0, 1, 1), (0, 2, 1), (0, 3, 1), (1, 3, 0), (2, 3, 0), (3, 4, 1),
                            (3, 5, 0), (4, 5, 0)]


def test_a_first_access_has_no_predecessor():
    assert edges(accesses({"A": R}, {"A": R}, {"B": W})) == []


def test_bytes_of_an_edge_are_all_tiles_read_from_it_and_its_payload():
    graph = accesses({"A": W, "B": W, "C": W}, {"A": R, "B": RW, "C": W}, listed=[[0, 1]],
                     payload=[7])
    assert edges(graph) == [(0, 1, 18)]
    assert graph.payload.tolist() == [7] and graph.listed.tolist() == [0]


def test_listed_edges_join_the_derived_ones_in_order():
    graph = accesses({"A": W}, {}, {"A": R}, listed=[[1, 2], [0, 1]])
    assert edges(graph) == [(0, 1, 0), (0, 2, 1), (1, 2, 0)]
    assert graph.listed.tolist() == [1, -1, 0]


def test_the_order_takes_the_smallest_ready_task():
    graph = accesses({}, {}, {}, {}, {}, listed=[[4, 0], [3, 1], [0, 2]])
    assert graph.order.tolist() == [3, 1, 4, 0, 2]
    assert graph.pos.tolist() == [3, 1, 4, 0, 2]


@pytest.mark.parametrize("listed, loop", [
    ([[0, 1], [1, 2], [2, 0]], "0 -> 1 -> 2 -> 0"), ([[1, 2], [2, 1]], "1 -> 2 -> 1"),
    ([[2, 3], [3, 2], [2, 0]], "2 -> 3 -> 2"), ([[1, 1]], "1 -> 1"),
    ([[3, 1], [1, 2], [2, 3], [2, 1]], "1 -> 2 -> 1"),
])
def test_a_cycle_is_printed_along_its_edges(listed, loop):
    with pytest.raises(TraceError, match=f"^cycle: {loop}$"):
        accesses({}, {}, {}, {}, listed=listed)


def test_accesses_can_close_a_cycle():
    with pytest.raises(TraceError, match="cycle: 0 -> 1 -> 0"):
        accesses({"A": RW}, {"A": R}, listed=[[1, 0]])


def test_payloads_become_tiles_after_the_listed_operands():
    graph = accesses({"A": R}, {"A": RW}, {}, listed=[[1, 2], [0, 2], [0, 1]],
                     payload=[5, 6, 0], sizes=[3])
    tiled = with_payload_tiles(graph)
    assert tiled.tiles == ("A", "1>2", "0>2") and tiled.tile_bytes.tolist() == [3, 5, 6]
    assert [line for line in canonical_text(tiled).splitlines() if line.startswith("task")] == [
        "task 0 - cpu=1 A:R,0>2:W", "task 1 - cpu=1 A:RW,1>2:W", "task 2 - cpu=1 1>2:R,0>2:R"]
    assert edges(tiled) == edges(graph) and not tiled.payload.any()
    assert with_payload_tiles(graph) is tiled and with_payload_tiles(tiled) is tiled
    assert tiled.operand_bytes.tolist() == [9, 8, 11]


def test_the_canonical_text_names_types_and_tiles_in_its_own_order():
    graph = graph_from({
        "format": "dag-1", "unit": "ms", "tiles": {"B": 2, "unused": 9, "A": 1},
        "tasks": [{"id": 7, "kind": "k", "duration": {"z": 1, "a": 2}, "access": [["A", "R"]]},
                  {"id": "end", "virtual": True}], "edges": [["7", "end"]]})
    assert canonical_text(graph) == ("dag-1\ntile A 1\ntask 7 k a=2000000,z=1000000 A:R\n"
                                     "task end - - -\nedge 0 1 0\n")
    assert len(checksum(graph)) == 64


def test_names_of_other_formats_lose_what_ids_must_not_contain():
    assert [cleaned(x) for x in ("a b", "a:b,c>d", "", "ok")] == ["a_b", "a_b_c_d", "_", "ok"]


tasks_of_tiles = st.lists(st.dictionaries(st.sampled_from("ABCD"), st.sampled_from([R, W, RW])),
                          min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(tasks_of_tiles)
def test_two_accesses_one_of_them_writing_are_ordered(tasks):
    graph = accesses(*tasks)
    reach = np.eye(len(tasks), dtype=bool)
    for i in graph.order[::-1]:
        for j in graph.dst[graph.src == i]:
            reach[i] |= reach[j]
    for i, j in combinations(range(len(tasks)), 2):
        clash = any((tasks[i][d] | tasks[j][d]) & W for d in tasks[i].keys() & tasks[j].keys())
        assert not clash or reach[i, j]
    assert (np.diff(graph.src.astype(np.int64) * len(tasks) + graph.dst) > 0).all()
    assert all(graph.pos[graph.src] < graph.pos[graph.dst])


def test_a_hundred_thousand_tasks_are_no_trouble():
    n = 100_000
    tile = np.stack([np.arange(n) % 1000, 1000 + np.arange(n) % 777], axis=1).ravel()
    graph = Graph.from_columns(
        "large", ids=[str(i) for i in range(n)], types=("cpu",), duration=np.ones((n, 1)),
        tiles=[f"t{d}" for d in range(1777)], tile_bytes=np.ones(1777),
        operand_first=2 * np.arange(n + 1), operand_tile=tile, operand_mode=np.tile([R, RW], n))
    assert (graph.order == np.arange(n)).all()
    assert len(graph.src) == n - 777 and (graph.dst - graph.src == 777).all()
