"""What the page of `net2net` says is so: tables, commands, the environment's text, figures."""
from __future__ import annotations

import inspect
import re
from dataclasses import fields, replace
from importlib.util import module_from_spec, spec_from_file_location

import hydra
import numpy as np
import pytest
from omegaconf import OmegaConf

import agents.evaluation.net2net as adapter
from agents.baselines.net2net import BASELINES, NEEDS
from agents.entry import free_options
from agents.evaluation.command import evaluate
from agents.networks import AUTO, REGISTRY
from agents.transfer import COLUMNS, Stage
from envs.net2net import options, tasks
from envs.net2net.architectures import LADDER, PROFILES
from envs.net2net.cells import ACTION_SETS, action_count
from envs.net2net.env import Net2NetEnv
from envs.net2net.metrics import metrics
from envs.net2net.players import PLAYERS
from envs.net2net.recording_rows import LEAVES, NODES
from envs.net2net.scenario import load_scenario, scenario_names
from tests import scripting, small_net2net
from tests.documented import explained, leaves, my_recording, of_cell, values_of
from tests.pages import ROOT, blocks, commands, example_files, pages, rows

PAGE = (ROOT / "docs" / "net2net.md").read_text()
OWN = ("_net2net.py", "plan_jobs.py", "transfer.py")        # scripts of this domain alone
COMMANDS = sorted({tuple(c) for p in pages() for c in commands(p.read_text())
                   if "env=net2net" in c or c[0].endswith(OWN)})
