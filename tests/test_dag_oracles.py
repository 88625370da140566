"""The kernels against every shared oracle, and the checker against oracles that lie."""
import json

import pytest

from agents.oracles.dag import KINDS as OF_AGENTS
from envs.core.oracles import contents, oracle_files
from envs.dag.oracles import KINDS
from envs.dag.oracles.schedules import PROVED
from tests.dag_oracles import FOLDER, oracle
from tests.scripting import run

ALL = {**KINDS, **OF_AGENTS}
FILES = {path.name.removesuffix(".gz"): path for path in oracle_files(FOLDER)}


def test_all_kinds_and_instances_are_there():
    assert set(FILES) == set(ALL)
    assert len(oracle("units")["cases"]) == 19 and len(oracle("memory")["cases"]) == 40
    assert len(oracle("static")["instances"]) == 22 and len(oracle("stg")["graphs"]) == 20
    assert len(oracle("tiled")["plain"]) == 40 and len(oracle("tiled")["memory"]) == 112
    assert len(oracle("generators")["graphs"]) == 53 and len(oracle("bad_input")["cases"]) == 41
    assert len(oracle("wait")["cases"]) == 16 and len(oracle("wait")["regret"]) == 8


@pytest.mark.parametrize("name", sorted(ALL))
def test_everything_agrees(name):
    for instance, content in contents(FILES[name]):
        if name == "tiled.json":
            _shorten(content)
        outcomes = list(ALL[name](instance, content))
        assert outcomes and [o for o in outcomes if o.differences] == []


def _shorten(content):
    """Without the largest graphs, and without optima that nobody has proved."""
    content["memory"] = [case for case in content["memory"] if "(n=10" not in case["graph"]]
    for case in content["plain"]:
        if case["exact"]["status"] != PROVED:
            del case["exact"]


def first(name, part, place=0):
    """A file with one entry of one part."""
    content = oracle(name)
    return {key: ([value[place]] if key == part else type(value)()) if isinstance(value, list)
            else value for key, value in content.items()}


