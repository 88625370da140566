"""What the page of `dag` says is so: tables, commands, the environment's text, figures."""
from __future__ import annotations

import inspect
import re
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location

import hydra
import numpy as np
import pytest
from omegaconf import OmegaConf

from agents.baselines.dag import BASELINES
from agents.entry import free_options
from agents.evaluation import compare, limits_dag, suites_dag
from agents.evaluation.command import evaluate
from agents.library.library import HOME
from envs.core.errors import ScenarioError
from envs.dag.env import DagEnv
from envs.dag.generate import GENERATORS
from envs.dag.generator.kernel_times import MEASURED, OWN
from envs.dag.importers import FORMATS
from envs.dag.machine import COMMS, KEYS, NETWORKS
from envs.dag.metrics import metrics
from envs.dag.options import PLAIN, PLANNER_NAMES, PUSHING, Options
from envs.dag.scenario import load_scenario, scenario_names
from tests import scripting, small_dag
from tests.documented import explained, leaves, of_cell, values_of
from tests.pages import ROOT, blocks, commands, example_files, pages, rows

DAG = (ROOT / "docs" / "dag.md").read_text()
COMPARISONS = sorted({tuple(c) for p in pages() for c in commands(p.read_text())
                      if c[0] == "test.py" and "env=dag" in c})
