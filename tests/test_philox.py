"""Philox4x32-10 against its published vectors, and rules against the host."""
import numpy as np
import pytest

from envs.core import philox
from envs.core.jit import driver

# Random123 known answers: counter, key, output.
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


@driver
def draws(seed, stream, a, b, k):
    return (philox.philox_uniform(seed, stream, a, b, k),
            philox.philox_normal(seed, stream, a, b, k),
            philox.philox_number(seed, stream, a, b, k))


@pytest.mark.parametrize("counter, key, words", VECTORS)
def test_published_vectors(counter, key, words):
    a, b, k, stream = counter
    got = philox.block_host(np.uint64(key[0] | key[1] << 32), stream, a, b, k)
    assert tuple(int(x) for x in got) == words


@pytest.mark.parametrize("seed", [0, 7, 2**63 + 5])
def test_rules_agree_with_the_host(seed):
    for a in range(20):
        u, z, number = draws(np.uint64(seed), 3, a, 2 * a, a % 3)
        assert u == philox.uniforms(seed, 3, a, 2 * a, a % 3)
        assert z == pytest.approx(float(philox.normals(seed, 3, a, 2 * a, a % 3)), abs=1e-12)
        assert int(number) == philox.number_host(seed, 3, a, 2 * a, a % 3)


def test_arrays_are_broadcast():
    a, b = np.arange(5)[:, None], np.arange(3)
    table = philox.uniforms(1, 5, a, b)
    assert table.shape == (5, 3) and table[4, 2] == philox.uniforms(1, 5, 4, 2)