LIES = {
    "units": (lambda: first("units", "cases", 4), [
        (("cases", 0, "summary", "makespan"), 104, "makespan: expected 104, got 105"),
        (("cases", 0, "summary", "area"), 1, "area: expected 1, got 105"),
        (("cases", 0, "log", "tasks", 1, 4), 64, "log.tasks[1][4]: expected 64, got 65"),
        (("cases", 0, "log", "transfers", 5, 5), "stage", 'expected "stage", got "writeback"'),
        (("cases", 0, "log", "evictions", 2, 3), False, "expected false, got true"),
    ]),
    "memory": (lambda: first("memory", "cases", 3), [
        (("cases", 0, "summary", "static:heft", "fetch"), 99, "summary.fetch: expected 99"),
        (("cases", 0, "plan", "heft"), 27, "plan.heft: expected 27, got 28"),
        (("cases", 0, "best"), 33, "best[0]: expected 33, got 34"),
    ]),
    "network": (lambda: oracle("network"), [
        (("link_times", 0, 4), 10300, "ticks: expected 10300, got 10301"),
        (("maxmin", 1, "rates", 0), 0.6, "flow (0, 1) at its rate: expected 1000000000 ticks"),
        (("timed", 0, "summary", "makespan"), 4, "summary.makespan: expected 4, got 3"),
    ]),
    "random": (lambda: first("random", "durations"), [
        (("durations", 0, 7), 1029404, "durations: expected 1029404, got 1029403"),
    ]),
    "formats": (lambda: oracle("formats"), [
        (("cases", 0, "matrix_bytes", 0, 2), 1, "matrix_bytes[0][2]: expected 1, got 0"),
        (("cases", 3, "checksum"), "0", 'checksum: expected "0", got'),
    ]),
    "generators": (lambda: first("generators", "graphs", 1), [
        (("graphs", 0, "edges"), 4, "edges: expected 4, got 3"),
        (("canonical_text", "cholesky(n=2)"), "", "canonical_text: expected"),
    ]),
    "static": (lambda: first("static", "instances"), [
        (("instances", 0, "rank_u", 3), 81.0, "rank_u[3]: expected 81.0, got 80.0"),
        (("instances", 0, "planners", "peft", "schedule", 2, 1), 2, "schedule[2][1]: expected 2"),
        (("instances", 0, "policies", "fifo"), 105, "policies.fifo: expected 105, got 106"),
        (("instances", 0, "optimum"), 72, "bound: expected at most 72, got 73"),
    ]),
    "tiled": (lambda: first("tiled", "plain"), [
        (("plain", 0, "bounds", "path_lp"), 74.1, "bounds.path_lp: expected 74.1, got 74"),
        (("plain", 0, "exact", "bound"), 75, "value: expected at least 75, got 74"),
    ]),
    "stg": (lambda: first("stg", "graphs"), [
        (("graphs", 0, "results", "8", "lb"), 161, "lb: expected 161, got 160"),
        (("graphs", 0, "time", 1), 15, "checksum: expected"),
    ]),
    "wait": (lambda: {"cases": [c for c in oracle("wait")["cases"]
                                if (c["capacity"], c["transfer"]) == (3, 10)],
                      "regret": oracle("wait")["regret"][:1]}, [
        (("cases", 0, "best"), 27, "best: expected 27, got 28"),
        (("cases", 0, "best_without_wait"), 56, "best_without_wait: expected 56, got 57"),
        (("regret", 0, "regrets", 2, 3), -4, "rows[2][3]: expected -4.0, got -5.0"),
    ]),
    "rewards": (lambda: first("rewards", "cases", 1), [
        (("cases", 0, "rows", 1, 3), -1.1, "rows[1][3]: expected -1.1, got -1.2"),
        (("cases", 0, "rows", 5, 5), 0.16, "rows[5][3]: expected 0.16, got -0.1"),
        (("cases", 0, "h0"), 78, "h0: expected 78, got 77"),
        (("cases", 0, "c_ref"), 78, "c_ref: expected 78, got 77"),
    ]),
    "observation": (lambda: first("observation", "cases", 3), [
        (("cases", 0, "snapshots", 1, "observation", "global", 8), 0.5, "global[8]: expected 0.5"),
        (("cases", 0, "snapshots", 0, "worker"), 3, "worker: expected 3, got 0"),
        (("cases", 0, "time_scale"), 3, "time_scale: expected 3, got 2"),
    ]),
    "streams": (lambda: first("streams", "cases"), [
        (("cases", 0, "results", "ws", "jct", 3), 25, "result.jct[3]: expected 25, got 24"),
    ]),
    "bad_input": (lambda: first("bad_input", "cases", 3), [
        (("cases", 0, "message"), "found -4", 'message: expected "found -4", got "'),
        (("cases", 0, "graph", "tasks", 0, "duration", "gpu"), 3, "got null"),
    ]),
    "library": (lambda: oracle("library"), [
        (("features", 0, "features", 2), 3.0, "features[2]: expected 3.0, got 3.09"),
        (("signatures", 2, "signature"), "x", 'signature: expected "x", got "8c61'),
        (("tables", 0, "g_max", "v1"), 0.5, "g_max.v1: expected 0.5, got 0.4993"),
        (("tables", 0, "gate", 8, "failed"), [3, 4], "failed: expected [3, 4], got [2, 3, 4]"),
        (("tables", 0, "split"), ["v4"], 'split: expected ["v4"], got ["v4", "v6"]'),
    ]),
    "fx": (lambda: first("fx", "models"), [
        (("models", 0, "tasks", 0, 2), 1, "tasks[0][2]: expected 1, got 12845056"),
        (("models", 0, "tasks", 1, 3), 2, "tasks[1][3]: expected 2, got 65536"),
        (("models", 0, "tiles", "_2"), 1281, "tiles._2: expected 1281, got 1280"),
    ]),
}


@pytest.mark.parametrize(("name", "place", "value", "line"), [
    (name, *lie) for name, (_, lies) in LIES.items() for lie in lies])
def test_a_lie_is_found(tmp_path, capsys, name, place, value, line):
    content = LIES[name][0]()
    at = content
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / f"{name}.json").write_text(json.dumps(content))
    assert run("check_oracles", "env=dag", f"path={tmp_path}") == 1
    *lines, tally = capsys.readouterr().out.splitlines()
    assert any(line in shown for shown in lines) and lines[0].startswith(name)
    agree, total = int(tally.split()[0]), int(tally.split()[2])
    assert tally == f"{agree} of {total} instances agree" and agree < total


BROKEN = [
    ("other.json", "{}", "is no oracle of this domain"),
    ("units.json", "{", "cannot be read"),
    ("units.json", '{"cases": [{"name": "x"}]}', '"policy" is missing'),
    ("formats.json", '{"cases": [{"format": "xml"}]}', "unknown format xml"),
    ("fx.json", '{"models": [{"name": "x", "source": "os.abort()"}]}', "unknown module os.abort"),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_unusable_files_are_one_error(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_text(content)
    assert run("check_oracles", "env=dag", f"path={tmp_path}") == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1


def test_a_refused_instance_is_a_disagreement(tmp_path, capsys):
    content = first("units", "cases")
    content["cases"][0]["machine"]["workers"][0]["count"] = 0
    (tmp_path / "units.json").write_text(json.dumps(content))
    assert run("check_oracles", "env=dag", f"path={tmp_path}") == 1
    assert "refused: " in capsys.readouterr().out
