"""Baselines: the published tables, rules by hand, what each of them may know."""
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from envs.core.errors import ScenarioError
from envs.net2net.binding import mean_table
from envs.net2net.cases import Case
from envs.net2net.draws import u
from envs.net2net.leaves import best_leaf, normalised
from envs.net2net.model import Setup, tree
from envs.net2net.options import POLICIES
from envs.net2net.players import PLAYERS, make_player, values_of
from envs.net2net.players.tables import linear, tabular_q, tabular_reinforce
from envs.net2net.players.values import Values
from envs.net2net.replay import LEAF, NODE, Table
from envs.net2net.scenario import load_scenario
from envs.net2net.simulate import simulate
from envs.net2net.theta import read_thetas
from envs.net2net.workloads import open_workload
from tests.net2net_oracles import oracle

PUBLISHED = oracle("peer_expected")
OPENINGS = list(PUBLISHED["scenarios"])
BRACKETS = {"fixed": "fixed(2,0,1)", "start": "start(2)", "late": "late(1)",
            "periodic": "periodic(2)", "random_search": "random_search(16)"}


def published(model: str):
    return load_scenario("published").replace(
        cells=[f"{model}/{opening}" for opening in PUBLISHED["joint"][model]["scenarios"]])


def pairs():
    return load_scenario("pairs")


def first_case(scenario, index: int = 0) -> Case:
    return open_workload(None, scenario).part("test", count=index + 1)[index].trace


def taken(name: str, scenario, case: Case) -> list[int]:
    return simulate(scenario, case, player=make_player(name, scenario)).taken.tolist()


def of_cell(scenario, name: str) -> Values:
    return values_of(next(cell for cell in scenario.cells if cell.name == name), scenario)


@pytest.mark.parametrize("name", OPENINGS)
def test_greedy_rules_on_published_tables(name):
    scenario, known = published(name.partition("/")[0]), PUBLISHED["scenarios"][name]
    case = next(w.trace for w in open_workload(None, scenario).part("test")
                if w.trace.cell.name == name)
    leaf = of_cell(scenario, name).leaf
    for rule, key in (("greedy_marginal", "greedy_marginal"),
                      ("greedy_uniform", "greedy_uniform_continuation"),
                      ("greedy_none", "greedy_none_continuation")):
        found = taken(rule, scenario, case)
        assert found == known[key]["sequence"]
        accuracy = leaf[case.cell.leaf_of(found)]
        assert accuracy == pytest.approx(known[key]["accuracy"], abs=1e-12)
        assert 1 + (leaf > accuracy).sum() == known[key]["rank"]
    assert taken("tree", scenario, case) == taken("oracle", scenario, case) == known["oracle"][
        "sequence"]


@pytest.mark.parametrize("model", ["cnn1", "cnn2"])
def test_the_best_constant_of_the_published_openings(model):
    scenario, known = published(model), PUBLISHED["joint"][model]
    cell, leaves = scenario.cells[0], [values_of(c, scenario).leaf for c in scenario.cells]
    found = taken("best_fixed", scenario, first_case(scenario))
    assert found == known["best_fixed_by_mean_accuracy"]["sequence"]
    accuracies = [leaf[cell.leaf_of(found)] for leaf in leaves]
    assert accuracies == pytest.approx(known["best_fixed_by_mean_accuracy"]["accuracy"])
    found = taken("best_constant", scenario, first_case(scenario))
    assert found == known["best_fixed_by_normalised"]["sequence"]
    scores = [normalised(leaf)[cell.leaf_of(found)] for leaf in leaves]
    assert np.mean(scores) == pytest.approx(known["best_fixed_by_normalised"]["normalised"],
                                            abs=1e-6)


