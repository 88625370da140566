"""Scenarios: those that ship, overrides, defaults, what is refused and what a check says."""
from __future__ import annotations

from dataclasses import replace

import pytest

from envs.core.errors import ScenarioError, SuiteError
from envs.core.options import defaults
from envs.net2net.cells import PROFILES, cell_of
from envs.net2net.check import check
from envs.net2net.options import POLICIES, Options
from envs.net2net.players import PLAYERS
from envs.net2net.scenario import Scenario, load_scenario, scenario_names
from envs.net2net.theta import Noise, read_thetas, write_thetas
from tests.net2net_recordings import SMALL, write_recording
from tests.scripting import run

NAMES = ("depth", "gpus", "grow", "long", "pairs", "published")


def small(**keys) -> Scenario:
    return Scenario.from_config({"cells": ["digits@600/depth"], **keys}, "my.yaml")


def refused(message: str, **keys) -> None:
    with pytest.raises(ScenarioError) as error:
        small(**keys)
    assert str(error.value) == f"my.yaml: {message}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("recordings") / "mine")


def test_the_scenarios_that_ship():
    assert tuple(scenario_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_cells_of_a_scenario_share_a_tree(name):
    scenario = load_scenario(name)
    assert len({(cell.actions, cell.depth_of_tree) for cell in scenario.cells}) == 1
    assert scenario.name == name and len(scenario.cells) > 1


def test_decisions_at_gpu_changes():
    gpus = load_scenario("gpus")
    assert {cell.decisions for cell in gpus.cells} == {(200.0, 600.0, 700.0, 1100.0)}
    early = small(gpu_timeline=[[0, 1], [100, 2], [700, 3]], events=True)
    assert early.cells[0].decisions == (100.0,)
    refused("events: must ascend within [0, 600), found []", events=True)


def test_defaults_are_those_of_the_domain():
    plain = defaults(Options)
    assert (plain["backend"], plain["policy"], plain["seed"]) == ("parametric", "never", None)
    assert plain["profile"] == PROFILES["cpu"] and plain["gpu_timeline"] == ((0.0, 1),)
    assert (plain["noise"], plain["vary"]) == (Noise(), 0.0)
    assert (plain["jump_grow"], plain["jump_undo"]) == (0.0, 0.02)
    assert plain["max_parameters"] is None and plain["clock"] == "virtual"
    env = plain["env"]
    assert (env.reward, env.gpu_cost) == ("final", 0.05)
    assert not (env.show_task or env.factored or env.strict)
    assert small().cells == (cell_of("digits@600/depth"),)


def test_cells_say_their_own_times_and_parameters():
    scenario = small(cells=["digits@600/depth",
                            {"cell": "pair_sum@1500/depth", "fractions": [0, 0.5, 0.9],
                             "theta": "pair_max/depth"},
                            {"cell": "digits@900/depth", "opening": 10, "every": 20, "n": 3,
                             "theta": "digits@600/depth"}])
    assert [cell.decisions for cell in scenario.cells] == [
        (60.0, 240.0, 420.0), (0.0, 750.0, 1350.0), (10.0, 30.0, 50.0)]
    assert [cell.prior for cell in scenario.cells] == ["", "pair_max/depth", "digits@600/depth"]
    wide = small(cells=[{"cell": "digits@600/depth", "network": {
        "hw": [8, 8], "widths": [12, 24], "head": "gap", "classes": 10}}])
    assert wide.cells[0].network.widths == (12, 24)


def test_times_of_all_cells():
    both = small(cells=["digits@600/depth", "pair_max@1500/depth"], fractions=[0.2, 0.6])
    assert [cell.decisions for cell in both.cells] == [(120.0, 360.0), (300.0, 900.0)]
    spaced = small(opening=70, every=11.5, n=2)
    assert spaced.cells[0].decisions == (70.0, 81.5)


def test_an_opening_at_0_is_one():
    assert small(opening=0).cells[0].decisions == (0.0,)
    assert small(cells=[{"cell": "digits@600/depth", "opening": 0}]).cells[0].decisions == (0.0,)


def test_other_decision_times_win_over_those_of_the_scenario():
    for scenario in (load_scenario("gpus", {"fractions": [0.1, 0.2]}),
                     load_scenario("gpus").merge({"fractions": [0.1, 0.2]})):
        assert {cell.decisions for cell in scenario.cells} == {(150.0, 300.0)}
    spaced = load_scenario("grow", {"backend": "parametric", "evaluated": None, "opening": 30})
    assert {cell.decisions for cell in spaced.cells} == {(30.0,)}
    assert {cell.decisions for cell in spaced.merge({"every": 5, "n": 2}).cells} == {(30.0, 35.0)}
    changes = small(fractions=[0.1], gpu_timeline=[[0, 1], [50, 2]]).merge({"events": True})
    assert changes.cells[0].decisions == (50.0,)


def test_overrides_are_merged():
    scenario = load_scenario("gpus", {"env": {"reward": "cost"}, "profile": [1, 2, 3, 0.5, 0]})
    assert scenario.options.env.reward == "cost" and scenario.options.env.gpu_cost == 0.05
    assert scenario.options.profile == (1.0, 2.0, 3.0, 0.5, 0.0)
    again = scenario.merge({"env": {"gpu_cost": 1}}).replace(policy="always(3)")
    assert again.options.env.reward == "cost" and again.options.env.gpu_cost == 1
    assert again.options.policy == "always(3)" and again.name == "gpus"
    assert again.identity != scenario.identity


def test_all_cells_of_the_tables(folder):
    scenario = small(cells=None, backend="tabular", tables=[str(folder)])
    assert scenario.cells == (SMALL,)
    named = small(backend="tabular", tables=str(folder))
    assert named.cells == (SMALL,) and named.table_of(SMALL).seeds == (0, 1, 2, 3, 4)
    other = small(backend="tabular", tables=str(folder), fractions=[0.2, 0.4])
    with pytest.raises(ScenarioError, match=r"recorded with fractions \[0.1, 0.4\], not \[0.2, 0"):
        other.table_of(other.cells[0])


def test_tables_beside_the_file(folder):
    path = folder.parent / "mine.yaml"
    path.write_text("backend: tabular\ntables: [mine]\n")
    scenario = load_scenario(path)
    assert scenario.cells == (SMALL,) and scenario.table_of(SMALL).source == str(folder)
    assert scenario.table_of(cell_of("pair_max@600/depth")) is None


@pytest.mark.parametrize(("keys", "message"), [
    ({"fractions": [0.4, 0.1]}, "fractions: must ascend within [0, 1), found [0.4, 0.1]"),
    ({"fractions": ["x"]}, "fractions: 'x' is no valid number; give a finite number"),
    ({"cells": ["digits@2/depth"]},
     "budget_ms: 2.0 is less than one step of the base network (3.216)"),
    ({"cells": ["digits@0/depth"]},
     "cells[0]: budget_ms: 0.0 is no valid number; give a finite number > 0"),
    ({"cells": ["digits@600/depth", {"cell": "pair_max@1500/grow", "fractions": [0.1, 0.4]}]},
     "cells: pair_max@1500/grow has 7 actions and 2 decisions, digits@600/depth 4 and 3; use one "
     "environment each"),
    ({"cells": ["digits@600/depth", "digits@600.0/depth"]},
     "cells: digits@600/depth is named twice; name each cell once"),
    ({"cells": []}, "cells: names no cell; write [pair_max@1500/depth, ...]"),
    ({"cells": None},
     "cells: names no cell; write cells: [pair_max@1500/depth], or tables: [recorded]"),
    ({"cells": [{"cel": "digits@600/depth"}]}, "cells[0]: {'cel': 'digits@600/depth'} is no cell; "
     "write task@budget/set or {cell: task@budget/set, ...}"),
    ({"cells": [{"cell": "digits@600/depth", "fraction": [0]}]}, "cells[0].fraction: unknown key; "
     "known: fractions, cell, opening, every, n, events, network, theta"),
    ({"cells": [{"cell": "digits@600/depth", "events": 1}]},
     "cells[0].events: 1 is no truth value; write true or false"),
    ({"cells": [{"cell": "digits@600/depth", "fractions": [0.2, 0.4], "opening": 5}]},
     "cells[0]: fractions and opening are given together; say decision times in one way"),
    ({"fractions": [0.2], "events": True, "gpu_timeline": [[0, 1], [9, 2]]},
     "events: fractions and events are given together; say decision times in one way"),
    ({"cells": ["dgits@600/depth"]}, 'cells[0]: unknown task "dgits"; known: digits, digits_aug, '
     "pair_max, pair_min, pair_cmp, pair_diff, pair_sum"),
    ({"cells": ["digits@600/gro"]},
     'cells[0]: unknown action set "gro"; known: grow, depth, malleable'),
    ({"backend": "tabluar"}, 'backend: unknown value "tabluar"; known: tabular, parametric, live'),
    ({"evaluated": "lve"}, 'evaluated: unknown value "lve"; known: live, parametric, tabular'),
    ({"profile": "cpuu"}, 'profile: unknown value "cpuu"; known: cpu, flat, gpu, multi'),
    ({"profile": [1, 2, 3]}, "profile: need 5 numbers (o, l, m, alpha, gamma), found 3"),
    ({"profile": [1, 2, 3, 1, -1]},
     "profile[4]: -1 is no valid number; give a finite number >= 0"),
    ({"profile": [0, 0, 0, 0, 0]}, "profile: a step takes 0 ms, which are more than 1e+12 steps of "
     "digits@600/depth; give larger o, l or m"),
    ({"profile": [1, 1, 1, 3, 0]},
     "profile[3]: 3 is no valid number; give a finite number >= 0 and <= 2"),
    ({"opening": 0, "every": 1, "n": 30},
     "cells: digits@600/depth has too many sequences (4 actions, 30 decisions); take fewer "
     "decisions"),
    ({"env": {"reward": "fnal"}},
     'env.reward: unknown value "fnal"; known: final, delta, tan, gain, cost'),
    ({"clock": "cpus"}, 'clock: unknown value "cpus"; known: cpu, virtual, wall'),
    ({"split": "tst"}, 'split: unknown value "tst"; known: test, train, validation'),
    ({"polcy": "never"}, 'polcy: unknown key; did you mean "policy"?'),
    ({"vary": -1}, "vary: -1 is no valid number; give a finite number >= 0"),
    ({"noise": {"run": -1}}, "noise.run: -1 is no valid number; give a finite number >= 0"),
    ({"noise": "shiped"}, "noise: 'shiped' is no mapping; write {key: value, ...}"),
    ({"backend": "tabular"},
     "tables: backend tabular needs recordings; write tables: [recorded], or the path of a folder"),
    ({"cells": ["cnn1/early"]}, "backend: cnn1/early is a published table, which backend tabular "
     "plays; set backend: tabular"),
    ({"cells": ["cnn1/early"], "backend": "tabular", "tables": ["published"],
      "env": {"reward": "delta"}},
     "reward: delta needs accuracies at decisions; cnn1/early has none, use final"),
    ({"cells": ["pair_min@600/depth"]}, "theta: no parameters are fitted for pair_min@600/depth; "
     'did you mean "pair_max@600/depth"?; say `theta: NAME` in the cell, or fit them with '
     "scripts/fit_net2net.py"),
    ({"gpu_timeline": []}, "gpu_timeline[0]: must start at time 0; write [[0, 1], ...]"),
    ({"gpu_timeline": [[5, 1]]}, "gpu_timeline[0]: must start at time 0; write [[0, 1], ...]"),
    ({"gpu_timeline": [[0, 1], [9, 2], [5, 1]]},
     "gpu_timeline[2]: time 5 is before the entry above (9); sort the entries by time"),
    ({"gpu_timeline": [[0, 1], [5, -1]]},
     "gpu_timeline[1]: -1 is no valid integer; give an integer >= 0 and <= 1e+06"),
    ({"gpu_timeline": [[0, 0], [5, 0]]},
     "gpu_timeline: never has a GPU; give an entry more than 0"),
    ({"gpu_timeline": [[0, 1, 2]]}, "gpu_timeline[0]: has 3 entries; write [time in ms, GPUs]"),
])
def test_one_error_for_each_mistake(keys, message):
    refused(message, **keys)


def test_a_live_training_needs_its_data():
    own = {"hw": [8, 8], "widths": [8, 16], "head": "gap", "classes": 3}
    assert small(cells=[{"cell": "mine@600/depth", "network": own, "theta": "digits@600/depth"}])
    refused('cells: no data of task "mine" to train on; known: digits, digits_aug, pair_max, '
            "pair_min, pair_cmp, pair_diff, pair_sum", backend="live",
            cells=[{"cell": "mine@600/depth", "network": own}])
    refused("cells: the data of digits are 8x8x1 in 10 classes; give the network these",
            backend="live", cells=[{"cell": "digits@600/depth", "network": own}])


def test_every_baseline_may_be_named():
    assert set(POLICIES) == set(PLAYERS)


def test_an_unknown_baseline_lists_the_known_ones():
    with pytest.raises(ScenarioError, match='policy: unknown value "plannr"; known: planner, plan'):
        small(policy="plannr")
    assert small(policy="convergent(0.05)").options.policy == "convergent(0.05)"


def test_an_error_of_an_override_is_laid_to_it():
    with pytest.raises(ScenarioError, match=r'^options: env\.rewrd: unknown key'):
        load_scenario("pairs", {"env": {"rewrd": "final"}})
    with pytest.raises(ScenarioError, match='did you mean "depth"'):
        load_scenario("dpth")


@pytest.mark.parametrize("name", ["gpus", "long", "pairs", "published"])
def test_nothing_stands_in_the_way_of_a_scenario_that_ships(name):
    report = check(load_scenario(name))
    assert not report.problems and report.verdict.startswith("ok: ")
    assert len(report.sections()[0].rows) == len(report.cells)


def findings(scenario: Scenario, trace=None) -> list[tuple[bool, str]]:
    return [(finding.problem, f"{finding.about}: {finding.what}")
            for finding in check(scenario, trace).findings]


def test_a_check_names_what_has_no_effect(folder):
    tabular = {"backend": "tabular", "tables": [str(folder)]}
    assert findings(small(**tabular)) == []
    idle = small(**tabular, vary=0.1, noise="shipped", gpu_timeline=[[0, 2]], clock="cpu")
    assert [what.split(":")[0] for _, what in findings(idle)] == [
        "noise", "vary", "clock", "gpu_timeline"]
    assert findings(small(seed="mean")) == [
        (False, "seed: no effect: it is the tabular back-end's")]


def test_a_check_names_what_scores_mean():
    found = [what for _, what in findings(load_scenario("published"))]
    assert "cnn1/early: training and test are the same seeds (0)" in found
    assert "cnn1/late: its one accuracy serves as validation and test" in found


def test_a_check_looks_at_noise_and_at_the_end(tmp_path):
    assert findings(small(fractions=[0.1, 0.98])) == []
    late = small(fractions=[0.1, 0.99])
    assert findings(late) == [(False, "digits@600/depth: nothing can be trained after an edit at "
                                      "the last decision, which the model rewards all the same")]
    sets = {"digits/depth": replace(read_thetas()["digits@600/depth"], noise=Noise(), fit={})}
    write_thetas(tmp_path / "quiet.json", sets)
    quiet = {"theta": str(tmp_path / "quiet.json"), "noise": "shipped"}
    assert findings(small(**quiet)) == [(False, "digits@600/depth: digits/depth has no noise")]


def test_a_check_finds_problems(folder):
    deep = {"hw": [8, 8], "widths": [8, 16], "depth": [8, 8], "head": "gap", "classes": 10}
    assert (True, "digits@600/depth: no action can grow the base network") in findings(
        small(cells=[{"cell": "digits@600/depth", "network": deep}]))
    assert (True, "max_parameters: the base network of digits@600/depth has 1442") in findings(
        small(max_parameters=1000))
    assert (False, "digits@60/depth: the base network trains 18 steps at most") in findings(
        small(cells=[{"cell": "digits@60/depth", "theta": "digits@600/depth"}]))
    assert (False, "pair_max@9000/depth: pair_max/depth was fitted at 600 and 1500 ms") in findings(
        small(cells=["pair_max@9000/depth"]))
    assert (True, "gpu_timeline: the smallest budget ends without a GPU") in findings(
        small(gpu_timeline=[[0, 0], [700, 1]]))
    missing = small(cells=["pair_max@600/depth"], backend="tabular", tables=[str(folder)])
    assert findings(missing)[0] == (True, "cells: pair_max@600/depth is not recorded")


def test_a_check_of_a_recording(folder):
    report = check(small(), folder)
    assert report.trace == "mine" and report.cells == (SMALL,) and not report.problems
    assert report.sections()[1].rows[0][:6] == ("digits@600/depth", "5", "0 1 2", "3", "4", "16")


def test_the_script_says_the_verdict_last(capsys):
    assert run("check_scenario", "env=net2net", "scenario=pairs") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "ok: 5 cells of 64 sequences; trains parametric, held out parametric")
    assert run("check_scenario", "env=net2net", "scenario=pars") == 2
    assert 'did you mean "pairs"' in capsys.readouterr().err


def test_a_missing_file_of_parameters():
    with pytest.raises(SuiteError, match="cannot be read"):
        small(theta="none.json")
