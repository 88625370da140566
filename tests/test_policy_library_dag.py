"""A policy library in the simulator: added, spoilt, taken back, merged, updated, compared."""
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from agents.domains import domain
from agents.evaluation.command import contenders, sweep
from agents.evaluation.settings import TestConfig
from agents.library import families, registry, versions
from agents.library.contending import roles
from agents.library.distilling import Lessons, merge
from agents.library.gate import Limits
from agents.library.joining import join
from agents.library.library import Library
from agents.library.simulated import Simulated
from agents.library.updating import Course, update
from agents.library.verify import verify
from agents.networks import build
from agents.networks.acting import NetworkPolicy
from agents.schema import ReinforceConfig, TrainConfig
from agents.store import load
from agents.training import Run, train
from envs.core.errors import PolicyError, SuiteError
from tests.small_dag import plain

KINDS = ["gemm", "potrf", "syrk", "trsm", "getrf"]
LOOSE = Limits(mean_growth=99, most=99, each=99, rule=99, fresh=4)


def fresh(seed=0, waits=0.0) -> NetworkPolicy:
    """An untrained network, which does about what `mct_wait` does; or one that loves to wait."""
    torch.manual_seed(seed)
    network = build("dag_set", {"hidden": 8})
    with torch.no_grad():
        network.wait[-1].bias += waits
    return NetworkPolicy(network, "dag_set", env="dag", options={"env": {"slots": 8}})


def small(*graphs, name="chol", **options):
    return plain(name=name, noise="lognormal", sigma=0.1, workload=[*graphs],
                 env={"kinds": KINDS}, **options)


CHOL, LU = small("cholesky(n=3)", "cholesky(n=4)"), small("lu(n=3)", name="lu")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("prepared") / "tiled"
    join(Library(root, Simulated(), Limits(fresh=4)), fresh(), CHOL)
    return root


@pytest.fixture
def kept(prepared, tmp_path):
    return Library(shutil.copytree(prepared, tmp_path / "tiled"), Simulated(), Limits(fresh=4))


def test_a_first_specialist_becomes_champion(kept):
    assert kept.aliases == {"champion": 1} and [*kept.families] == ["chol"]
    assert 0.8 < kept.accuracies().of(1, "chol") < 1.05
    assert [x.verdict for x in registry.read(kept.root)] == ["promoted", "kept 1"]
    assert versions.read(kept.root, 1).features["kinds"] == KINDS and not verify(kept.root)


def test_the_gate_refuses_a_bad_update(kept):
    found, _ = join(kept, fresh(waits=99.0), CHOL)
    assert [*map(int, re.findall(r"clause (\d)", found.line.verdict))] == [1, 2, 3, 4]
    assert kept.aliases == {"champion": 1, "candidate": 2}
    assert kept.accuracies().of(2, "chol") > 1.2


def test_a_bad_update_that_passed_is_taken_back_at_once(kept):
    before = versions.read(kept.root, 1).sha256
    kept.limits = LOOSE                     # the gate sleeps, the check does not
    found, _ = join(kept, fresh(waits=99.0), CHOL)
    assert found.line.aliases == {"champion": 2, "previous": 1}
    assert found.check.verdict.startswith("rolled back to 1: version 2 has G_")
    assert kept.aliases == {"champion": 1} and not verify(kept.root)
    assert versions.read(kept.root, kept.aliases["champion"]).sha256 == before


def test_policies_of_one_schema_meet_in_a_soup(kept):
    found, family = join(kept, fresh(seed=2), LU)
    assert family == "lu" and found.meta.version == 2
    soup = kept.merge([1, 2])
    assert soup.meta.families == ("chol", "lu") and soup.line.verdict == "promoted"
    other = small("cholesky(n=2)", name="other").merge({"env": {"kinds": ["potrf"]}})
    join(kept, fresh(), other)
    with pytest.raises(PolicyError, match="unequal schema"):
        kept.merge([1, 4])


def test_a_student_and_an_update(kept):
    join(kept, fresh(seed=2), LU)
    student = merge(kept, [1, 2], Lessons(states=32, num_envs=4, steps=8))
    assert student.meta.op == "distill" and student.meta.families == ("chol", "lu")
    assert all(0.8 < kept.accuracies().of(3, d) < 1.2 for d in ("chol", "lu"))
    found = update(kept, "lu(n=2)", course=Course(steps=40, num_envs=8))
    assert found.family == "lu_n_2" and found.added.meta.parents[0] in (1, 2, 3)
    assert {t.version for t in found.tried} >= {0, None}
    assert [*kept.families] == ["chol", "lu", "lu_n_2"] and not verify(kept.root)