USUAL = ["mct_wait", "dmdas"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that the page spells out."""
    folder = tmp_path_factory.mktemp("user")
    for name, body in example_files().items():
        (folder / name).write_text(body)
    return folder


@pytest.fixture(scope="module")
def entry():
    """The entry point, imported: that registers its schema."""
    spec = spec_from_file_location("entry_test", ROOT / "test.py")
    spec.loader.exec_module(module_from_spec(spec))


@pytest.fixture
def few_points(monkeypatch):
    """Suites of one or two small points, short attempts at proofs."""
    for name, points in {"SIGMAS": (0.0, 0.3), "SIZES": (4,), "TILES": (4, None),
                         "LOADS": (0.5,)}.items():
        monkeypatch.setattr(suites_dag, name, points)
    monkeypatch.setattr(limits_dag, "SECONDS", 1.0)


def test_there_is_something_to_check():
    files = {"my_graph.json", "my_machine.yaml", "my_dag.yaml", "my_stream.csv", "my_score.py",
             "my_planner_dag.py", "my_answer.py", "my_rand.stg", "my_waiting.json"}
    assert files <= set(example_files()) and len(COMPARISONS) > 15
    assert sum(b.language == "python" and not b.file for b in blocks(DAG)) >= 6


def test_the_table_of_options_is_that_of_the_dataclasses():
    told = [(r[0], of_cell(r[1]), r[2]) for r in rows(DAG, "key | default | values")]
    assert told == [(key, default, values_of(f)) for key, f, default in leaves(Options)]


def test_every_policy_and_planner_is_explained():
    assert explained(DAG, "options.policy") == {*PLAIN, *PUSHING}
    assert explained(DAG, "planner") == {*PLANNER_NAMES}
    assert explained(DAG, "comm") == {*COMMS} and explained(DAG, "network") == {*NETWORKS}
    assert explained(DAG, "suite=") == {*suites_dag.SUITES}
    assert explained(DAG, "reward") == {"makespan", "jct", "regret", "final"}


def test_the_table_of_contenders_is_the_one_that_runs():
    told = {r[0]: r[2] for r in rows(DAG, "`options.policy`")}
    reactive = [b for b in BASELINES.values() if not b.name.startswith("static:")]
    assert told == {b.name: ", ".join(b.needs) or "-" for b in reactive}
    assert [*told] == [b.name for b in reactive]


def test_generators_kernel_times_and_formats_are_those_that_exist():
    told = [n for r in rows(DAG, "`generator`") for n in re.findall(r"(\w+)\(", r[0])]
    assert told == list(GENERATORS)
    for call in re.findall(r"(\w+)\(([\w, ]+)\)", " ".join(
            r[0] for r in rows(DAG, "`generator`"))):
        needed = [k for k, p in inspect.signature(GENERATORS[call[0]]).parameters.items()
                  if p.default is p.empty]
        assert call[1].split(", ") == needed, call
    assert explained(DAG, "table") == {*OWN, *MEASURED}
    assert {r[0].split(":")[0] for r in rows(DAG, "format")} == {*FORMATS}
    assert {r[0] for r in rows(DAG, "of a machine")} == {*KEYS}


def test_the_scenarios_are_those_that_ship():
    told = [tuple(r[:3]) for r in rows(DAG, "`scenario=`")]
    assert told == [_facts(name) for name in scenario_names()]


def _facts(name: str) -> tuple[str, str, str]:
    """Communication and workers of a scenario."""
    machine = load_scenario(name).machine
    counts = np.bincount(machine.type_of)
    return name, machine.comm, ", ".join(
        f"{n} {device}" for n, device in zip(counts, machine.types, strict=True))


def test_the_environment_is_quoted():
    assert f"```text\n{inspect.getdoc(DagEnv)}\n```" in DAG


def test_every_metric_is_explained():
    told = {n for r in rows(DAG, "metric") for n in r[0].split(", ")}
    run = small_dag.usual().domain.simulate(
        small_dag.scenario(), small_dag.usual().windows[0].trace, 0).run
    assert told == set(metrics(run))


def test_the_library_is_explained():
    script = scripting.load("policy_library")
    named = {c[1] for c in commands(DAG) if c[0] == "scripts/policy_library.py"}
    assert named == {*script.USED, "--help"}
    keys = {r[2] for r in rows(DAG, "clause")}
    assert keys < {*script.LIMITS} and len(keys) == 4


def composed(arguments):
    """The configuration that Hydra makes of a command."""
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return OmegaConf.to_object(hydra.compose("test", free_options(arguments)))


@pytest.mark.parametrize("argv", [c for c in COMPARISONS if "--help" not in c], ids=" ".join)
def test_comparisons_run(argv, place, entry, few_points, monkeypatch, tmp_path):
    """As they stand there, but on one case, two points of a sweep and, where nobody is named and
    graphs are large, two baselines."""
    monkeypatch.chdir(place)
    config = composed(argv[1:])
    if config.library and not (HOME / config.library).is_dir():
        pytest.skip(f"the library {config.library} is not there")
    short = replace(config, windows=1, seeds=[0], loads=config.loads[:2],
                    devices=config.devices[:2], workers=1, report=False,
                    contenders=config.contenders or [] if config.scenario == "literature"
                    else config.contenders or USUAL,
                    records=config.records and str(tmp_path / "records"))
    for comparison in evaluate(short, tmp_path).values():
        assert all(o.metrics["unfinished"] == 0 for o in comparison.outcomes)
    assert (tmp_path / "results.csv").is_file()


def test_a_policy_that_reads_the_rule_from_a_slot_equals_it(place, monkeypatch):
    monkeypatch.chdir(place)
    found = compare(["my_answer.py:Patient", "mct_wait"], "chol_readys", env="dag", windows=1,
                    trace="cholesky(n=5)", workers=1)
    assert found.scores("Patient") == found.scores("mct_wait")


@pytest.mark.parametrize("policy", ["fifo", "prio", "locality", "mct_wait", "best", "never"])
def test_the_seven_tasks_that_are_worth_waiting_for(policy, place):
    from envs.dag.foresight import search
    from envs.dag.formats import read_graph
    from envs.dag.replay import Trace
    from envs.dag.simulate import simulate

    told = {name: int(value) for name, value in zip(
        ("fifo", "prio", "locality", "mct_wait", "best", "never"),
        re.findall(r"# (\d+), (\d+), (\d+), (\d+)\n.*# (\d+)\n.*# (\d+)\n", DAG)[0], strict=True)}
    scenario = load_scenario(place / "my_small.yaml")
    trace = Trace.of_graph(read_graph(place / "my_waiting.json"))
    if policy in ("best", "never"):
        wait = {"best": "allowed", "never": "never"}[policy]
        assert search(scenario.replace(wait=wait), trace).value == told[policy]
    else:
        assert simulate(scenario, trace, policy=policy).makespan == told[policy]


def test_a_graph_that_does_not_fit_its_machine_says_so(place, monkeypatch):
    monkeypatch.chdir(place)
    with pytest.raises(ScenarioError, match="has unit"):
        compare(["fifo"], "chol_readys", env="dag", trace="my_graph.json", workers=1)


@pytest.mark.parametrize("name", ["mct_wait", "dmdas", "static:heft"])
def test_measured_figures_still_come_out(name):
    path = ROOT / "docs" / "results" / "dag" / "tiled.csv"
    if not path.is_file():
        pytest.skip("not measured yet")
    kept = scripting.load("update_readme").read(path)[name]
    found = compare([name], "tiled", env="dag", windows=1, workers=1)
    for metric in ("makespan", "bytes_moved", "evictions", "waits"):
        now = np.array([o.metrics[metric] for o in found.of(name)], float)
        assert now == pytest.approx(kept[metric][0, :1], rel=1e-9), metric