COMPARISONS = [c for c in COMMANDS if c[0] == "test.py"]
TRANSFERS = [c for c in COMMANDS if c[0].endswith("transfer.py") and "--help" not in c]
LIVE = "backend=live"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that the page spells out, and a recording as it is described."""
    folder = tmp_path_factory.mktemp("user")
    for name, body in example_files().items():
        (folder / name).write_text(body)
    my_recording(folder)
    return folder


@pytest.fixture(scope="module")
def entry():
    """The entry point, imported: that registers its schema."""
    spec = spec_from_file_location("entry_test", ROOT / "test.py")
    spec.loader.exec_module(module_from_spec(spec))


def test_there_is_something_to_check():
    files = {"my_growth.yaml", "my_gpus_net.yaml", "my_grower.py", "my_sequence.py", "my_edits.py",
             "my_fleet.yaml", "my_theta.json"}
    assert files <= set(example_files()) and len(COMPARISONS) > 15
    assert sum(b.language == "python" and not b.file for b in blocks(PAGE)) >= 8
    scripts = {c[0].removeprefix("scripts/") for c in COMMANDS}
    assert {"record_net2net.py", "fit_net2net.py", "plan_jobs.py", "check_scenario.py",
            "import_trace.py", "get_traces.py", "check_oracles.py", "benchmark.py", "train.py",
            "update_readme.py", "transfer.py"} <= scripts


def of_options():
    """Key, field and default of every option; noise is one of them, not a block."""
    for f in fields(options.Options):
        if f.name == "env":
            yield from leaves(options.EnvOptions, "env.")
        else:
            yield f.name, f, f.default_factory() if callable(f.default_factory) else f.default


def test_the_table_of_options_is_that_of_the_dataclasses():
    told = rows(PAGE, "key | default | values")
    for (key, default, values, _), (name, f, usual) in zip(told, of_options(), strict=True):
        assert key == name
        assert f.metadata["check"](of_cell(default), "") == usual, key
        if key != "noise":
            assert values in (values_of(f), "mean"), key


def test_every_name_is_explained():
    assert explained(PAGE, "task") == {*tasks.TASKS}
    assert {r[0] for r in rows(PAGE, "`action set`")} == {*ACTION_SETS}
    assert explained(PAGE, "reward") == {*options.REWARDS}
    told = {r[0].split(",")[0].strip() for r in rows(PAGE, "`agent.network`")}
    assert told == {n.removeprefix("net2net_") for n in REGISTRY if "net2net" in n} | {"mlp"}
    assert f"`{AUTO['net2net']}`, the default" in PAGE
    for name in ("backend", "evaluated", "clock", "split"):
        row = next(r for r in rows(PAGE, "key | default | values") if r[0] == name)
        known = {"clock": options.CLOCKS, "split": options.PARTS}.get(name, options.BACKENDS)
        assert all(value in row[3] for value in known) or name == "evaluated"


def test_the_numbers_of_the_problem_are_those_of_the_code():
    told = {r[0]: tuple(map(float, r[1].split(", "))) for r in rows(PAGE, "`profile`")}
    assert told == PROFILES
    widths = re.search(r"next width of ([\d, ]+),", PAGE)[1]
    assert tuple(map(int, widths.split(", "))) == LADDER
    for name, count, _ in rows(PAGE, "`action set`"):
        for stages in (2, 3):
            assert valued(count, stages) == action_count(name, stages)


def valued(text: str, stages: int) -> int:
    """`2^S`, `1 + 3S` or a number."""
    if "^" in text:
        return int(text[0]) ** stages
    return sum(int(part.strip().removesuffix("S")) * (stages if "S" in part else 1)
               for part in text.split("+"))


def test_the_table_of_contenders_is_the_one_that_runs():
    told = [(name, r) for r in rows(PAGE, "`options.policy`")
            for name in re.findall(r"[\w.]+(?:\([\d.,]*\))?", r[0].replace("(bound)", ""))]
    assert [name for name, _ in told] == [*BASELINES]
    for name, (heading, _, needs) in told:
        known = BASELINES[name]
        assert needs == (", ".join(known.needs) or "-"), name
        assert ("(bound)" in heading) == known.privileged, name
    assert {name.partition("(")[0] for name in BASELINES} <= {*PLAYERS}
    assert all(need in PAGE for need in NEEDS)


def test_the_scenarios_are_those_that_ship():
    told = [tuple(r[:3]) for r in rows(PAGE, "`scenario=`")]
    loaded = [load_scenario(name).options for name in scenario_names()]
    assert told == [(name, o.backend, o.on_held_out)
                    for name, o in zip(scenario_names(), loaded, strict=True)]


def test_the_environment_is_quoted():
    assert f"```text\n{inspect.getdoc(Net2NetEnv)}\n```" in PAGE


def test_every_metric_is_explained():
    told = {n for r in rows(PAGE, "metric") for n in r[0].split(", ")}
    run = small_net2net.usual().domain.simulate(
        small_net2net.scenario(), small_net2net.usual().windows[0].trace, 0)
    assert told == set(metrics(getattr(run, "run", run)))


def test_the_columns_of_a_recording_are_those_that_are_written():
    told = [r[1] for r in rows(PAGE, "file")]
    for table in (NODES, LEAVES):
        assert any(",".join(table.columns) in text for text in told)


def test_every_operator_is_explained():
    from envs.net2net import operators

    told = {r[0] for r in rows(PAGE, "`operator`")}
    edits = {name for name in operators.__all__
             if inspect.isfunction(getattr(operators, name))
             and "Edit" in str(inspect.signature(getattr(operators, name)).return_annotation)}
    assert told == edits


def composed(arguments, name="test"):
    """The configuration that Hydra makes of a command."""
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return OmegaConf.to_object(hydra.compose(name, free_options(arguments)))


@pytest.mark.parametrize("argv", [c for c in COMPARISONS if LIVE not in c], ids=" ".join)
def test_comparisons_run(argv, place, entry, monkeypatch, tmp_path):
    """As they stand there, but on few cases and at most two points of a sweep."""
    monkeypatch.chdir(place)
    config = without_strangers(composed(argv[1:]))
    short = replace(config, windows=3, devices=config.devices[:2], workers=1, report=False,
                    records=config.records and str(tmp_path / "records"))
    for comparison in evaluate(short, tmp_path).values():
        assert all(o.metrics["val_accuracy"] > 0 for o in comparison.outcomes)
    assert (tmp_path / "results.csv").is_file()


@pytest.mark.parametrize("argv", [c for c in COMPARISONS if LIVE in c], ids=" ".join)
def test_live_comparisons_run(argv, place, entry, monkeypatch, tmp_path, capsys):
    """As they stand there, on one short training under the first of the contenders."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(adapter, "KEPT", str(tmp_path / "kept"))
    config = composed(argv[1:])
    few = {"cells": ["digits@100/depth"], "fractions": [0.2, 0.5], "theta": "my_theta.json",
           "tables": [str(place / "my_recording")], "noise": None}
    short = replace(config, windows=1, workers=1, report=False, contenders=config.contenders[:1],
                    options={**config.options, **few})
    for comparison in evaluate(short, tmp_path).values():
        assert {o.digest.case.backend for o in comparison.outcomes} == {"live"}
    told = capsys.readouterr().out
    assert "predicted and measured" in told and "decision 1" in told


