"""Rules that give up queued requests (6.4); each yields the requests that it drops."""

from .entities import Device, Request
from .system import past


def never(device: Device, now: float, factor: float) -> list[Request]:
    """Nobody."""
    return []


def expired(device: Device, now: float, factor: float) -> list[Request]:
    """Whoever waits longer than `factor` allowances."""
    return [r for r in device.queue if past(now, r.arrival + factor * r.slo)]


def hopeless(device: Device, now: float, factor: float) -> list[Request]:
    """Whoever would be late even alone and at once."""
    finish = now + device.pair.charge(1)
    return [r for r in device.queue if past(finish, r.deadline)]


def early_drop(device: Device, now: float, factor: float) -> list[Request]:
    """The head, while the batch that it would head ends too late for it."""
    pair, n, dropped = device.pair, len(device.queue), []
    for head in device.queue:
        if not past(now + pair.charge(pair.take(n)), head.deadline):
            break
        dropped.append(head)
        n -= 1
    return dropped


RULES = {"never": never, "expired": expired, "hopeless": hopeless, "early_drop": early_drop}
REASON = {"expired": "E", "hopeless": "H", "early_drop": "H"}
