"""Counter-based draws inside rules: the same chains as `envs.net2net.draws`."""
import math

import numpy as np
from numba import config

from envs.core.jit import rule
from envs.core.rng import mix

_GOLDEN = 0x9E3779B97F4A7C15
_G, _S11 = np.uint64(_GOLDEN), np.uint64(11)


@rule
def _begin(seed):
    return mix(np.uint64(seed) + _G)


@rule
def _link(x, a):
    return mix((np.uint64(x) ^ np.uint64(a)) + _G)


def _begin_host(seed):
    return mix(int(seed) + _GOLDEN)


def _link_host(x, a):
    return mix((int(x) ^ int(a)) + _GOLDEN)


# Interpreted runs take the host forms: numpy warns where unsigned arithmetic wraps.
begin = _begin_host if config.DISABLE_JIT else _begin
link = _link_host if config.DISABLE_JIT else _link


@rule
def unit(x):
    """The uniform in [0, 1) of a word."""
    return np.float64(np.uint64(x) >> _S11) * 2.0**-53


@rule
def normal(x):
    """The standard normal of a chain that ends in word `x`."""
    radius = math.sqrt(-2.0 * math.log(1.0 - unit(link(x, 0))))
    return radius * math.cos(2.0 * math.pi * unit(link(x, 1)))
