"""`python scripts/policy_library.py ...`: what it prints, writes and refuses."""
import json
import shutil

import pytest

from agents.library import families, registry, versions
from agents.library.library import Library
from agents.library.recognition import family_of
from agents.store import save
from envs.core.arguments import command
from envs.dag.scenario import load_scenario
from tests import scripting
from tests.pages import rows
from tests.small_library import NAMES, Told, add, library, policy


@pytest.fixture(autouse=True)
def told(monkeypatch):
    monkeypatch.setattr("agents.library.simulated.Simulated", Told)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    found = library(tmp_path_factory.mktemp("prepared") / "tiled")
    add(found, 0.9, 0.92, 1.0)
    add(found, 1.0, 0.9, 1.0, trained=("lu",))
    add(found, 1.2, 1.2, 0.8, trained=("qr",))
    return found.root


@pytest.fixture
def kept(prepared, tmp_path):
    return Library(shutil.copytree(prepared, tmp_path / "tiled"), Told())


def run(*argv) -> int:
    module = scripting.load("policy_library")
    return command(module.main, module.Keys, module.key_values([*map(str, argv)]))


@pytest.mark.parametrize(("argv", "expected"), [
    (["choose", "tiled", "g.json", "m.json"],
     ["command=choose", "library=tiled", "graph=g.json", "machine=m.json"]),
    (["merge", "tiled", "3", "5", "8", "--how", "soup"],
     ["command=merge", "library=tiled", "how=soup", "versions=3,5,8"]),
    (["merge", "tiled", "3", "--weights=1"],
     ["command=merge", "library=tiled", "weights=1", "versions=3"]),
    (["update", "tiled", "cholesky(n=8)", "steps=100"],
     ["command=update", "library=tiled", "graph=cholesky(n=8)", "steps=100"]),
    (["split", "tiled", "extra"], ["command=split", "library=tiled", "extra"]),
    (["command=list", "library=tiled"], ["command=list", "library=tiled"]),
    (["merge", "--help"], ["--help"]), ([], []),
])
def test_command_lines(argv, expected):
    assert scripting.load("policy_library").key_values(argv) == expected


def test_help_names_every_command(capsys):
    assert run("--help") == 0
    text = capsys.readouterr().out
    module = scripting.load("policy_library")
    for name in module.USED:
        assert name in text.split("Keys:")[0]
    assert set().union(*module.USED.values()) <= {*module.Keys.__dataclass_fields__}


def test_list_history_verify(kept, capsys):
    assert run("list", kept.root) == 0
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if "│" in line]
    cells = {r[0].strip(): [c.strip() for c in r] for r in rows}
    assert cells["mct_wait"][-3:] == ["1", "1", "1"]
    assert cells["2"] == ["2", "train", "lu", "", "1.000", "0.900", "1.000"]
    assert "candidate" in cells["3"][3]
    assert run("history", kept.root) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(registry.read(kept.root)) == 6 and "promoted" in lines[0]
    assert run("verify", kept.root) == 0
    assert "3 versions, everything is as written" in capsys.readouterr().out
    path = versions.folder_of(kept.root, 2) / "card.md"
    path.chmod(0o644)
    path.write_text("else")
    assert run("verify", kept.root) == 1
    assert "version 2: hash mismatch" in capsys.readouterr().out


def test_merge_split_promote_rollback_check(kept, capsys):
    assert run("merge", kept.root, 2, 1, "--how", "soup", "--weights", ".25,.75") == 0
    assert capsys.readouterr().out.startswith("version 4\nsoup: ")
    assert kept.accuracies().of(4, "chol") == pytest.approx(0.75 * 0.9 + 0.25)
    assert versions.read(kept.root, 4).parents == (1, 2)
    assert run("merge", kept.root, 1, 2, 3, "--how", "greedy") == 0
    assert run("split", kept.root) == 0
    assert "qr" in capsys.readouterr().out and kept.aliases["champion/qr"] == 3
    assert run("rollback", kept.root, "--family", "qr") == 0
    assert run("promote", kept.root, 3) == 1
    assert "rejected: clause" in capsys.readouterr().out
    assert run("promote", kept.root, "champion/chol", "--most", "9", "--mean_growth=9", "each=9",
               "rule=9") == 0
    assert run("check", kept.root, "--fresh", "4") == 0
    assert registry.read(kept.root)[-1].op == "check"


def test_choose_and_update(kept, tmp_path, capsys):
    for name in NAMES:
        families.write(kept.root, family_of(load_scenario("chol_readys"), name))
    before = sorted(kept.root.rglob("*"))
    machine = tmp_path / "machine.json"
    machine.write_text(json.dumps({"unit": "1", "comm": "none", "workers": [{"type": "cpu"}]}))
    assert run("choose", kept.root, "cholesky(n=3)", machine) == 0
    assert "static:heft" in capsys.readouterr().out
    assert sorted(kept.root.rglob("*")) == before
    assert run("update", kept.root, "cholesky(n=4)", "--steps", 1) == 0
    assert "version 4, family chol, from version 1" in capsys.readouterr().out


