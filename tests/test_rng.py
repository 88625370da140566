"""Random numbers are a function of (seed, stream, n), the same on the host and in rules."""
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.core import rng
from tests.blis_oracles import oracle

uniform = numba.njit(lambda seed, stream, n: rng.uniform(seed, stream, n))
mix = numba.njit(lambda z: rng.mix(z))
WORD = st.integers(0, 2**64 - 1)
GOLDEN = 0x9E3779B97F4A7C15


@pytest.mark.parametrize("draw", oracle("instances/special_rng")["uniform"],
                         ids=lambda d: f"{d['seed']}-{d['stream']}-{d['n']}")
def test_published_values(draw):
    at = draw["seed"], draw["stream"], draw["n"]
    assert rng.uniform_host(*at) == draw["value"]
    assert uniform(np.uint64(at[0]), *at[1:]) == draw["value"]


@given(WORD, st.integers(0, 9), st.integers(0, 2**40))
def test_host_and_rule_agree(seed, stream, n):
    assert uniform(np.uint64(seed), stream, n) == rng.uniform_host(seed, stream, n)
    assert int(mix(np.uint64(seed))) == rng.mix_host(seed)


@given(WORD, st.integers(0, 9), st.integers(0, 2**40))
def test_draws_lie_in_the_unit_interval(seed, stream, n):
    assert 0 <= rng.uniform_host(seed, stream, n) < 1


def test_host_takes_numpy_words():
    assert rng.uniform_host(np.uint64(2**63), np.int64(1), np.int32(4)) == rng.uniform_host(
        2**63, 1, 4)


def test_draws_are_spread_evenly():
    draws = np.array([rng.uniform_host(5, 0, n) for n in range(4000)])
    counts, _ = np.histogram(draws, bins=10, range=(0, 1))
    assert counts.min() > 330 and counts.max() < 470
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.06


def test_streams_differ():
    draws = {rng.uniform_host(5, stream, n) for stream in range(3) for n in range(50)}
    assert len(draws) == 150


def test_first_episode_has_the_seed_itself():
    assert rng.episode_seed(12, 0) == 12
    assert rng.episode_seed(12, 3) == rng.mix_host(12 + 3 * GOLDEN)
    assert len({rng.episode_seed(12, e) for e in range(100)}) == 100


def test_replica_seed_is_the_first_word_of_its_sequence():
    words = np.random.SeedSequence(7).generate_state(4, np.uint64)
    assert rng.replica_seed(7) == int(words[0])
