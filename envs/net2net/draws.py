"""Counter-based draws: hashed chains of 64-bit integers (SplitMix64; Steele et al., OOPSLA 2014).

`ids` may be integers or arrays, which broadcast; the first id is the stream (`STREAMS`).
"""
from __future__ import annotations

import numpy as np

STREAMS = {"weights": 1, "order": 2, "copies": 3, "shares": 4, "data": 10, "shift": 11,
           "pixels": 12, "members": 13, "learners": 20, "random": 21, "run_noise": 30,
           "curve_noise": 31, "vary": 32, "episode": 50, "cell": 51, "recorded": 52}

_GOLDEN, _FIRST, _SECOND = (np.uint64(x) for x in (
    0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_S30, _S27, _S31, _S11 = (np.uint64(x) for x in (30, 27, 31, 11))
_MASK = 2**64 - 1
Ids = int | np.ndarray


def _words(value: Ids) -> np.ndarray:
    """Unsigned 64-bit words; Python integers are taken modulo 2^64."""
    if isinstance(value, int):
        value = value & _MASK
    return np.asarray(value).astype(np.uint64)


def mix(z: Ids) -> np.ndarray:
    """The generator's step and finaliser on unsigned 64-bit words."""
    with np.errstate(over="ignore"):
        z = _words(z) + _GOLDEN
        z = (z ^ (z >> _S30)) * _FIRST
        z = (z ^ (z >> _S27)) * _SECOND
        return z ^ (z >> _S31)


def h(seed: Ids, *ids: Ids) -> np.ndarray:
    """The word of a chain of ids, u8."""
    x = mix(seed)
    for a in ids:
        x = mix(x ^ _words(a))
    return x


def u(seed: Ids, *ids: Ids) -> np.ndarray:
    """Uniform in [0, 1), f8."""
    return (h(seed, *ids) >> _S11).astype(np.float64) * 2.0**-53


def normal(seed: Ids, *ids: Ids) -> np.ndarray:
    """Standard normal, f8 (Box and Muller)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - u(seed, *ids, 0)))
    return radius * np.cos(2.0 * np.pi * u(seed, *ids, 1))


def below(n: Ids, seed: Ids, *ids: Ids) -> np.ndarray:
    """An integer in 0..n-1, i8."""
    return np.floor(n * u(seed, *ids)).astype(np.int64)


def perm(n: int, seed: int, *ids: int) -> np.ndarray:
    """0..n-1 in ascending order of their words, ties lower first; i8 (n,)."""
    return np.argsort(h(seed, *ids, np.arange(n)), kind="stable")