def test_what_test_py_compares(kept):
    join(kept, fresh(seed=2), LU)
    champion = kept.aliases["champion"]
    told = roles(kept.root)
    assert told[1][-1] == "specialist of chol" and told[2][-1] == "specialist of lu"
    assert "champion" in told[champion]
    config = TestConfig(env={"name": "dag"}, library=str(kept.root))
    d = domain("dag")
    names = [c if isinstance(c, str) else c.name for c in contenders(config, d)]
    assert len(names) == 3 and names[-1] == "baselines" and names[0].startswith("1 (")
    points = sweep(config, d).points
    assert [*points] == ["chol", "lu"] and points["lu"].change["scenario"].name == "lu"
    assert [*sweep(TestConfig(env={"name": "dag"}, library=str(kept.root), scenario="tiled"), d)
            .points] == [""]
    with pytest.raises(PolicyError, match="libraries are for env=dag"):
        contenders(TestConfig(env={"name": "blis"}, library="x"), domain("blis"))


def test_cases_of_a_family_are_the_same_for_all(kept):
    family = families.read(kept.root, "chol")
    ratios = kept.judge.ratios(fresh(), family)
    assert len(ratios) == 16 and np.array_equal(ratios, kept.judge.ratios(fresh(), family))


def test_a_training_ends_in_a_library(tmp_path):
    """With `options.*` of the run and its graph: a version acts wherever as it acted there."""
    machine = CHOL.config["machine"]
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({"machine": machine, "workload": ["lu"]}))
    config = TrainConfig(
        env={"name": "dag", "slots": 8, "kinds": ["gemm"]}, agent=ReinforceConfig(
            num_envs=8, hidden=8), scenario=str(tmp_path / "tiny.yaml"), trace="cholesky(n=2)",
        options={"noise": "lognormal", "sigma": 0.1, "env": {"kinds": KINDS}}, steps=20,
        windows=1, validations=1, table=False, pictures=False, library=str(tmp_path / "new"))
    train(config, tmp_path / "run")
    root = tmp_path / "new"
    assert families.names(root) == ["tiny_cholesky_n_2"]
    family = families.read(root, "tiny_cholesky_n_2")
    assert family.scenario["workload"] == ["cholesky(n=2)"] and family.scenario["sigma"] == 0.1
    assert versions.read(root, 1).features["kinds"] == KINDS
    assert versions.load(root, 1).options["env"] == {"slots": 8, "kinds": KINDS}
    assert len(registry.read(root)) == 2 and not verify(root)


def literature(root, **keys) -> TrainConfig:
    return TrainConfig(**{
        "env": {"name": "dag", "slots": 8}, "agent": ReinforceConfig(num_envs=8, hidden=8),
        "scenario": "literature", "trace": "topcuoglu", "steps": 20, "windows": 1,
        "validations": 1, "table": False, "pictures": False, "library": str(root), **keys})


def test_a_table_that_fails_loses_nothing(tmp_path, monkeypatch):
    def fails(run, folder):
        raise PolicyError("no table", "here")

    monkeypatch.setattr("agents.finish.held_out", fails)
    with pytest.raises(PolicyError, match="no table"):
        train(literature(tmp_path / "new", table=True), tmp_path / "run")
    assert load(tmp_path / "run" / "policy").env == "dag"
    assert families.names(tmp_path / "new") == ["literature_topcuoglu"]
    place = families.read(tmp_path / "new", "literature_topcuoglu").scenario["workload"]
    assert place == ["traces/dag/topcuoglu.json"]


def test_what_makes_no_family_is_said_before_training(tmp_path):
    for trace, what in (("tiled_stream", "a table of jobs makes no family"),
                        ("topcuoglo", 'did you mean "topcuoglu"')):
        with pytest.raises(SuiteError, match=what):
            Run(literature(tmp_path / "new", trace=trace, scenario="tiled"), tmp_path / "run")
    (tmp_path / "old" / "families").mkdir(parents=True)
    (tmp_path / "old" / "families" / "x.yaml").write_text("cases: 3")
    with pytest.raises(PolicyError, match="restore it from a copy"):
        Run(literature(tmp_path / "old"), tmp_path / "run")


def test_a_library_is_for_dag_alone():
    config = TrainConfig(env={"name": "blis"}, agent=ReinforceConfig(), library="x")
    with pytest.raises(PolicyError, match="libraries are for env=dag"):
        Run(config, Path())
