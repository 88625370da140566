"""What the documentation says is so: commands, links, tables, examples, figures."""
from __future__ import annotations

import inspect
import os
import re
import shutil
from dataclasses import fields, replace
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location

import hydra
import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf
from PIL import Image

from agents.baselines.blis import BASELINES
from agents.baselines.cluster import BASELINES as CLUSTER_BASELINES
from agents.domains import domain
from agents.entry import free_options
from agents.evaluation import compare
from agents.evaluation.command import evaluate
from agents.evaluation.protocol import BASELINES as EVERYBODY
from agents.evaluation.report import results_csv
from agents.user_code import load
from envs.blis.env import BlisAccuracyEnv, BlisEnv
from envs.blis.metrics import metrics
from envs.blis.options import Options
from envs.blis.scenario import load_scenario, scenario_names
from envs.blis.simulate import simulate
from envs.cluster import classes as cluster_classes
from envs.cluster import metrics as cluster_metrics
from envs.cluster import options as cluster_options
from envs.cluster import scenario as cluster_scenario
from envs.cluster import simulate as cluster_simulate
from envs.cluster.env import ClusterEnv
from envs.cluster.generate import GeneratorConfig, preset
from envs.cluster.importers import FORMATS, OWN
from envs.cluster.replay import COLUMNS, LABELS
from envs.core.arguments import command, parse
from envs.core.files import path_of
from envs.core.options import defaults
from envs.dag.generate import is_call
from tests import scripting, small_cluster
from tests.documented import explained, leaves, my_recording, of_cell, values_of
from tests.pages import ROOT, anchors, blocks, commands, example_files, links, pages, rows
from tests.small_comparison import scenario, trace, usual

BLIS = (ROOT / "docs" / "blis.md").read_text()
CLUSTER = (ROOT / "docs" / "cluster.md").read_text()
README = (ROOT / "README.md").read_text()
ENTRIES = ("train.py", "test.py")
CHEAP = {f"scripts/{name}.py" for name in (
    "check_scenario", "import_trace", "get_traces", "generate_trace")}
ELSEWHERE = "scripts/transfer.py"         # a sweep: test_docs_net2net.py
COMMANDS = sorted({tuple(c) for p in pages() for c in commands(p.read_text())
                   if c[0] != ELSEWHERE})
COMPARISONS = [c for c in COMMANDS if c[0] == "test.py" and "env=cluster" in c]
EXAMPLES = [b.body for p in pages() for b in blocks(p.read_text())
            if b.language == "python" and not b.file]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that the pages spell out."""
    folder = tmp_path_factory.mktemp("user")
    for name, body in example_files().items():
        (folder / name).write_text(body)
    my_recording(folder)
    for path in (ROOT / "traces").glob("*/*.yaml"):
        recipe = folder / path.relative_to(ROOT)
        recipe.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, recipe)
    return folder


@pytest.fixture(scope="module")
def entries():
    """The entry points, imported: that registers their schemas."""
    import train  # noqa: F401

    spec = spec_from_file_location("entry_test", ROOT / "test.py")
    spec.loader.exec_module(module_from_spec(spec))


def composed(script: str, arguments: tuple[str, ...]):
    """The configuration that Hydra makes of a command, checked against the schema."""
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return OmegaConf.to_object(hydra.compose(script.removesuffix(".py"),
                                                 free_options(arguments)))


def words(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The key=value arguments."""
    return tuple(a for a in arguments if not a.startswith("-"))


def test_there_is_something_to_check():
    assert len(COMMANDS) > 25 and len(EXAMPLES) >= 3
    assert {"my_cluster.yaml", "my_requests.csv", "my_router.py", "my_planner.py",
            "my_policy.py", "my_profile.csv", "my_edge.yaml", "my_gpus.yaml", "my_jobs.csv",
            "my_order.py", "my_planner_cluster.py", "my_picker.py"} <= set(example_files())
    assert len(COMPARISONS) > 15


def test_the_two_commands():
    lines = README.splitlines()
    for command_line in (
        "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e . && "
        ".venv/bin/python train.py env=blis",
        "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[test]' && "
        ".venv/bin/python -m pytest -q",
    ):
        assert command_line in lines
    first = next(n for n in lines if re.search(r"pip install .*\[test\].*pytest", n))
    assert first.endswith("pytest -q")


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_commands_and_their_keys_exist(argv, place, entries, monkeypatch):
    monkeypatch.chdir(place)
    script = argv[0]
    assert (ROOT / script).is_file(), script
    if script in ENTRIES:
        config = composed(script, words(argv[1:]))
        d = domain(config.env["name"])
        d.load_scenario(config.scenario or config.env.get("scenario") or d.scenario_name,
                        config.options)
        check_names(d, config)
    else:
        module = scripting.load(script.removeprefix("scripts/").removesuffix(".py"))
        if "--help" in argv or not words(argv[1:]):
            assert command(module.main, module.Keys, ["--help"]) == 0
        else:
            parse(getattr(module, "key_values", words)(argv[1:]), module.Keys)