def without_strangers(config):
    """Policies that the reader has yet to train are left out."""
    if config.policy == "mine":
        return replace(config, policy=None, contenders=["never"])
    return config


FINDINGS = [line for line in PAGE.partition("## Findings")[2].partition("\n## ")[0].splitlines()
            if line.startswith("- ")]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda line: line[:40])
def test_findings_are_found(finding, entry, tmp_path):
    told = {name: float(value)
            for name, value in re.findall(r"`([\w(),]+)` (-?\d\.\d\d)\b", finding)}
    argv = next(c for c in commands(finding) if c[0] == "test.py")
    config = replace(composed(argv[1:]), workers=1, report=False)
    (comparison,) = evaluate(config, tmp_path).values()
    assert told
    for name, value in told.items():
        assert comparison.scores(name).mean() == pytest.approx(value, abs=0.0051), name


@pytest.mark.parametrize("argv", TRANSFERS, ids=" ".join)
def test_transfers_can_begin(argv):
    """Every row of a sweep names scenarios that load; what they learn takes minutes."""
    scripting.load("transfer")
    told = [a.split(",")[0] for a in argv[1:]]
    config = composed(told, "transfer")
    for row in config.rows:
        for given in (*row["from"], row["to"]):
            assert Stage.of(config, given, config.episodes).scenario.cells


def test_every_experiment_is_explained():
    places = (ROOT / "conf" / "experiment").glob("*.yaml")
    assert explained(PAGE, "experiment=") == {path.stem for path in places}
    assert {c[1].partition("=")[2] for c in TRANSFERS} == explained(PAGE, "experiment=")
    told = {n.strip() for r in rows(PAGE, "of the table") for n in r[0].split(", ")}
    assert told | {"from", "to"} >= {c.strip() for text in COLUMNS for c in text.split(", ")}


def test_recording_and_fitting_as_described(place, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    record, fit = (next(c for c in COMMANDS if c[0] == f"scripts/{name}.py" and any(
        "my_recording" in a for a in c)) for name in ("record_net2net", "fit_net2net"))
    short = [a for a in record[1:] if not a.startswith(("budgets", "seeds"))]
    assert scripting.run("record_net2net", *short, "budgets=60", "seeds=2") == 0
    assert scripting.run("fit_net2net", *fit[1:]) == 0
    assert "held out" in capsys.readouterr().out
    scenario = load_scenario(place / "my_growth.yaml", {
        "cells": ["digits@60/depth"], "tables": [str(tmp_path / "my_recording")],
        "theta": str(tmp_path / "my_theta.json")})
    assert scenario.table_of(scenario.cells[0]).leaves.shape == (2, 16)


def test_the_fleet_is_planned(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    argv = next(c for c in COMMANDS if "file=my_fleet.yaml" in c)
    assert scripting.run("plan_jobs", *argv[1:]) == 0
    totals = {m[1].strip(): float(m[2]) for m in re.finditer(
        r"^  (\D+?)\s+([\d.]+)$", capsys.readouterr().out, re.M)}
    assert totals["optimum without growth"] < totals["optimum"] <= totals["linear bound"] + 1e-4


@pytest.mark.parametrize("name", ["never", "best_constant", "planner"])
def test_measured_figures_still_come_out(name):
    path = ROOT / "docs" / "results" / "net2net" / "depth.csv"
    if not path.is_file():
        pytest.skip("not measured yet")
    kept = scripting.load("update_readme").read(path)[name]
    from agents.evaluation import compare

    found = compare([name], "depth", env="net2net", workers=1)
    for metric in ("normalised", "test_accuracy", "rank", "edits"):
        now = np.array([o.metrics[metric] for o in found.of(name)], float)
        assert now == pytest.approx(kept[metric].ravel(), rel=1e-9), metric
