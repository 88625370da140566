"""The kernels against every shared oracle, and the checker against oracles that lie."""
import gzip
import json

import numpy as np
import pytest

from envs.core.oracles import check_file, check_folder, contents, oracle_files
from envs.net2net.cells import cell_of
from envs.net2net.oracles import KINDS
from envs.net2net.oracles.recorder import RECORDED, alike, trained
from envs.net2net.replay import read_recording
from tests.net2net_oracles import FOLDER, oracle
from tests.scripting import run

FILES = {content["schema"]: path for path in oracle_files(FOLDER)
         for _, content in contents(path)}


def test_all_kinds_and_instances_are_there():
    assert set(FILES) == set(KINDS)
    parametric = oracle("parametric")
    assert len(parametric["cases"]) == 50 and len(parametric["planner_cases"]) == 10
    assert len(parametric["shipped"]) == 9 and len(oracle("env")["episodes"]) == 8
    assert len(oracle("net_counts")["cases"]) == 54 and len(oracle("nets")["nets"]) == 5
    assert len(oracle("jobs")["instances"]) == 6 and len(oracle("recorder")["tables"]) == 7
    assert len(oracle("peer_expected")["scenarios"]) == 6


@pytest.mark.parametrize("schema", sorted(KINDS))
def test_everything_agrees(schema):
    outcomes = list(check_file(FILES[schema], KINDS))
    assert outcomes and [o for o in outcomes if o.differences] == []


def test_files_are_told_by_their_schema(tmp_path):
    """Whatever their names; what they need from others may lie beside them."""
    for name in ("nets", "net_counts"):
        content = oracle(name)
        if name == "nets":
            content["nets"] = content["nets"][:1]
        else:
            content["cases"] = [c for c in content["cases"] if c["net"] == "digits_gap"][:3]
        (tmp_path / f"{name[::-1]}.json").write_text(json.dumps(content))
    told = []
    assert check_folder(tmp_path, KINDS, told.append) and told == ["4 of 4 instances agree"]


def test_published_tables_may_lie_beside_the_file(tmp_path):
    table = gzip.decompress((FOLDER / "peer_tables.csv.gz").read_bytes()).decode()
    best = next(line for line in table.splitlines() if line.endswith(",0.7391"))
    (tmp_path / "peer_tables.csv").write_text(table.replace(best, best[:-6] + "0.5000"))
    (tmp_path / "x.json").write_text(json.dumps(first("peer_expected")))
    told = []
    assert not check_folder(tmp_path, KINDS, told.append)
    assert any("oracle.accuracy: expected 0.7391, got 0.7383" in line for line in told)


def first(name, part=None, place=0):
    """A file with one entry of one part."""
    content = oracle(name)
    if name == "peer_expected":
        return {**content, "scenarios": {"cnn1/early": content["scenarios"]["cnn1/early"]},
                "joint": {}}
    if name == "recorder":
        tables = [t for t in content["tables"] if t["action_set"] == "grow"][:1]
        return {**content, "tasks": {"digits": content["tasks"]["digits"]}, "tables": tables}
    return {key: value[place:place + 1] if key == part else type(value)()
            if isinstance(value, list) else value for key, value in content.items()}


