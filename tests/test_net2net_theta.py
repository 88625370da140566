"""Parameter sets: the file of those that ship, who speaks for whom, what is refused."""
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from envs.core.errors import ScenarioError
from envs.net2net.cells import cell_of
from envs.net2net.theta import (
    SHIPPED,
    FittedSet,
    Noise,
    Theta,
    read_thetas,
    theta_for,
    write_thetas,
)
from tests.net2net_oracles import oracle

GIVEN = oracle("parametric")["shipped"]
THETA = GIVEN["pair_max/depth"]["theta"]
SETS = {name: FittedSet.from_config(name, entry, name) for name, entry in GIVEN.items()}


def refused(message: str, call, *args, **keys) -> None:
    with pytest.raises(ScenarioError) as error:
        call(*args, **keys)
    assert str(error.value) == message


def test_sets_survive_their_file(tmp_path):
    write_thetas(tmp_path / "theta.json", SETS)
    assert read_thetas(tmp_path / "theta.json") == SETS
    write_thetas(tmp_path / "theta.json", {"one": SETS["pair_max/depth"]})
    assert list(read_thetas(tmp_path / "theta.json")) == ["one"]
    assert [path.name for path in tmp_path.iterdir()] == ["theta.json"]


@pytest.mark.parametrize("name", list(GIVEN))
def test_a_set_is_what_was_given(name):
    config, given = SETS[name].to_config(), GIVEN[name]
    assert {key: config["cell"][key] for key in given["cell"]} == given["cell"]
    assert {key: config[key] for key in given if key != "cell"} == \
        {key: given[key] for key in given if key != "cell"}


def test_sets_of_every_shipped_cell_ship():
    assert SHIPPED.is_file() and set(read_thetas()) >= set(GIVEN)
    for fitted in read_thetas().values():
        assert fitted.noise.run > 0 and fitted.fit


@pytest.mark.parametrize(("cell", "fitted"), [
    ("pair_max@1500/depth", "pair_max@1500/depth"), ("pair_max@900/depth", "pair_max/depth"),
    ("pair_max@1500/grow", "pair_max@1500/grow"), ("pair_max@1500/malleable", "pair_max@1500/grow"),
])
def test_the_nearest_set_speaks_for_a_cell(cell, fitted):
    assert theta_for(cell_of(cell), SETS) is SETS[fitted]


def test_a_cell_may_name_another_set():
    cell = cell_of("pair_min@900/depth")
    refused("theta: no parameters are fitted for pair_min@900/depth; did you mean "
            '"pair_max@600/depth"?; say `theta: NAME` in the cell, or fit them with '
            "scripts/fit_net2net.py", theta_for, cell, SETS)
    assert theta_for(replace(cell, prior="pair_max/depth"), SETS) is SETS["pair_max/depth"]
    with pytest.raises(ScenarioError, match="no parameters are fitted for pair_mx"):
        theta_for(replace(cell, prior="pair_mx/depth"), SETS)
    with pytest.raises(ScenarioError, match="is fitted to 2 stages, cnn1/early has 3"):
        theta_for(replace(cell_of("cnn1/early"), prior="pair_max/depth"), SETS)


@pytest.mark.parametrize(("changes", "message"), [
    ({"e0": 0}, "e0: 0 is no valid number; give a finite number > 0 and <= 1"),
    ({"e0": 1.1}, "e0: 1.1 is no valid number; give a finite number > 0 and <= 1"),
    ({"einf": 0}, "einf: 0 is no valid number; give a finite number > 0"),
    ({"tau0": -1}, "tau0: -1 is no valid number; give a finite number > 0"),
    ({"beta": float("nan")}, "beta: nan is no valid number; give a finite number > 0"),
    ({"c": -0.1}, "c: -0.1 is no valid number; give a finite number >= 0"),
    ({"kappa": [0.0] * 4}, "kappa: need 6 numbers (3 per stage), found 4"),
    ({"lambda": [0.0] * 7}, "lambda: need 6 numbers (3 per stage), found 7"),
    ({"kappa": 3}, "kappa: 3 is no list; write [a, b, ...]"),
    ({"kapa": []}, 'kapa: unknown key; did you mean "kappa"?'),
])
def test_what_no_parameters_are(changes, message):
    refused(message, Theta.from_config, {**THETA, **changes}, 2)
    refused(f"my.json: one.theta.{message}", Theta.from_config, {**THETA, **changes}, 2,
            "my.json: one.theta")


def test_parameters_are_checked_when_made():
    one = Theta.from_config(THETA, 2)
    refused("tau0: 0 is no valid number; give a finite number > 0", replace, one, tau0=0)
    refused("lambda: need 6 numbers (3 per stage), found 3", replace, one, lam=(0.0,) * 3)


def test_missing_parameters_are_named():
    refused("einf: is missing; keys: e0, einf, tau0, beta, c, kappa, lambda", Theta.from_config,
            {key: value for key, value in THETA.items() if key != "einf"}, 2)


def test_noise():
    assert Noise.from_config({"run": 0.1}) == Noise(0.1, 0.0)
    refused("noise.curve: -1 is no valid number; give a finite number >= 0", Noise.from_config,
            {"curve": -1})
    refused('noise.rn: unknown key; did you mean "run"?', Noise.from_config, {"rn": 1})


@pytest.mark.parametrize(("content", "message"), [
    ("{", "not JSON (Expecting property name enclosed in double quotes); the file is truncated"),
    ('{"schema": "net2net-theta/2"}', "schema: expected 'net2net-theta/1', found "
     "'net2net-theta/2'; write it with scripts/fit_net2net.py"),
    ('{"schema": "net2net-theta/1", "sets": {"a": {"cell": {}}}}', "a.action_set: is missing"),
])
def test_what_no_file_of_sets_is(content, message, tmp_path):
    path = tmp_path / "theta.json"
    path.write_text(content)
    with pytest.raises(ScenarioError) as error:
        read_thetas(path)
    assert str(error.value).startswith(str(path)) and message in str(error.value)


def test_an_unknown_action_set_in_a_file(tmp_path):
    entry = {**GIVEN["pair_max/depth"], "action_set": "dpth"}
    path = tmp_path / "theta.json"
    path.write_text(json.dumps({"schema": "net2net-theta/1", "sets": {"a": entry}}))
    with pytest.raises(ScenarioError, match=r'a\.action_set: unknown action set "dpth"; known: de'):
        read_thetas(path)
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_thetas(tmp_path / "none.json")
