"""Ticks, keys and counter-based random numbers."""

import math

NEVER = 2**62
TICKS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
MASK = 2**32 - 1


def factor(mapping) -> int:
    """Ticks per unit of a file."""
    unit = mapping.get("unit", "s")
    return mapping.get("resolution", 1) if unit == "1" else TICKS[unit]


def ticks(x: float, per_unit: int) -> int:
    """A time in ticks, half a tick upward."""
    return math.floor(x * per_unit + 0.5)


def fix(x: float) -> float:
    """A random factor without its last bits."""
    return math.floor(x * 2**20 + 0.5) / 2**20


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10."""
    a, b, c, d = counter
    low, high = key
    for _ in range(10):
        one, two = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (two >> 32) ^ b ^ low, two & MASK, (one >> 32) ^ d ^ high, one & MASK
        low, high = (low + 0x9E3779B9) & MASK, (high + 0xBB67AE85) & MASK
    return [a, b, c, d]


def block(seed: int, stream: int, a: int, b: int, k: int) -> list[int]:
    """The four words of a draw."""
    return philox([a & MASK, b & MASK, k & MASK, stream], [seed & MASK, (seed >> 32) & MASK])


def uniforms(seed: int, stream: int, a: int, b: int = 0, k: int = 0) -> tuple[float, float]:
    """The two uniforms of a draw."""
    x = block(seed, stream, a, b, k)
    return (((x[0] >> 5) * 2**26 + (x[1] >> 6)) / 2**53,
            ((x[2] >> 5) * 2**26 + (x[3] >> 6)) / 2**53)


def normal(seed: int, stream: int, a: int, b: int = 0, k: int = 0) -> float:
    """The normal variate of a draw."""
    u, v = uniforms(seed, stream, a, b, k)
    return math.sqrt(-2 * math.log(1 - u)) * math.cos(2 * math.pi * v)
