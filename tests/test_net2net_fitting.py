"""The fit of the learning-curve model: parameters found again, what is told of its quality."""
import sys
from dataclasses import replace

import numpy as np
import pytest

from envs.core.errors import ScenarioError, SuiteError
from envs.net2net.cells import cell_of
from envs.net2net.model import Setup, tree
from envs.net2net.planning.fitting import fit, missed, points
from envs.net2net.planning.quality import _halves, _spearman, fit_sets, fitted, noise_of
from envs.net2net.replay import LEAF, NODE, Table, read_recording
from envs.net2net.theta import FittedSet, Noise, read_thetas
from scripts import fit_net2net
from tests.net2net_oracles import oracle

SETS = {name: FittedSet.from_config(name, entry, name)
        for name, entry in oracle("parametric")["shipped"].items()}
SPLIT = {"train": (0, 1, 2, 3), "validation": (4,), "test": (5, 6, 7)}
SILENT = Noise()
EVEN, ODD = (0, 2, 4, 6), (1, 3, 5, 7)


def modelled(name: str, noise: Noise = SILENT, as_set: str = "") -> Table:
    """A table of eight seeds that the model itself has made."""
    source = SETS[as_set or name]
    cell = cell_of(name, fractions=source.fractions)
    trees = [tree(Setup(cell, source.theta, noise=noise), seed) for seed in range(8)]
    nodes, leaves = np.zeros((8, cell.nodes), NODE), np.zeros((8, cell.leaves), LEAF)
    nodes["val_accuracy"] = [one.node for one in trees]
    leaves["val_accuracy"] = [one.leaf for one in trees]
    return Table(cell, tuple(range(8)), SPLIT, nodes, leaves, np.isfinite(trees[0].leaf))


@pytest.mark.parametrize("name", [name for name in SETS if "@" in name])
def test_every_point_of_a_table_has_its_place(name):
    assert np.nanmax(np.abs(missed(SETS[name].theta, points(modelled(name), EVEN)))) < 1e-9


def test_a_table_has_as_many_points_as_nodes_and_leaves():
    table = modelled("pair_max@600/depth")
    data = points(table, EVEN)
    assert np.isfinite(data.errors).sum() == table.cell.nodes + table.cell.leaves
    assert data.errors[0, 0] == pytest.approx(1 - table.nodes["val_accuracy"][0, 0])


@pytest.mark.parametrize("name", ["digits_aug@1500/depth", "pair_max@1500/grow"])
def test_parameters_are_found_again(name):
    theta = fit([points(modelled(name), EVEN)])
    true = SETS[name].theta
    assert theta.kappa == pytest.approx(true.kappa, abs=.01)
    assert theta.lam == pytest.approx(true.lam, abs=.01)
    assert theta.einf == pytest.approx(true.einf, rel=.01)
    assert theta.c == pytest.approx(true.c, rel=.01)


def test_noise_does_not_hide_what_is_better():
    name = "pair_max@1500/depth"
    found = fitted(name, [modelled(name, SETS[name].noise)], "even")
    (quality,) = found.fit["budgets"]
    assert found.fit["fit_seeds"] == list(EVEN) and found.fit["held_out_seeds"] == list(ODD)
    assert quality["budget_ms"] == 1500
    assert quality["curve_rmse"] < 2 * SETS[name].noise.run
    assert quality["spearman_held_out"] > .8 and quality["spearman_halves"] > .7
    assert found.noise.run == pytest.approx(SETS[name].noise.run, rel=.6)
    assert found.noise.curve == pytest.approx(SETS[name].noise.curve, rel=.4)


def test_joint_sets_stand_beside_single_ones():
    tables = [modelled(f"pair_max@{budget}/depth", as_set="pair_max/depth")
              for budget in (600, 1500)]
    peer = replace(tables[0], cell=cell_of("cnn1/early"), nodes=np.full_like(
        tables[0].nodes, np.nan))
    sets = fit_sets({table.cell.name: table for table in (*tables, peer)})
    assert list(sets) == ["pair_max@600/depth", "pair_max@1500/depth", "pair_max/depth"]
    joint = sets["pair_max/depth"]
    assert [one["budget_ms"] for one in joint.fit["budgets"]] == [600, 1500]
    assert joint.fit["fit_seeds"] == [0, 1, 2, 3]
    assert all(one["final_rmse"] < .002 for one in joint.fit["budgets"])
    assert joint.theta.kappa[2:] == (0,) * 4


