"""When a device starts and with how many requests (6.3).

A policy returns (count, None) to launch, (0, time) to wait until then, (0, None) to wait for ever.
"""

import math
from itertools import accumulate, islice
from types import SimpleNamespace

from .entities import Device
from .system import past

Decision = tuple[int, float | None]


def single(device: Device, now: float, o: SimpleNamespace) -> Decision:
    """One request at a time."""
    return 1, None


def greedy(device: Device, now: float, o: SimpleNamespace) -> Decision:
    """Whatever is there."""
    return device.pair.take(len(device.queue)), None


def early_start(device: Device, now: float, o: SimpleNamespace) -> Decision:
    """As late as the most urgent member allows."""
    pair, n = device.pair, len(device.queue)
    count = pair.take(n)
    if n >= pair.cap:
        return count, None
    deadlines = list(accumulate((r.deadline for r in islice(device.queue, count)), min))
    start = deadlines[-1] - pair.charge(count)
    return (0, start) if now < start else (_largest_in_time(device, now, deadlines, o.fit), None)


def _largest_in_time(device: Device, now: float, deadlines: list[float], fit: str) -> int:
    pair = device.pair
    for m in range(len(deadlines), 0, -1):
        allowed = fit != "floor" or m in pair.allowed
        if allowed and not past(now + pair.charge(m), deadlines[m - 1]):
            return m
    return len(deadlines)


def nexus(device: Device, now: float, o: SimpleNamespace) -> Decision:
    """As late as a full batch allows the most urgent member."""
    pair, n = device.pair, len(device.queue)
    count = pair.take(n)
    if n >= pair.cap:
        return count, None
    start = min(r.deadline for r in islice(device.queue, count)) - pair.latency[pair.cap]
    return (0, start) if now < start else (count, None)


def aimd(device: Device, now: float, o: SimpleNamespace) -> Decision:
    """When the adaptive size is reached, or its head has waited out the timeout."""
    n, size, timeout = len(device.queue), math.floor(device.aimd), o.batching.timeout_ms
    if n >= size:
        return device.pair.take(size), None
    if timeout is None:
        return 0, None
    start = device.queue[0].arrival + timeout
    return (0, start) if now < start else (device.pair.take(n), None)


POLICIES = {"single": single, "greedy": greedy, "early_start": early_start, "nexus": nexus,
            "aimd": aimd}


def reset_aimd(device: Device, b: SimpleNamespace) -> None:
    """The size of a device that has just got its target."""
    pair = device.pair
    sizes = [s for s in pair.allowed if not b.capped or s <= pair.cap] if pair else []
    device.aimd_sizes = sizes
    additive = sizes and b.mode == "additive"
    device.aimd = min(b.start, sizes[-1]) if additive else 1


def update_aimd(device: Device, late: bool, b: SimpleNamespace) -> None:
    """The size after a batch, with or without a late member."""
    sizes = device.aimd_sizes
    if b.mode == "ladder":
        place = sizes.index(device.aimd) + (-1 if late else 1)
        device.aimd = sizes[min(max(place, 0), len(sizes) - 1)]
    elif late:
        device.aimd = max(1, device.aimd * b.decrease)
    else:
        device.aimd = min(device.aimd + b.increase, sizes[-1])