LIES = {
    "parametric": (lambda: {**first("parametric", "cases", 3), "planner_cases":
                            oracle("parametric")["planner_cases"][:1]}, [
        (("profiles", "cpu", 2), 5.5, "profiles.cpu[2]: expected 5.5, got 5.0"),
        (("cases", 0, "expect", "clock_ms", 0), 1.0, "clock_ms[0]: expected 1.0"),
        (("cases", 0, "expect", "latent_error", 1), 2.0, "latent_error[1]: expected 2.0"),
        (("cases", 0, "expect", "taken", 0), 9, "taken[0]: expected 9"),
        (("cases", 0, "expect", "final_architecture", 0, 1), 5, "[0][1]: expected 5"),
        (("cases", 0, "jump_grow"), -1.0, "latent_error[1]: expected"),
        (("planner_cases", 0, "expect", "sequences_evaluated"), 63, "expected 63, got 64"),
        (("planner_cases", 0, "expect", "sequence", 0), 3, "sequence[0]: expected 3, got 2"),
    ]),
    "env": (lambda: first("env", "episodes", 2), [
        (("episodes", 0, "expect", "observations", 1, 19), .5, "observations[1][19]: expected 0.5"),
        (("episodes", 0, "expect", "masks", 0, 0), 0, "masks[0][0]: expected 0, got 1"),
        (("episodes", 0, "expect", "rewards", "cost", 1), .5, "rewards[1]: expected 0.5"),
        (("episodes", 0, "expect", "gpu_seconds"), .5, "gpu_seconds: expected 0.5"),
    ]),
    "jobs": (lambda: first("jobs", "instances"), [
        (("instances", 0, "columns", 5, 2), .5, "columns[5][2]: expected 0.5"),
        (("instances", 0, "expect", "total_accuracy"), 1.3, "total_accuracy: expected 1.3"),
        (("instances", 0, "expect", "lp_bound"), 1.1, "lp_bound: expected 1.1"),
        (("instances", 0, "expect", "one_optimal_choice"), [26, 53], "choice: uses [4, 4, 4] GPUs"),
        (("instances", 0, "expect", "one_optimal_choice"), [13, 13], "choice: jobs[1]: expected 1"),
    ]),
    "nets": (lambda: first("nets", "nets"), [
        (("nets", 0, "nodes", 0, "op"), "conv9d", "unknown operation conv9d"),
    ]),
    "net_counts": (lambda: first("net_counts", "cases"), [
        (("cases", 0, "macs_after"), 7, "macs_after: expected 7, got 60064"),
        (("cases", 0, "after"), "conv0", 'got "nothing (conv0: value can be negative'),
    ]),
    "operators": (lambda: oracle("operators"), [
        (("widen_linear", "y", 0, 0), 2.0, "y[0][0]: expected 2.0, got 1.6"),
        (("matched_batchnorm", "bias", 0), 1.0, "bias[0]: expected 1.0, got 0.8"),
        (("kernel_grow", "padding_after"), 0, "padding_after: expected 0, got 1"),
    ]),
    "peer_expected": (lambda: first("peer_expected"), [
        (("scenarios", "cnn1/early", "fixed", "--A", 1), 53, "fixed.--A[1]: expected 53, got 54"),
        (("scenarios", "cnn1/early", "node_clock_s", "3"), 80., "node_clock_s.3: expected 80.0"),
        (("scenarios", "cnn1/early", "greedy_marginal", "rank"), 7, "rank: expected 7, got 8"),
        (("scenarios", "cnn1/early", "tabular_agents_rank_over_100_seeds",
          "reinforce_no_baseline", "p90"), 1, "no_baseline: expected a median of at most 1"),
    ]),
    "recorder": (lambda: first("recorder"), [
        (("tasks", "digits", "splits", "val", "label_counts", 3), 0, "label_counts[3]: expected 0"),
        (("tasks", "digits", "splits", "test", "pixel_sum"), 5810.1, "test.pixel_sum: expected"),
        (("tasks", "digits", "seed0", "first_step_loss"), 2.3, "first_step_loss: expected 2.3"),
        (("tasks", "digits", "base", "macs"), 23201, "base.macs: expected 23201, got 23200"),
        (("tables", 0, "decision_steps", 4), 3, "decision_steps[4]: expected 3"),
        (("tables", 0, "leaf_clock_ms", 0), 3.0, "leaf_clock_ms: expected"),
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
    status = run("check_oracles", "env=net2net", f"path={tmp_path}")
    captured = capsys.readouterr()
    assert line in captured.out + captured.err
    if status == 1:
        agree, total = (int(x) for x in captured.out.splitlines()[-1].split()[:3:2])
        assert agree < total
    else:
        assert status == 2 and captured.err.count("\n") == 1


BROKEN = [
    ("other.json", "{}", "is no oracle of this domain"),
    ("env.json", "{", "cannot be read"),
    ("env.json", '{"schema": "net2net-env/1"}', '"episodes" is missing'),
    ("env.json", '{"schema": "net2net-env/2"}', "is no oracle of this domain"),
    ("x.json", '{"schema": "net2net-peer-expected/1", "scenarios": {"cnn9/early": {}}}',
     "no table of cnn9/early"),
    ("x.json", '{"schema": "net2net-recorder/1", "tasks": {"digit": {}}}', 'unknown task "digit"'),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_unusable_files_are_one_error(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_text(content)
    assert run("check_oracles", "env=net2net", f"path={tmp_path}") == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1


def test_how_trainings_of_two_machines_agree():
    """The reference's seeds differ from each other by more than rounding does."""
    reference = oracle("recorder")["tables"][3]["reference"]["leaf_test_of_seeds_0_1_2"]
    same, other = reference[0], reference[1]
    assert alike(same, np.array(same) + .004, "seed 0") == []
    assert alike(same, np.array(other), "seed 0")
    found = " ".join(alike(same, .05 - np.array(same)[::-1], "seed 0"))
    for part in ("mean difference", "no bias", "rank correlation", "never"):
        assert part in found


def test_cells_that_are_not_recorded_are_trained():
    """Three seeds of a tiny cell; of one that ships the recording itself."""
    seeds, leaves = trained(cell_of("digits@20/depth", fractions=[.3]))
    assert seeds == (0, 1, 2) and leaves.shape == (3, 4)
    assert len(np.unique(leaves["test_accuracy"][:, 0])) > 1
    assert (leaves["clock"] == leaves["clock"][0]).all() and (leaves["clock"] <= 20 + 6).all()
    table = read_recording(RECORDED).tables["digits@600/depth"]
    assert trained(table.cell)[1] is table.leaves
