"""Counter-based draws."""
import math

MASK = 2**64 - 1


def mix(z):
    """One step of SplitMix64."""
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def h(seed, *ids):
    """64 random bits of a seed and identifiers."""
    x = mix(seed & MASK)
    for i in ids:
        x = mix(x ^ i)
    return x


def u(seed, *ids):
    """Uniform in [0, 1)."""
    return (h(seed, *ids) >> 11) * 2.0**-53


def normal(seed, *ids):
    """Standard normal."""
    radius = math.sqrt(-2 * math.log(1 - u(seed, *ids, 0)))
    return radius * math.cos(2 * math.pi * u(seed, *ids, 1))


def perm(n, seed, *ids):
    """0 ... n - 1 in the order of their draws."""
    return sorted(range(n), key=lambda i: (h(seed, *ids, i), i))
