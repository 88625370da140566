"""Counter-based random numbers of the specification, on Python integers."""

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
ROUTING, ALLOCATION, EPISODE = 0, 1, 2


def mix(z: int) -> int:
    """The finaliser of SplitMix64."""
    z &= MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def uniform(seed: int, stream: int, n: int) -> float:
    """Draw number n of a stream, in [0, 1)."""
    return (mix(mix(seed + GOLDEN * (stream + 1)) + GOLDEN * (n + 1)) >> 11) * 2.0**-53


class Draws:
    """One stream, drawn in order; a given list of numbers replaces it."""

    def __init__(self, seed: int, stream: int, given: list[float] | None = None):
        self.seed, self.stream, self.given, self.count = seed, stream, given, 0

    def next(self) -> float:
        """The next number of the stream."""
        n, self.count = self.count, self.count + 1
        return self.given[n] if self.given is not None else uniform(self.seed, self.stream, n)
