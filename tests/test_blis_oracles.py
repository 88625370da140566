"""The kernels against every shared oracle, and the checker against oracles that lie."""
import gzip
import json

import numpy as np
import pytest

from envs.blis.oracles import KINDS
from envs.blis.oracles.programs import objective, program_of, violations
from envs.core.oracles import check_file, differences, oracle_files, same
from tests.blis_oracles import FOLDER, oracle
from tests.scripting import run

MADE = ("world_01", "special_ties", "env_blis_qos", "env_accuracy_swap")


def where(path):
    return path.name.split(".")[0]


@pytest.mark.parametrize("path", oracle_files(FOLDER), ids=where)
def test_kernels_agree(path):
    outcomes = list(check_file(path, KINDS))
    assert outcomes and [o for o in outcomes if o.differences] == []


def test_all_kinds_and_instances_are_there():
    content = [set(json.loads(gzip.decompress(p.read_bytes()))) for p in oracle_files(FOLDER)]
    assert all(any(kind in keys for keys in content) for kind in KINDS)
    assert sum(p.stat().st_size for p in oracle_files(FOLDER)) < 1_000_000
    assert len(oracle_files(FOLDER)) == 54


LIES = {
    "cases": [
        (("cases", 0, "expect", "finish", 7), 24.000001, "finish[7]: expected 24.000001, got 24.0"),
        (("cases", 0, "expect", "device", 3), None, "device[3]: expected null, got 6"),
        (("cases", 0, "expect", "metrics", "loads"), 8, "metrics.loads: expected 8, got 7"),
        (("cases", 0, "expect", "metrics", "batch_histogram", "9"), 1,
         'metrics.batch_histogram.9: expected 1, got "nothing"'),
        (("cases", 0, "expect", "metrics", "per_family", "f1", "met"), 9,
         "metrics.per_family.f1.met: expected 9, got 10"),
        (("cases", 0, "expect", "windows", 1, "late", 0), 1, "windows[1].late[0]: expected 1"),
    ],
    "steps": [
        (("steps", 2, "observation", 0, 1), 7, "steps[2].observation[0][1]: expected 7, got"),
        (("steps", 2, "reward"), -0.5, "steps[2].reward: expected -0.5, got"),
        (("steps", -1, "truncated"), False, "truncated: expected false, got true"),
    ],
    "analytic": [(("checks", 0, "value"), 2.4, "wait_mean_ms: expected 2.4 within 2%, got 2.1")],
    "planning": [
        (("placement", 0, "target", 0), 1, "target[0]: expected 1, got 0"),
        (("ladder", 0, "beta_used"), 1.0, "beta_used: expected 1.0, got 0.95"),
        (("clipper", "choice", "clipper_ha", 0), "gpt", 'choice[0]: expected "gpt", got'),
    ],
    "milp": [(("instances", 3, "optimum"), 5.0, "objective: expected 5.0 within 0.0001, got")],
    "rng": [(("uniform", 2, "value"), 0.5, "value[2]: expected 0.5, got 0.61869")],
}
SOURCES = {"cases": "instances/world_01", "steps": "instances/env_blis_qos",
           "rng": "instances/special_rng"}


def changed(content, place, value):
    """A copy with one value replaced, and no more lists of instances than that needs."""
    content = json.loads(json.dumps(content))
    at = content
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    if place[0] in ("cases", "checks", "instances"):
        content[place[0]] = [content[place[0]][place[1]]]
    return content


@pytest.mark.parametrize(("source", "place", "value", "line"), [
    (source, *lie) for source, lies in LIES.items() for lie in lies])
def test_a_lie_is_found(tmp_path, capsys, source, place, value, line):
    name = SOURCES.get(source, source)
    lie = changed(oracle(name), place, value)
    if "cases" in lie:
        lie["cases"] = lie["cases"][:1]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "lie.json").write_text(json.dumps(lie))
    assert run("check_oracles", "env=blis", f"path={tmp_path}") == 1
    *lines, tally = capsys.readouterr().out.splitlines()
    assert line in lines[0] and lines[0].startswith("lie") and len(lines) <= 2
    agree, total = int(tally.split()[0]), int(tally.split()[2])
    assert tally == f"{agree} of {total} instances agree" and agree == total - 1


