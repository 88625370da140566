"""The kernels against every shared oracle, and the checker against oracles that lie."""
import csv
import gzip
import json

import pytest

from envs.cluster.oracles import KINDS
from envs.cluster.oracles.shares import broken, problem_of, solve
from envs.core.oracles import check_file, contents, oracle_files
from tests.cluster_oracles import FOLDER, instances, oracle, rows
from tests.scripting import run

FILES = [p for p in oracle_files(FOLDER) if not p.name.endswith(".csv.gz")]


def where(path):
    return path.relative_to(FOLDER).as_posix().split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=where)
def test_kernels_agree(path):
    outcomes = list(check_file(path, KINDS))
    assert outcomes and [o for o in outcomes if o.differences] == []


def test_all_kinds_and_instances_are_there():
    content = [(path.name, keys) for path in FILES for _, keys in contents(path)]
    for kind in KINDS:
        keys = (kind,) if isinstance(kind, str) else kind
        named = [name for name, _ in content if name == f"{kind}.gz"]
        assert named or any(all(key in row for key in keys) for _, row in content), kind
    assert len(instances()) == 60
    assert len(oracle("blox/index")) == 7 and len(oracle("tiresias/index")) == 6
    assert sum(len(rows(f"blox/{file}")) for file in oracle("blox/index")) == 11_916
    assert len(oracle("lp/random")) == 12 and len(oracle("lp/sia")) == 8
    assert len(oracle("queueing")) == 17 and len(oracle("goodput")) == 10
    assert len(oracle("bad_inputs")["cases"]) == 60


def one(name):
    return next(i for i in instances() if i["name"] == name)


LIES = {
    "instance": (lambda: one("56-lookahead"), [
        (("expected", "order", 1), 2, "order[1]: expected 2, got 1"),
        (("expected", "jobs", 1, 2), 3295.100001, "jobs[1][2]: expected 3295100001, got"),
        (("expected", "jobs", 4, 2), None, "jobs[4][2]: expected null, got 1994680166"),
        (("expected", "jobs", 0, 4), 2, "jobs[0][4]: expected 2, got 1"),
        (("expected", "jobs", 0, 8), 1e-8, "jobs[0][8]: expected 1e-08, got 0.0"),
        (("expected", "segments", 3, 6), "drain", 'expected "drain", got "preempt"'),
        (("expected", "segments", 3, 4, 0, 1), 2, "segments[3][4][0][1]: expected 2, got 3"),
        (("expected", "segments", 0, 5), 0, "segments[0][5]: expected 0, got 1"),
        (("expected", "metrics", "jain"), 0.82, "metrics.jain: expected 0.82, got 0.8227810"),
        (("expected", "metrics", "new"), 1, 'metrics.new: expected 1, got "nothing"'),
        (("expected", "bounds", "makespan"), 2216.15, "bounds.makespan: expected 2216.15"),
        (("expected", "choices", 1, 1), 2, "choices[1][1]: expected 2, got 1"),
    ]),
    "goodput": (lambda: oracle("goodput")[0], [
        (("expected", 2, "atomic_batch"), 62, "atomic_batch: expected 62, got 61"),
        (("expected", 0, "efficiency_at_4B0"), 0.92, "efficiency_at_4B0: expected 0.92"),
    ]),
    "queue": (lambda: oracle("queueing")[2], [
        (("reference_mean_jct_s",), 296.4, "mean JCT: expected 296.4, got 296.343"),
        (("tolerance",), 0.01, "theory: expected 300.0 within 0.01, got 296.343"),
    ]),
    "shares": (lambda: oracle("lp/gavel-5x3"), [
        (("expected", "isolated", 0, 0), 0.25, "isolated[0][0]: expected 0.25, got 0.222"),
        (("expected", "max_min"), 1.3637, "max_min: expected 1.3637, got 1.3636"),
        (("expected", "hierarchical", 4), 4.0, "hierarchical[4]: expected 4.0, got 4.007"),
        (("expected", "slo_rows_all_dropped"), True, "expected true, got false"),
    ]),
    "sia": (lambda: oracle("lp/sia")[0], [
        (("expected_objective",), 7.6, "objective[0]: expected 7.6, got 7.6196"),
    ]),
    "inputs": (lambda: oracle("bad_inputs"), [
        (("cases", 0, "error"), "ScenarioError", 'error: expected "ScenarioError", got "TraceErr'),
        (("cases", 0, "contains", 0), "other.csv", 'message: "other.csv" is not in'),
        (("cases", -1, "unfinished"), [0, 1], "unfinished: expected [0, 1], got [1]"),
        (("cases", -1, "error"), "TraceError", 'error: expected "TraceError", got null'),
    ]),
}


