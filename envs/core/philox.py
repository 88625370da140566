"""Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011).

`draw(stream; a, b, k)` is the block of counter (a, b, k, stream) under the key `seed`; its four
words give two uniforms and one normal variate. The same functions serve rules (scalars) and the
host (numpy arrays, broadcast against each other).
"""
from __future__ import annotations

import math

import numpy as np

from envs.core.jit import driver, rule

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _S32 = np.uint64(0xFFFFFFFF), np.uint64(32)
_S5, _S6, _S26 = np.uint64(5), np.uint64(6), np.uint64(26)


def _block(seed, stream, a, b, k):
    x0, x1 = np.uint64(a) & _LOW, np.uint64(b) & _LOW
    x2, x3 = np.uint64(k) & _LOW, np.uint64(stream) & _LOW
    k0, k1 = np.uint64(seed) & _LOW, np.uint64(seed) >> _S32
    for _ in range(10):
        p0, p1 = _M0 * x0, _M1 * x2
        x0, x1, x2, x3 = (p1 >> _S32) ^ x1 ^ k0, p1 & _LOW, (p0 >> _S32) ^ x3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return x0, x1, x2, x3


philox_block = rule(_block)


@rule
def _unit(high, low):
    return np.float64(((high >> _S5) << _S26) | (low >> _S6)) * 2.0**-53


@rule
def philox_uniform(seed, stream, a, b, k):
    """The first uniform of a draw, in [0, 1)."""
    x0, x1, _, _ = philox_block(seed, stream, a, b, k)
    return _unit(x0, x1)


@rule
def philox_normal(seed, stream, a, b, k):
    """The normal variate of a draw."""
    x0, x1, x2, x3 = philox_block(seed, stream, a, b, k)
    return math.sqrt(-2.0 * math.log(1.0 - _unit(x0, x1))) * math.cos(2.0 * math.pi * _unit(x2, x3))


@rule
def philox_number(seed, stream, a, b, k):
    """The first two words of a draw as one 64-bit number."""
    x0, x1, _, _ = philox_block(seed, stream, a, b, k)
    return x0 | (x1 << _S32)


@rule
def fix(x):
    """A random factor rounded to 20 binary places, so that a math library's last bit is lost."""
    return math.floor(x * 1048576.0 + 0.5) / 1048576.0


@driver
def _fill(seed, stream, a, b, k, words):
    for i in range(words.shape[1]):
        words[0, i], words[1, i], words[2, i], words[3, i] = philox_block(
            seed[i], stream[i], a[i], b[i], k[i])


def block_host(seed, stream, a, b=0, k=0) -> tuple[np.ndarray, ...]:
    """The four words of draws, u8, broadcast over the arguments."""
    parts = np.broadcast_arrays(*(np.asarray(x, np.uint64) for x in (seed, stream, a, b, k)))
    words = np.empty((4, parts[0].size), np.uint64)
    _fill(*(part.ravel() for part in parts), words)
    return tuple(word.reshape(parts[0].shape) for word in words)


def uniforms(seed, stream, a, b=0, k=0) -> np.ndarray:
    """First uniforms of draws, in [0, 1), broadcast over the arguments."""
    x0, x1, _, _ = block_host(seed, stream, a, b, k)
    return _halves(x0, x1)


def seconds(seed, stream, a, b=0, k=0) -> np.ndarray:
    """Second uniforms of draws, in [0, 1)."""
    _, _, x2, x3 = block_host(seed, stream, a, b, k)
    return _halves(x2, x3)


def normals(seed, stream, a, b=0, k=0) -> np.ndarray:
    """Normal variates of draws."""
    x0, x1, x2, x3 = block_host(seed, stream, a, b, k)
    radius = np.sqrt(-2.0 * np.log1p(-_halves(x0, x1)))
    return radius * np.cos(2.0 * np.pi * _halves(x2, x3))


def number_host(seed: int, stream: int, a: int, b: int = 0, k: int = 0) -> int:
    """The first two words of a draw as one 64-bit number."""
    x0, x1, _, _ = block_host(seed, stream, a, b, k)
    return int(x0) | (int(x1) << 32)


def fixed(x: np.ndarray | float) -> np.ndarray:
    """`fix` on arrays."""
    return np.floor(np.asarray(x) * 1048576.0 + 0.5) / 1048576.0


def _halves(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    return (((high >> _S5) << _S26) | (low >> _S6)).astype(np.float64) * 2.0**-53