def test_agreement_is_status_0(tmp_path, capsys):
    for name in MADE[2:]:
        content = oracle(f"instances/{name}")
        (tmp_path / f"{name}.json.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
    assert run("check_oracles", "env=blis", f"path={tmp_path}") == 0
    assert capsys.readouterr().out == "2 of 2 instances agree\n"


def test_a_refused_instance_is_a_disagreement(tmp_path, capsys):
    content = oracle("instances/world_01")
    content["cases"] = content["cases"][:1]
    content["cases"][0]["options"]["fit"] = "exat"
    (tmp_path / "w.json").write_text(json.dumps(content))
    assert run("check_oracles", "env=blis", f"path={tmp_path}") == 1
    assert "canary/aimd/early_drop: refused: " in capsys.readouterr().out


BROKEN = [
    ("x.json", b"{", "x.json: cannot be read"),
    ("x.json.gz", b"{}", "x.json.gz: cannot be read"),
    ("x.json.gz", gzip.compress(b'{"cases": []}')[:-9], "x.json.gz: cannot be read"),
    ("x.json", b"[]", "holds no mapping"),
    ("x.json", b'{"jobs": 1}', "is no oracle of this domain"),
    ("x.json", b'{"cases": []}', '"trace" is missing'),
    ("x.json", b'{"env": "dag", "steps": []}', 'unknown environment "dag"'),
    ("x.json", b'{"env": "blis", "steps": [], "actions": []}', "do not fit the actions"),
    ("x.txt", b"", "holds no oracle file"),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_unusable_files_are_one_error(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert run("check_oracles", "env=blis", f"path={tmp_path}") == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and captured.out == ""


def test_unknown_domain_and_folder(tmp_path, capsys):
    assert run("check_oracles", "env=bliss") == 2
    assert 'did you mean "blis"' in capsys.readouterr().err
    assert run("check_oracles", f"path={tmp_path / 'none'}") == 2
    assert "is no folder" in capsys.readouterr().err


def test_equality_of_numbers():
    assert same(1, 1) and same(1.0, 1) and same(1e9, 1e9 + 0.5) and same(0.0, 9e-10)
    assert not same(1, 2) and not same(1.0, 1 + 2e-9) and not same(1, True)
    assert not same(None, 0) and not same(float("nan"), float("nan")) and not same("1", 1)


def test_differences_are_told_by_field():
    want = {"a": [1, 2, 3], "b": {"c": None}, "d": 1}
    assert differences(want, want) == []
    assert differences(want, {"a": [1, 5, 6], "b": {"c": 2.5}, "e": 0}) == [
        "a[1]: expected 2, got 5 (and 1 more places)", "b.c: expected null, got 2.5",
        'd: expected 1, got "nothing"', 'e: expected "nothing", got 0']
    assert differences([1], [1, 2], "x") == ["x: expected [1], got [1, 2]"]


def test_a_plan_that_breaks_a_constraint_is_noticed():
    case = next(c for c in oracle("milp")["instances"] if "N_family" in c and c["optimum"])
    found = program_of(case).solve(1e-4, 60.0)
    n, y = found.counts, found.served
    assert violations(case, n, y) == []
    assert "devices of a type" in violations(case, n + 1, y)
    assert "peak rates" in violations(case, 0 * n, y)
    assert "a device per family" in violations(case, 0 * n, 0 * y)
    assert "homes" in violations(case, n[::-1] + 1, y)
    assert objective(case, n, y / 2) == pytest.approx(found.objective / 2)


def test_routed_accuracy_is_credited_to_the_best_variant():
    case = {"model": "blis_ilp", "accuracy_of": "routed", "alpha": 1.0, "beta": 0.5, "N": [2],
            "family": [0, 0], "accuracy": [50, 100], "demand": [10], "p": [[8, 2]]}
    value = objective(case, np.array([[1, 1]]), np.array([[6.0, 2.0]]))
    assert value == pytest.approx((6 * 50 + 4 * 100) / (10 * 100))