@pytest.mark.parametrize("name", OPENINGS)
def test_ranks_of_tabular_learners(name):
    scenario = published(name.partition("/")[0])
    values = of_cell(scenario, name)
    known = PUBLISHED["scenarios"][name]["tabular_agents_rank_over_100_seeds"]

    def rank(sequence):
        return 1 + int((values.leaf > values.leaf[values.cell.leaf_of(sequence)]).sum())

    ranks = [rank(tabular_reinforce(values, seed)) for seed in range(10)]
    accepted = known["reinforce_running_mean_baseline"]
    assert np.median(ranks) <= accepted["p90"] and max(ranks) <= accepted["max"] + 3
    assert rank(tabular_q(values)) <= known["q_learning_optimistic"]["p90"]


def test_every_name_of_the_options_is_a_player():
    assert set(PLAYERS) == set(POLICIES)


@pytest.mark.parametrize("name", PLAYERS)
def test_every_player_plays_the_model(name):
    scenario = pairs()
    found = taken(BRACKETS.get(name, name), scenario, first_case(scenario))
    assert len(found) == 3 and all(0 <= a < 4 for a in found)
    assert make_player(BRACKETS.get(name, name), scenario).privileged == (
        name in ("tree", "oracle"))


@pytest.mark.parametrize(("name", "want"), [
    ("never", [0, 0, 0]), ("always", [3, 3, 3]), ("always(2)", [2, 2, 2]),
    ("fixed(2,0,1)", [2, 0, 1]), ("start(2)", [3, 3, 0]), ("start(1,2)", [2, 0, 0]),
    ("late(1)", [0, 0, 3]), ("late(2, 1)", [0, 1, 1]), ("periodic(1)", [3, 3, 3]),
    ("periodic(2,1)", [0, 1, 0]), ("convergent(-1)", [0, 0, 0]), ("convergent(2, 1)", [0, 1, 1]),
])
def test_constant_rules(name, want):
    scenario = pairs()
    assert taken(name, scenario, first_case(scenario)) == want


def test_random_is_drawn_from_the_seed():
    scenario = pairs()
    case = first_case(scenario)
    for x in (3, 4):
        want = [int(4 * u(x, 21, j)) for j in range(3)]
        assert taken("random", scenario, replace(case, seed=x)) == want


def test_masked_actions_are_left_out():
    network = {"hw": [8, 16], "widths": [8, 16], "depth": [7, 1], "head": "flat", "classes": 10}
    scenario = pairs().replace(cells=[{"cell": "pair_max@1500/depth", "network": network}])
    case = first_case(scenario)
    assert taken("always(1)", scenario, case) == [1, 0, 0]
    values = values_of(case.cell, scenario)
    assert not values.allowed()[case.cell.node_of((1,)), 1]
    for rule in ("greedy_uniform", "linear", "tabular_reinforce", "tabular_q", "planner"):
        assert np.isfinite(values.leaf[case.cell.leaf_of(taken(rule, scenario, case))])


@pytest.mark.parametrize(("name", "told"), [
    ("nevr", 'unknown value "nevr"; did you mean "never"'), ("fixed", "takes 1 to 64 numbers"),
    ("never(1)", "takes 0 numbers, found 1"), ("late(x)", "'x' is no number"),
    ("periodic(0)", "no valid integer"), ("start(0.5)", "no valid integer"),
    ("never(", "unknown value"),
])
def test_bad_names(name, told):
    with pytest.raises(ScenarioError, match="policy") as error:
        make_player(name, pairs())
    assert told in str(error.value)


def test_sequences_that_do_not_fit():
    scenario = pairs()
    for name, told in (("fixed(1,2)", "has 3 decisions, found 2"), ("always(4)", "actions 0..3"),
                       ("convergent(0.1,9)", "actions 0..3")):
        with pytest.raises(ScenarioError, match="policy: pair_min@600/depth") as error:
            taken(name, scenario, first_case(scenario))
        assert told in str(error.value)


