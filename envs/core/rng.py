"""Counter-based random numbers: a draw is a function of (seed, stream, n), nothing is kept.

`uniform` and `mix` are for rules; `uniform_host` and `mix_host` are the same on Python integers.
SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014) applied twice.
"""
from __future__ import annotations

import numpy as np
from numba import config

from envs.core.jit import rule

_MASK = 2**64 - 1
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_G, _M1, _M2 = np.uint64(_GOLDEN), np.uint64(_FIRST), np.uint64(_SECOND)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_ONE = np.uint64(1)


def mix_host(z: int) -> int:
    """The finaliser of SplitMix64 on an unsigned 64-bit integer."""
    z = int(z) & _MASK
    z = ((z ^ (z >> 30)) * _FIRST) & _MASK
    z = ((z ^ (z >> 27)) * _SECOND) & _MASK
    return z ^ (z >> 31)


def uniform_host(seed: int, stream: int, n: int) -> float:
    """Draw `n` of a stream, in [0, 1)."""
    key = mix_host(int(seed) + _GOLDEN * (int(stream) + 1))
    return (mix_host(key + _GOLDEN * (int(n) + 1)) >> 11) * 2.0**-53


def episode_seed(seed: int, episode: int) -> int:
    """The number behind the draws of episode 0, 1, ... after a seeded reset."""
    return int(seed) if episode == 0 else mix_host(int(seed) + _GOLDEN * int(episode))


def replica_seed(seed: int) -> int:
    """The 64-bit number of a replica that was reset with `seed`."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


@rule
def _mix(z):
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@rule
def _uniform(seed, stream, n):
    key = _mix(np.uint64(seed) + _G * (np.uint64(stream) + _ONE))
    return np.float64(_mix(key + _G * (np.uint64(n) + _ONE)) >> _S11) * 2.0**-53


# Interpreted runs take the host forms: numpy warns where unsigned arithmetic wraps.
mix = mix_host if config.DISABLE_JIT else _mix
uniform = uniform_host if config.DISABLE_JIT else _uniform