def test_a_saved_policy_is_added(tmp_path, capsys):
    save(tmp_path / "mine", policy(0.9), trained_on={"scenario": "chol_readys"}, card="# Mine\n")
    assert run("add", tmp_path / "new", tmp_path / "mine") == 0
    assert "version 1, family chol_readys\ntrain: promoted" in capsys.readouterr().out
    folder = tmp_path / "new" / "versions" / "0001"
    assert (folder / "card.md").read_text() == "# Mine\n"
    assert families.names(tmp_path / "new") == ["chol_readys"]
    save(tmp_path / "other", policy(0.9), trained_on={
        "scenario": "chol_readys", "trace": "lu(n=3)", "options": {"sigma": 0.2}})
    assert run("add", tmp_path / "new", tmp_path / "other") == 0
    found = families.read(tmp_path / "new", "chol_readys_lu_n_3").scenario
    assert (found["workload"], found["sigma"]) == (["lu(n=3)"], 0.2)
    save(tmp_path / "silent", policy(0.9))
    assert run("add", tmp_path / "new", tmp_path / "silent") == 2
    assert "does not say on what it was trained" in capsys.readouterr().err
    for number, told in enumerate(({"scenario": "my_dag"}, {"scenario": "chol_readys",
                                                           "trace": "pipeline"})):
        save(tmp_path / f"own{number}", policy(0.9), trained_on=told)
        assert run("add", tmp_path / "new", tmp_path / f"own{number}") == 2
        assert "of your own" in (error := capsys.readouterr().err) and "scenario=FILE" in error
        assert run("add", tmp_path / "new", tmp_path / f"own{number}", "chol_readys") == 0


@pytest.mark.parametrize(("argv", "what"), [
    (["steal", "ROOT"], "steal: unknown command"),
    (["list"], "library=...: is needed"),
    (["list", "nowhere/tiled"], "no such library"),
    (["list", "ROOT", "more"], "more: is no key=value"),
    (["split", "ROOT", "--how", "greedy"], "how: no effect with split; remove it"),
    (["merge", "ROOT", "1", "--how", "stir"], 'how=stir: unknown way to merge; known: soup'),
    (["merge", "ROOT", "1", "2", "how=greedy", "weights=.5,.5"], "weights: no effect"),
    (["merge", "ROOT", "1", "2", "weights=.4,.5"], "with sum 1"),
    (["merge", "ROOT"], "these are no versions with weights"),
    (["merge", "ROOT", "1", "0"], "these are no versions with weights"),
    (["merge", "ROOT", "1", "77"], "no version 77"),
    (["merge", "ROOT", "1", "chmpion"], 'unknown alias "chmpion"; did you mean "champion"'),
    (["choose", "ROOT"], "graph=...: is needed"),
    (["check", "ROOT", "fresh=0"], "fresh: a check needs at least one case"),
    (["check", "ROOT", "most=-1"], "most: -1.0 is no limit"),
    (["rollback", "ROOT", "--family", "chl"], 'no family "chl"; did you mean "chol"'),
    (["promote", "ROOT", "2", "--family", "chl"], 'no family "chl"'),
    (["split", "ROOT", "--tau", "-1"], "tau: -1.0 is no error"),
    (["add", "ROOT", "no_such_policy"], "no_such_policy: no such saved policy"),
])
def test_mistakes_are_one_line(kept, argv, what, capsys):
    before = len(registry.read(kept.root))
    assert run(*[kept.root if a == "ROOT" else a for a in argv]) == 2
    error = capsys.readouterr().err
    assert what in error and error.count("\n") == 1
    assert len(registry.read(kept.root)) == before and len(versions.versions(kept.root)) == 3


def test_the_study_tells_its_story(tmp_path, monkeypatch, capsys):
    module = scripting.load("library_study")
    monkeypatch.setattr(module, "Simulated", Told)
    names = dict(zip(("cholesky(n=2)", "lu(n=2)", "qr(n=2)"), NAMES, strict=True))

    def train(keys, root, graph):
        families.write(root, family_of(load_scenario("chol_readys"), names[graph]))
        add(Library(root, Told()), 0.9, 0.9, 0.9, trained=(names[graph],))

    monkeypatch.setattr(module, "train", train)
    page = tmp_path / "page.md"
    page.write_text("A\n<!-- library study -->\nold\n<!-- end -->\nB\n")
    argv = [f"library={tmp_path / 'new'}", f"graphs={','.join(names)}", "new=cholesky(n=3)",
            "states=1", "tuning=1", f"page={page}"]
    assert command(module.main, module.Keys, argv) == 0
    told = rows(page.read_text(), "version | made by")
    assert [r[1].split()[0] for r in told] == [
        "rule", *["train"] * 3, "soup", "soup", "distill", "finetune", "finetune"]
    assert rows(page.read_text(), "operation")[-1][0] == "split"
    assert page.read_text().startswith("A\n") and page.read_text().endswith("<!-- end -->\nB\n")
    assert "old" not in page.read_text()
    assert command(module.main, module.Keys, argv) == 2
    assert "exists already" in capsys.readouterr().err
