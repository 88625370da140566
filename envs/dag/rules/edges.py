"""Edges from accesses, all edges in order, and the canonical topological order."""
from __future__ import annotations

from envs.core.jit import driver, part

READS, WRITES = 1, 2        # bits of an access mode


@driver
def derive(owner, tile, mode, tile_bytes, writer, readers, earlier, src, dst, carried):
    """Write the edges that the accesses make, operand by operand; their number.

    `owner` is the task of an operand. `writer` and `readers` (per tile, -1) and `earlier` (per
    operand) are scratch: the last writer, and the operands that have read since, as a chain.
    The edges need room for twice the operands.
    """
    count = 0
    for k in range(len(owner)):
        i, d = owner[k], tile[k]
        if writer[d] >= 0:
            src[count], dst[count] = writer[d], i
            carried[count] = tile_bytes[d] if mode[k] & READS else 0
            count += 1
        if mode[k] & WRITES:
            r = readers[d]
            while r >= 0:
                src[count], dst[count], carried[count] = owner[r], i, 0
                count += 1
                r = earlier[r]
            writer[d], readers[d] = i, -1
        else:
            earlier[k] = readers[d]
            readers[d] = k
    return count


@driver
def arrange(key, places, first, out):
    """One stable counting sort: `out` holds `places` by key; `first` (keys + 1) is scratch."""
    first[:] = 0
    for k in range(len(key)):
        first[key[k] + 1] += 1
    for i in range(1, len(first)):
        first[i] += first[i - 1]
    for p in places:
        out[first[key[p]]] = p
        first[key[p]] += 1


@driver
def unite(places, src, dst, carried, payload, listed, edges):
    """Fill `edges` in the order `places`, equal pairs as one; the number of edges."""
    count = 0
    for p in places:
        again = count > 0 and edges[count - 1].src == src[p] and edges[count - 1].dst == dst[p]
        if not again:
            edges[count].src, edges[count].dst = src[p], dst[p]
            edges[count].carried, edges[count].payload, edges[count].listed = 0, 0, -1
            count += 1
        edges[count - 1].carried += carried[p]
        edges[count - 1].payload += payload[p]
        edges[count - 1].listed = max(edges[count - 1].listed, listed[p])
    return count


@part
def _push(heap, count, task):
    """Add a task to a binary heap of `count` tasks, the smallest first."""
    at = count
    while at > 0 and heap[(at - 1) >> 1] > task:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = task


@part
def _pop(heap, count):
    """Take the smallest task from a binary heap of `count` tasks."""
    top, last = heap[0], heap[count - 1]
    at, child = 0, 1
    while child < count - 1:
        if child + 1 < count - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[at] = heap[child]
        at, child = child, 2 * child + 1
    heap[at] = last
    return top


@driver
def sort_tasks(first, dst, waiting, heap, order):
    """Repeatedly the smallest task without an unsorted predecessor; how many could be sorted.

    `first` (tasks + 1) and `dst` are the successors, `waiting` counts unsorted predecessors and
    stays above 0 for the tasks that are left; `heap` is scratch.
    """
    count = taken = 0
    for i in range(len(waiting)):
        if waiting[i] == 0:
            _push(heap, count, i)
            count += 1
    while count > 0:
        i = _pop(heap, count)
        count -= 1
        order[taken] = i
        taken += 1
        for e in range(first[i], first[i + 1]):
            waiting[dst[e]] -= 1
            if waiting[dst[e]] == 0:
                _push(heap, count, dst[e])
                count += 1
    return taken
