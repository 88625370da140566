"""What the documentation says is so: commands, links, tables, examples, figures."""
from __future__ import annotations

import inspect
import re
import shutil
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location

import hydra
import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from agents.baselines.blis import BASELINES
from agents.domains import domain
from agents.entry import free_options
from agents.evaluation import compare
from agents.evaluation.protocol import BASELINES as EVERYBODY
from agents.evaluation.report import results_csv
from agents.user_code import load
from envs.blis.env import BlisAccuracyEnv, BlisEnv
from envs.blis.metrics import metrics
from envs.blis.options import Options
from envs.blis.scenario import load_scenario, scenario_names
from envs.blis.simulate import simulate
from envs.core.arguments import command, parse
from envs.core.errors import ScenarioError
from envs.core.files import path_of
from tests import scripting
from tests.pages import ROOT, anchors, blocks, commands, example_files, links, pages, rows
from tests.small_comparison import scenario, trace, usual

BLIS = (ROOT / "docs" / "blis.md").read_text()
README = (ROOT / "README.md").read_text()
ENTRIES = ("train.py", "test.py")
CHEAP = {f"scripts/{name}.py" for name in (
    "check_scenario", "import_trace", "get_traces", "generate_trace")}
COMMANDS = sorted({tuple(c) for p in pages() for c in commands(p.read_text())})
EXAMPLES = [b.body for p in pages() for b in blocks(p.read_text())
            if b.language == "python" and not b.file]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that the pages spell out."""
    folder = tmp_path_factory.mktemp("user")
    for name, body in example_files().items():
        (folder / name).write_text(body)
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


def words(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The key=value arguments."""
    return tuple(a for a in argv[1:] if not a.startswith("-"))


def test_there_is_something_to_check():
    assert len(COMMANDS) > 25 and len(EXAMPLES) >= 3
    assert {"my_cluster.yaml", "my_requests.csv", "my_router.py", "my_planner.py",
            "my_policy.py", "my_profile.csv", "my_edge.yaml"} <= set(example_files())


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
        config = composed(script, words(argv))
        d = domain(config.env["name"])
        d.load_scenario(config.scenario or config.env.get("scenario") or d.scenario_name,
                        config.options)
        check_names(d, config)
    else:
        module = scripting.load(script.removeprefix("scripts/").removesuffix(".py"))
        if "--help" in argv or not words(argv):
            assert command(module.main, module.Keys, ["--help"]) == 0
        else:
            parse(words(argv), module.Keys)


def check_names(d, config) -> None:
    """Traces and contenders are there."""
    package = d.name.split("_")[0]
    known = import_module(f"envs.{package}.workloads").workload_names()
    trace_name = (config.trace or known[0]).split("@")[0]
    assert trace_name in known or path_of(trace_name).is_file()
    named = [*getattr(config, "contenders", []), getattr(config, "contender", None)]
    for contender in (n for n in named if n and not n.isupper()):
        if ":" in contender:
            load(contender)
        else:
            assert contender.removesuffix("_tuned") in {*d.baselines(), EVERYBODY}


@pytest.mark.parametrize("argv", [c for c in COMMANDS if c[0] in CHEAP], ids=" ".join)
def test_cheap_commands_run(argv, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    if any(a.startswith("name=") or a.partition("=")[2].isupper() for a in argv):
        argv = (argv[0], "--help")      # downloads, and names to be filled in
    assert scripting.run(argv[0].split("/")[1].removesuffix(".py"), *argv[1:]) == 0
    assert capsys.readouterr().out


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


def leaves(cls: type, prefix: str = ""):
    """Dotted key, field and default of every option."""
    for f in fields(cls):
        default = f.default_factory() if f.default is MISSING else f.default
        if is_dataclass(default):
            yield from leaves(type(default), f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", f, default


def values_of(f) -> str:
    """What an option accepts, as its own error says it."""
    try:
        f.metadata["check"](object(), "")
    except ScenarioError as error:
        for start, word in (("valid: ", ""), ("give a finite number", "number"),
                            ("give an integer", "integer"), ("write [", "list"),
                            ("write {", "mapping"), ("write true or false", "true, false")):
            if start in error.remedy:
                rest = error.remedy.removeprefix(start)
                return (word + (rest if word in ("", "number", "integer") else "")).strip()
    return "name or path"


def test_the_table_of_options_is_that_of_the_dataclasses():
    told = [(r[0], yaml.safe_load(r[1]), r[2]) for r in rows(BLIS, "key | default")]
    plain = {(): []}
    assert told == [(k, plain.get(d, d) if isinstance(d, tuple) else d, values_of(f))
                    for k, f, d in leaves(Options)]


@pytest.mark.parametrize("option", ["routing", "batching", "dropping", "allocation"])
def test_every_policy_is_explained(option):
    told = {n for r in rows(BLIS, f"`{option}.policy`") for n in r[0].split(", ")}
    f = next(f for k, f, _ in leaves(Options) if k == f"{option}.policy")
    assert told == set(values_of(f).split(", "))


def test_the_scenarios_are_those_that_ship():
    assert {r[0] for r in rows(BLIS, "`scenario=`")} == set(scenario_names())


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


@pytest.mark.parametrize("cls", [BlisEnv, BlisAccuracyEnv])
def test_environments_are_quoted(cls):
    assert f"```text\n{inspect.getdoc(cls)}\n```" in BLIS


def test_every_metric_is_explained():
    told = {n for r in rows(BLIS, "metric") for n in r[0].split(", ")}
    found = metrics(simulate(scenario(horizon_ms=200), trace(100)))
    assert told == set(found)


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda b: b.splitlines()[-1][:40])
def test_examples_run(body, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    exec(compile(body, "example", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_contenders_of_a_users_own_run(place):
    names = sorted({a.partition("=")[2] for c in COMMANDS for a in c
                    if a.startswith("contender=")})
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