def check_names(d, config) -> None:
    """Traces and contenders are there."""
    package = d.name.split("_")[0]
    known = import_module(f"envs.{package}.workloads").workload_names()
    trace_name = (config.trace or known[0]).split("@")[0]
    assert trace_name in known or is_call(trace_name) or path_of(trace_name).is_file()
    named = [*getattr(config, "contenders", []), getattr(config, "contender", None)]
    for contender in (n for n in named if n and not n.isupper()):
        if ".py:" in contender:
            load(contender)
        else:
            known = {*d.baselines(), EVERYBODY}
            assert contender.removesuffix("_tuned") in known or d.named(contender)


@pytest.mark.parametrize("argv", [c for c in COMMANDS if c[0] in CHEAP], ids=" ".join)
def test_cheap_commands_run(argv, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    if any(a.startswith("name=") or a.partition("=")[2].isupper() for a in argv):
        argv = (argv[0], "--help")      # downloads, and names to be filled in
    assert scripting.run(argv[0].split("/")[1].removesuffix(".py"), *argv[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("argv", COMPARISONS, ids=" ".join)
def test_comparisons_of_cluster_run(argv, place, entries, monkeypatch, tmp_path):
    """As they stand there, but on one window of a few jobs and at most two points of a sweep."""
    monkeypatch.chdir(place)
    config = composed(argv[0], words(argv[1:]))
    if "philly@" in str(config.trace) and not os.environ.get("SCHED_DATA"):
        pytest.skip("SCHED_DATA names no folder with the trace")
    short = replace(config, windows=1, loads=config.loads[:2], devices=config.devices[:2],
                    window_length=None if "track" in config.options else 12, workers=1,
                    report=False, records=config.records and str(tmp_path / "records"))
    found = evaluate(short, tmp_path)
    assert len(found) == max(1, len(short.loads), len(short.devices))
    for comparison in found.values():
        assert all(o.metrics["finished"] > 0 for o in comparison.outcomes)
    assert (tmp_path / "results.csv").is_file()


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_resolve(page):
    text = page.read_text()
    for link in links(text):
        if link.startswith(("http:", "https:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def of_table(default):
    """A default as its cell is read."""
    if default == cluster_options.CANDIDATES:
        return f"{len(default)} candidates"
    return list(default) if isinstance(default, tuple) else default


BLOCKS_OF_CLUSTER = {"share": cluster_options.Share, "elastic": cluster_options.Elastic,
                     "lookahead": cluster_options.Lookahead}     # null by default


def leaves_of_cluster():
    """The same for `cluster`, each block that is null by default followed by its keys."""
    for key, f, default in leaves(cluster_options.Options):
        yield key, f, default
        if key in BLOCKS_OF_CLUSTER:
            yield from leaves(BLOCKS_OF_CLUSTER[key], f"{key}.")


OPTIONS = {"blis": [*leaves(Options)], "cluster": [*leaves_of_cluster()]}


@pytest.mark.parametrize(("page", "name"), [(BLIS, "blis"), (CLUSTER, "cluster")],
                         ids=["blis", "cluster"])
def test_the_table_of_options_is_that_of_the_dataclasses(page, name):
    told = [(r[0], of_cell(r[1]), r[2]) for r in rows(page, "key | default")]
    assert told == [(k, of_table(d), values_of(f)) for k, f, d in OPTIONS[name]]


def valid(name: str, option: str) -> set[str]:
    """The values of an option."""
    return set(values_of(next(f for k, f, _ in OPTIONS[name] if k == option)).split(", "))


@pytest.mark.parametrize("option", ["routing", "batching", "dropping", "allocation"])
def test_every_policy_is_explained(option):
    assert explained(BLIS, f"{option}.policy") == valid("blis", f"{option}.policy")


@pytest.mark.parametrize("option", ["mode", "admission", "order", "placement", "preempt", "misfit",
                                    "share.policy", "elastic.policy"])
def test_every_rule_of_cluster_is_explained(option):
    assert explained(CLUSTER, option) == valid("cluster", option)


def test_what_cluster_reads_is_explained():
    law = next(f for f in fields(GeneratorConfig) if f.name == "law")
    assert explained(CLUSTER, "law") == set(values_of(law).split(", "))
    assert {r[0].split(":")[0] for r in rows(CLUSTER, "format")} | {OWN} == {*FORMATS, OWN}
    assert [n for r in rows(CLUSTER, "column") for n in r[0].split(", ")] == [*COLUMNS, *LABELS]
    assert [r[0] for r in rows(CLUSTER, "of a class")] == list(cluster_classes.FIELDS)


def test_the_scenarios_are_those_that_ship():
    assert {r[0] for r in rows(BLIS, "`scenario=`")} == set(scenario_names())
    told = [tuple(r[:4]) for r in rows(CLUSTER, "`scenario=`")]
    assert told == [facts(name) for name in cluster_scenario.scenario_names()]


def facts(name: str) -> tuple[str, ...]:
    """GPUs, mode and jobs of a scenario of cluster."""
    found = cluster_scenario.load_scenario(name)
    options = found.options
    mode = "event" if options.mode == "event" else f"round, {options.round_s:g} s"
    return name, str(found.cluster.gpus), mode, str(preset(options.trace).jobs)


def shown(block) -> str:
    """A block of overrides as the table of contenders has it."""
    if isinstance(block, str):
        return block
    rest = [f"{k}: {yaml.safe_dump(v, default_flow_style=True).removesuffix('...' + chr(10))}"
            .strip() for k, v in block.items() if k != "policy"]
    return "; ".join([block["policy"], *rest])


BLOCKS = ("routing", "batching", "dropping", "admission", "allocation")


def test_the_table_of_contenders_is_the_one_that_runs():
    for name, b in BASELINES.items():
        row = " | ".join([f"| `{name}`", *(shown(b.overrides[k]) for k in BLOCKS)]) + " |"
        assert row in BLIS.splitlines(), f"docs/blis.md lacks the row\n{row}"
    assert [r[0] for r in rows(BLIS, "name | routing")] == list(BASELINES)


def decided(baseline) -> list[str]:
    """A baseline's cells in the table of contenders of cluster."""
    plain, own = defaults(cluster_options.Options), baseline.overrides
    rest = [f"{k}: {yaml.safe_dump(v, default_flow_style=True).removesuffix('...' + chr(10))}"
            .strip() for k, v in own.items()
            if k not in ("order", "misfit", "preempt") and v != plain[k]]
    return [baseline.name, own["order"], own["misfit"], own["preempt"], "; ".join(rest) or "-",
            "yes" if baseline.privileged else "no", ", ".join(baseline.needs) or "-"]


def test_the_table_of_contenders_of_cluster_is_the_one_that_runs():
    told = rows(CLUSTER, "name | order")
    for b in CLUSTER_BASELINES.values():
        name, *rest = decided(b)
        row = f"| `{name}` | {' | '.join(rest)} |"
        assert [name, *rest] in told, f"docs/cluster.md lacks the row\n{row}"
    assert [r[0] for r in told] == list(CLUSTER_BASELINES)


@pytest.mark.parametrize(("cls", "page"), [(BlisEnv, BLIS), (BlisAccuracyEnv, BLIS),
                                           (ClusterEnv, CLUSTER)], ids=lambda x: str(x)[:30])
def test_environments_are_quoted(cls, page):
    assert f"```text\n{inspect.getdoc(cls)}\n```" in page


def test_every_metric_is_explained():
    told = {n for r in rows(BLIS, "metric") for n in r[0].split(", ")}
    found = metrics(simulate(scenario(horizon_ms=200), trace(100)))
    assert told == set(found)
    run = cluster_simulate.simulate(small_cluster.scenario(), small_cluster.trace(9))
    told = {n for r in rows(CLUSTER, "metric") for n in r[0].split(", ")}
    assert told == set(cluster_metrics.metrics(run))


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda b: b.splitlines()[-1][:40])
def test_examples_run(body, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    exec(compile(body, "example", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_contenders_of_a_users_own_run(place):
    names = sorted({a.partition("=")[2] for c in COMMANDS for a in c
                    if a.startswith("contender=") and "env=blis" in c})
    assert len(names) >= 3
    own = [str(place / n) for n in names if (place / n.split(":")[0]).is_file()]
    found = compare([*own, "load_proportional_wc"], "zipf_exponential_x5", windows=1,
                    window_length=9000, devices=12)
    scores = [found.scores(c.name).item() for c in found.contenders]
    assert len(scores) == len(own) + 1 >= 4 and len(set(scores)) > 2
    assert all(0 < s <= 100 for s in scores)


def test_files_of_a_users_own_are_compared(place, monkeypatch):
    monkeypatch.chdir(place)
    found = compare(["load_proportional_wc", "proteus"], "my_cluster.yaml",
                    trace="my_requests.csv")
    assert found.scores("proteus").min() > 0
    edge = load_scenario("my_edge.yaml")
    assert {v.name for v in edge.profile} == {"small", "large"}


def test_readme_tables_are_the_measured_ones():
    expected = scripting.load("update_readme").rendered(README)
    assert expected == README, "run python scripts/update_readme.py"


@pytest.mark.parametrize("name", ["load_proportional_wc", "static_eft"])
def test_measured_figures_still_come_out(name):
    """Of the first window, without a solver; a solver's figures depend on its version."""
    path = ROOT / "docs" / "results" / "blis" / "zipf_exponential_x5.csv"
    if not path.is_file():
        pytest.skip("not measured yet")
    kept = scripting.load("update_readme").read(path)[name]
    found = compare([name], "zipf_exponential_x5", windows=1)
    for metric in ("accuracy_per_request", "slo_attainment", "arrivals", "loads"):
        now = np.array([o.metrics[metric] for o in found.of(name)], float)
        assert now == pytest.approx(kept[metric][0, :1], rel=1e-9)


@pytest.mark.parametrize("name", ["fifo_backfill", "las", "srtf_gpu"])
def test_measured_figures_of_cluster_still_come_out(name):
    path = ROOT / "docs" / "results" / "cluster" / "philly-32.csv"
    if not path.is_file():
        pytest.skip("not measured yet")
    kept = scripting.load("update_readme").read(path)[name]
    found = compare([name], "philly-32", env="cluster", windows=1)
    for metric in ("jct_mean", "jct_p99", "makespan", "preemptions", "utilisation"):
        now = np.array([o.metrics[metric] for o in found.of(name)], float)
        assert now == pytest.approx(kept[metric][0, :1], rel=1e-9)


def test_sweeps_are_taken_over(tmp_path, monkeypatch):
    script = scripting.load("update_readme")
    monkeypatch.setattr(script, "MEASURED", tmp_path / "results")
    monkeypatch.setattr(script, "PICTURES", tmp_path)
    points = {f"load {x:g}": small_cluster.small(["fifo", "las"], load=x, windows=1)
              for x in (0.5, 2)}
    place = tmp_path / "source" / "philly-32_loads"
    place.mkdir(parents=True)
    (place / "results.csv").write_text(results_csv(points))
    Image.new("RGB", (40, 30), "red").save(place / "sweep.png")
    script.take_over(tmp_path / "source", tmp_path / "results" / "cluster")
    taken = Image.open(tmp_path / "cluster_loads.png")
    assert taken.size == (40, 30) and taken.convert("RGB").getpixel((3, 3)) == (255, 0, 0)
    told = rows(script.sweep_table(domain("cluster"), "loads"), "mean JCT (h)")
    for name, *cells in told:
        for cell, comparison in zip(cells, points.values(), strict=True):
            assert cell.startswith(f"{comparison.scores(name).mean():.2f} [")
    assert {r[0] for r in told} == {"fifo", "las"}
    assert script.comparison_table(domain("cluster")) == "Not measured yet.\n"


def test_comparisons_are_taken_over(tmp_path, monkeypatch):
    script, whole = scripting.load("update_readme"), usual()
    monkeypatch.setattr(script, "MEASURED", tmp_path / "results")
    monkeypatch.setattr(script, "PICTURES", tmp_path)
    monkeypatch.setattr(script, "README", tmp_path / "README.md")
    script.README.write_text("A\n<!-- blis: table -->\nold\n<!-- end -->\nB\n")
    for name in ("zipf_exponential_x5", "azure"):
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / "results.csv").write_text(results_csv({"": whole}))
    script.main(script.Keys(env="blis", source=tmp_path / "source"))
    text = script.README.read_text()
    told = rows(text, "contender")
    assert [r[0].split()[0].strip("*") for r in told] == [
        s.contender.name for s in whole.standings()]
    mean = whole.scores(whole.strongest).mean()
    row = next(r for r in told if r[0] == whole.strongest)
    assert row[1].startswith(f"{mean:.2f} [") and row[1:3] == row[3:5]
    assert text.startswith("A\n") and text.endswith("<!-- end -->\nB\n") and "old" not in text