def recorded(n: int = 5) -> tuple[SimpleNamespace, Table]:
    """A table of random accuracies, and a scenario that has no other."""
    cell, r = pairs().cells[0], np.random.default_rng(1)
    nodes, leaves = np.zeros((n, cell.nodes), NODE), np.zeros((n, cell.leaves), LEAF)
    leaves["val_accuracy"], leaves["test_accuracy"] = r.random((2, n, cell.leaves))
    nodes["val_accuracy"] = r.random((n, cell.nodes))
    split = {"train": (0, 1, 2), "validation": (3,), "test": tuple(range(4, n))}
    table = Table(cell, tuple(range(n)), split, nodes, leaves, np.ones(cell.leaves, bool))
    return SimpleNamespace(cells=(cell,), options=pairs().options, table_of=lambda _: table), table


def chosen(name: str, scenario, table: Table, row: int) -> int:
    player = make_player(name, scenario)
    player.begin(Case(table.cell, "tabular", table, row, table.seeds[row]))
    return table.cell.leaf_of(player.sequence)


def test_who_may_know_which_seeds():
    scenario, table = recorded(6)
    val, test = table.leaves["val_accuracy"], table.leaves["test_accuracy"]
    training = best_leaf(val[:3].mean(axis=0))
    for row in (4, 5):
        others = [i for i in range(6) if i != row]
        assert chosen("held_out_oracle", scenario, table, row) == best_leaf(
            val[others].mean(axis=0))
        assert chosen("oracle", scenario, table, row) == best_leaf(test[row])
        assert chosen("tree", scenario, table, row) == best_leaf(test[[4, 5]].mean(axis=0))
        for name in ("best_fixed", "best_constant"):
            assert chosen(name, scenario, table, row) == training
        searched = chosen("random_search(64)", scenario, table, row)
        assert searched in [best_leaf(val[i]) for i in range(3)]
    values = values_of(table.cell, scenario)
    assert values.node_accuracy == pytest.approx(table.nodes["val_accuracy"][:3].mean(axis=0))
    assert values.by_seed == pytest.approx(val[:3])


def test_means_are_not_known_beforehand():
    scenario, table = recorded()
    means = mean_table(table, "test")
    player = make_player("best_fixed", scenario)
    player.begin(Case(table.cell, "tabular", means, 0))
    training = table.leaves["val_accuracy"][:3].mean(axis=0)
    assert table.cell.leaf_of(player.sequence) == best_leaf(training)


def test_one_seed_has_no_other():
    scenario, table = recorded()
    with pytest.raises(ScenarioError, match="has one seed"):
        chosen("held_out_oracle", scenario, replace(
            table, seeds=(0,), nodes=table.nodes[:1], leaves=table.leaves[:1]), 0)


def test_a_linear_model_by_hand():
    cell = pairs().cells[0]
    worth = np.array([0.0, 0.02, -0.03, 0.01])
    leaf = np.array([0.5 + worth[list(cell.sequence_of(k))].sum() for k in range(cell.leaves)])
    values = Values(cell, leaf, leaf[None], np.full(cell.nodes, np.nan))
    assert linear(values) == (1, 1, 1)
    assert linear(replace(values, leaf=np.where(np.arange(cell.leaves) == cell.leaf_of((1, 1, 1)),
                                                np.nan, leaf))) == (1, 1, 3)


def test_without_noise_the_online_planner_follows_the_plan():
    scenario = pairs().replace(noise=None, vary=0.0)
    for index in range(3):
        case = first_case(scenario, index)
        assert taken("planner_online", scenario, case) == taken("planner", scenario, case)


def test_the_oracle_knows_the_noise():
    scenario = pairs()
    case = first_case(scenario)
    best = simulate(scenario, case, player=make_player("oracle", scenario))
    for name in ("never", "always", "planner", "random"):
        other = simulate(scenario, case, player=make_player(name, scenario))
        assert other.states["val_accuracy"][-1] <= best.states["val_accuracy"][-1] + 1e-12


def test_values_of_a_cell_that_is_not_recorded_are_the_fit():
    scenario = pairs()
    cell = scenario.cells[0]
    leaf = tree(Setup(cell, read_thetas()[cell.prior].theta)).leaf
    assert values_of(cell, scenario).leaf == pytest.approx(leaf, abs=1e-12)
