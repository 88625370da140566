"""Times, work and random choices of the specification, on Python numbers."""

import math

NEVER = 1 << 62
MASK = (1 << 64) - 1


def us(seconds: float | None) -> int:
    """Microseconds; nothing and infinity are never."""
    return NEVER if seconds is None or math.isinf(seconds) else math.floor(seconds * 1e6 + 0.5)


def q(x: float) -> int:
    """The integer that is compared or stored for a float."""
    return math.floor(x + 0.5)


def need(work: float, rate: float) -> int:
    """Microseconds to do an amount of work; the guard absorbs rounding noise."""
    return max(1, math.ceil(work / rate - 1e-3))


def ceil_div(a: int, b: int) -> int:
    """The integer division that rounds up."""
    return -(-a // b)


def mix(z: int) -> int:
    """One step of SplitMix64."""
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def h(*values: int) -> int:
    """A 63-bit hash of integers."""
    x = mix(values[0])
    for value in values[1:]:
        x = mix(x ^ (value & MASK))
    return x >> 1