@pytest.mark.parametrize(("kind", "place", "value", "line"), [
    (kind, *lie) for kind, (_, lies) in LIES.items() for lie in lies])
def test_a_lie_is_found(tmp_path, capsys, kind, place, value, line):
    content = LIES[kind][0]()
    at = content
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "lie.json").write_text(json.dumps(content))
    assert run("check_oracles", "env=cluster", f"path={tmp_path}") == 1
    *lines, tally = capsys.readouterr().out.splitlines()
    assert line in lines[0] and lines[0].startswith("lie") and len(lines) == 1
    agree, total = int(tally.split()[0]), int(tally.split()[2])
    assert tally == f"{agree} of {total} instances agree" and agree == total - 1


def test_a_lie_in_a_table_is_found(tmp_path, capsys):
    lines, index = rows("tiresias/60_job-sjf.csv"), oracle("tiresias/index")
    lines[7]["finish_s"] = str(float(lines[7]["finish_s"]) + 1e-6)
    with (tmp_path / "60_job-sjf.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(lines[0]))
        table.writeheader()
        table.writerows(lines)
    only = {"60_job-sjf.csv": index["60_job-sjf.csv"]}
    (tmp_path / "index.json").write_text(json.dumps(only))
    assert run("check_oracles", "env=cluster", f"path={tmp_path}") == 1
    out = capsys.readouterr().out
    assert out.startswith("index, 60_job-sjf.csv: finish_s[7]: expected ")
    assert out.endswith("0 of 1 instances agree\n")


def test_a_policy_below_a_bound_is_found(tmp_path, capsys):
    content = oracle("scenarios/elastic-32")
    content["bounds"]["sum_jct"] *= 4
    content["runs"] = content["runs"][:1]
    (tmp_path / "s.json").write_text(json.dumps(content))
    name = content["trace"]
    (tmp_path / f"{name}.gz").write_bytes((FOLDER / "scenarios" / f"{name}.gz").read_bytes())
    assert run("check_oracles", "env=cluster", f"path={tmp_path}") == 1
    assert "s, fifo: bounds.sum_jct: expected" in capsys.readouterr().out


def test_instances_a_line_and_lists(tmp_path, capsys):
    two = [one("56-lookahead"), one("13-sjf-consolidated-all-round")]
    text = "\n".join(json.dumps(i) for i in two)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "b.json").write_text(json.dumps(two))
    assert run("check_oracles", "env=cluster", f"path={tmp_path}") == 0
    assert capsys.readouterr().out == "4 of 4 instances agree\n"


BROKEN = [
    ("x.jsonl.gz", gzip.compress(b'{"a": 1}\n{'), "x.jsonl.gz: cannot be read"),
    ("x.json", b'[{"cluster": {}, "jobs": []}]', "is no oracle of this domain"),
    ("x.json", b"[1]", "holds no mapping"),
    ("index.json", b'{"none.csv": {"nodes": 1}}', "none.csv is missing"),
    ("x.json", b'{"cluster": {}, "jobs": [], "expected": {}}', '"options" is missing'),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_unusable_files_are_one_error(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert run("check_oracles", "env=cluster", f"path={tmp_path}") == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and captured.out == ""


def test_a_refused_instance_is_a_disagreement(tmp_path, capsys):
    instance = one("13-sjf-consolidated-all-round")
    instance["options"]["order"] = "sfj"
    (tmp_path / "x.json").write_text(json.dumps(instance))
    assert run("check_oracles", "env=cluster", f"path={tmp_path}") == 1
    assert "x: refused: " in capsys.readouterr().out


def test_shares_that_break_a_constraint_are_noticed():
    problem = problem_of(oracle("lp/gavel-5x3"))
    x = solve(problem, "max_min").x
    assert broken(problem, x) == []
    assert broken(problem, x + 1) == ["sum of a job <= 1", "capacity"]
    assert broken(problem, x - 1) == ["X >= 0"]
