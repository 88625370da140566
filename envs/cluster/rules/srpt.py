"""Shortest remaining processing time on one machine, the relaxation behind a bound on JCT."""
from __future__ import annotations

from envs.core.jit import driver, rule


@rule
def _rise(heap, place):
    """Move an entry of a binary heap up to where it belongs."""
    value = heap[place]
    while place > 0 and value < heap[(place - 1) // 2]:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = value


@rule
def _sink(heap, count):
    """Take the last of `count + 1` entries as the first and move it down."""
    value, place = heap[count], 0
    while 2 * place + 1 < count:
        child = 2 * place + 1
        if child + 1 < count and heap[child + 1] < heap[child]:
            child += 1
        if value <= heap[child]:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = value


@driver
def srpt_flow(release, length, heap):
    """Sum of flow times; releases (n,) ascend, `heap` (n,) is room to work in."""
    flow, now, count = 0.0, 0.0, 0
    for i in range(len(release) + 1):
        last = i == len(release)
        while count > 0 and (last or now + heap[0] <= release[i]):
            flow += count * heap[0]
            now += heap[0]
            count -= 1
            _sink(heap, count)
        if not last:
            if count > 0:
                flow += count * (release[i] - now)
                heap[0] -= release[i] - now
            now = release[i]
            heap[count] = length[i]
            _rise(heap, count)
            count += 1
    return flow
