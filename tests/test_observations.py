"""Dicts of arrays as rows: the same order and places everywhere."""
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from agents.observations import flat, flat_space, places


def space():
    """Parts of several shapes, not in the order of their names."""
    return spaces.Dict(table=spaces.Box(-1, 1, (2, 3), np.float32),
                       line=spaces.Box(0, 5, (4,), np.float32))


def test_parts_lie_where_they_are_said_to_lie():
    found = batch_space(space(), 7).sample()
    rows = flat(found)
    assert rows.shape == (7, 10) and rows.dtype == np.float32
    assert places(space()).keys() == {"line", "table"}
    for name, (place, shape) in places(space()).items():
        assert np.array_equal(rows[:, place].reshape(-1, *shape), found[name])


def test_a_row_does_not_depend_on_the_order_of_its_dict():
    found = batch_space(space(), 2).sample()
    backward = {name: found[name] for name in reversed(found)}
    assert np.array_equal(flat(found), flat(backward))


def test_the_space_of_a_row_has_its_bounds():
    row = flat_space(space())
    assert row.contains(flat(batch_space(space(), 1).sample())[0])
    assert row.low.tolist() == [0] * 4 + [-1] * 6 and row.high.tolist() == [5] * 4 + [1] * 6


def test_an_array_stays_the_same_object():
    table = np.zeros((2, 3, 4), np.float32)
    assert flat(table) is table
    assert flat_space(spaces.Box(0, 1, (3, 4))).shape == (3, 4)