def test_seeds_of_one_parity_check_themselves():
    table = replace(modelled("pair_max@600/depth"), seeds=tuple(range(0, 16, 2)))
    fit_seeds, checks = _halves(table, "even")
    assert fit_seeds == checks == list(range(8))
    few = replace(table, seeds=(0, 1, 2), nodes=table.nodes[:3], leaves=table.leaves[:3])
    assert _halves(few, "even") == ([0, 1], [2])


def test_noise_by_hand():
    table = modelled("pair_max@600/depth")
    values = table.leaves["val_accuracy"]
    values[:] = .5
    values[:4] += np.array([[-.03], [-.01], [.01], [.03]])
    values[:4, ::2] += .02
    assert noise_of(table, (0, 1, 2, 3)).run == pytest.approx(np.sqrt(.002 / 3))
    assert noise_of(table, (0, 1, 2, 3)).curve == pytest.approx(0, abs=1e-6)
    values[:4] = .5
    values[0, ::2], values[1, ::2] = .6, .4
    assert noise_of(table, (0, 1)).run == pytest.approx(.1 * 2**-.5)
    assert noise_of(table, (0, 1)).curve == pytest.approx(.1 * 2**-.5)
    assert noise_of(table, (0,)) == Noise()


def test_published_tables_cannot_be_fitted():
    with pytest.raises(SuiteError, match="no table has accuracies at decisions"):
        fit_net2net.main(fit_net2net.Keys(trace="published"))
    with pytest.raises(SuiteError, match="seeds=od"):
        fit_net2net.main(fit_net2net.Keys(seeds="od"))


@pytest.mark.parametrize(("name", "held_out", "halves"), [
    ("digits@600/depth", .89, .88), ("pair_max@600/depth", .72, .77),
    ("pair_max@1500/grow", .84, .85)])
def test_the_fit_foretells_seeds_that_it_did_not_see(name, held_out, halves):
    table = read_recording("recorded").tables[name]
    (quality,) = fitted(name, [table], "even").fit["budgets"]
    assert quality["spearman_held_out"] == pytest.approx(held_out, abs=.05)
    assert quality["spearman_halves"] == pytest.approx(halves, abs=.05)
    assert quality["curve_rmse"] < .032


def test_what_ships_is_fitted_to_training_seeds():
    tables = read_recording("recorded").tables
    for name, one in read_thetas().items():
        joint = [t for t in tables.values() if t.cell.joint == name]
        table = joint[0] if joint else tables[name]
        assert one.fit["fit_seeds"] == [table.seeds[i] for i in table.split["train"]], name
        assert len(one.fit["budgets"]) == max(1, len(joint)) and one.noise.run > 0, name
    name = "pair_max@1500/depth"
    data = points(tables[name], tables[name].split["train"])
    again, shipped = (missed(theta, data) for theta in (fit([data]), read_thetas()[name].theta))
    assert again == pytest.approx(shipped, abs=.002, nan_ok=True)


@pytest.mark.filterwarnings("error")
def test_equal_leaves_have_no_rank_correlation():
    rise, flat = np.array([0.1, 0.2, np.nan, 0.4]), np.array([0.5, 0.5, 0.1, 0.5])
    assert _spearman(rise, rise) == 1 and _spearman(rise, -rise) == -1
    assert _spearman(rise, flat) is None and _spearman(flat, rise) is None


def test_the_script_prints_and_writes(tmp_path, capsys, monkeypatch):
    recording = read_recording("recorded")
    few = {name: recording.tables[name] for name in ("digits@600/depth", "pair_max@1500/grow")}
    monkeypatch.setattr("envs.net2net.replay.read_recording", lambda _: replace(
        recording, tables=few))
    fit_net2net.main(fit_net2net.Keys(out=tmp_path / "theta.json"))
    out = capsys.readouterr().out
    assert "held out" in out and "pair_max@1500/grow: too few seeds" in out
    assert "digits@600/depth: too few" not in out
    sets = read_thetas(tmp_path / "theta.json")
    assert list(sets) == list(few) and sets["digits@600/depth"].fit["held_out_seeds"] == [4, 5, 6,
                                                                                         7]


def test_without_scipy_a_fit_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ScenarioError, match=r"fits need scipy.*net2net"):
        fit_sets({})
