"""What learns in a policy library, on a toy: students and fine-tuned policies."""
import json
from copy import deepcopy

import numpy as np
import pytest
import torch
import yaml

from agents.library import distilling, families, updating
from agents.library.choosing import asked, candidates, choose, nearest_families
from agents.library.distilling import Lessons, distill, divergence
from agents.library.families import Family
from agents.library.recognition import family_of, name_of, on_graph, plain_config
from agents.library.updating import Course, fine_tune, scenario_of, update
from agents.networks import for_environment
from agents.networks.acting import NetworkPolicy
from agents.networks.categorical import NEVER, Categoricals
from envs.core.errors import PolicyError, ScenarioError
from envs.dag.formats import to_dag1
from envs.dag.generate import open_graph
from envs.dag.scenario import Scenario, load_scenario
from tests.small_library import Told, add, library, policy
from tests.toys import Identity, accuracy

MACHINE = {"unit": "1", "comm": "none", "workers": [{"type": "gpu"}, {"type": "cpu"}]}


def taught(seed=0) -> NetworkPolicy:
    """A policy that masters the toy: the shown symbol has the greatest logit."""
    torch.manual_seed(seed)
    network = for_environment("mlp", Identity(), {"hidden": 4, "depth": 1})
    with torch.no_grad():
        for i, layer in enumerate((network.actor[0], network.actor[-1])):
            layer.weight.copy_(torch.eye(*layer.weight.shape) * (1, 12)[i])
            layer.bias.zero_()
    return NetworkPolicy(network, "mlp", env="dag")


def novice() -> NetworkPolicy:
    torch.manual_seed(1)
    return NetworkPolicy(for_environment("mlp", Identity(), {"hidden": 16}), "mlp", env="dag")


def test_divergence_is_that_of_masked_distributions():
    told = Categoricals(torch.tensor([[[0.0, 1.0, NEVER]]]), True)
    found = Categoricals(torch.tensor([[[1.0, 0.0, NEVER]]]), True)
    p, q = np.exp([0, 1]) / (1 + np.e), np.exp([1, 0]) / (1 + np.e)
    assert float(divergence(told.logp, found)) == pytest.approx(float((p * np.log(p / q)).sum()))
    assert float(divergence(told.logp, told)) == 0


def test_a_student_becomes_its_teacher(tmp_path):
    kept = library(tmp_path, "chol", "lu")
    teacher, student = taught(), novice()
    assert accuracy(teacher) == 1.0 > accuracy(student)
    lessons = Lessons(states=4000, num_envs=16, steps=32, learning_rate=1e-2)
    found = distill(kept, student, {"chol": teacher, "lu": teacher}, lessons)
    assert accuracy(found) == 1.0 and not found.network.training


def test_half_of_the_states_are_the_students_own(tmp_path, monkeypatch):
    kept, steps, rooms = library(tmp_path, "chol"), [], []
    monkeypatch.setattr(distilling, "learn", lambda network, optimiser, visits, lessons:
                        rooms.append(sum(len(seen) for seen, _, _ in visits)))

    class Watched(Identity):
        def step(self, actions):
            steps.append(np.asarray(actions) == self.shown[:, 0])
            return super().step(actions)

    kept.judge.batch = lambda policy, family, num_envs: Watched(num_envs)
    distill(kept, novice(), {"chol": taught()}, Lessons(states=500, num_envs=8, steps=10))
    right = np.mean(steps, axis=0)
    assert right[:4].min() > 0.9 > right[4:].max()      # the teacher's half, the student's half
    assert sum(rooms) == 560 and len(steps) == 70       # whole lessons until there are enough


def test_distilled_versions_say_who_taught_them(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.8, 1.0, 1.0)
    add(kept, 1.0, 0.8, 0.9, trained=("lu", "qr"))
    add(kept, 1.0, 1.0, 0.8, trained=("qr",))
    found = distilling.merge(kept, [3, 1, 2, 1], Lessons(states=1, num_envs=4, steps=1))
    assert (found.meta.op, found.meta.parents) == ("distill", (1, 2, 3))
    assert found.meta.families == ("chol", "lu", "qr")
    card = (tmp_path / "versions" / "0004" / "card.md").read_text()
    assert "teachers: chol by 1, lu by 2, qr by 3" in card and "from version 2" in card
    kept.add(policy(1, 1, 1, hidden=5), op="train", trained=["lu"])
    with pytest.raises(PolicyError, match="unequal schema"):
        distilling.merge(kept, [1, 5])


def test_fine_tuning_learns_and_stays_near(tmp_path):
    kept, parent = library(tmp_path, "chol", "lu"), novice()
    before = deepcopy(parent.network.state_dict())
    course = Course(steps=6000, num_envs=32, learning_rate=1e-2, divergence=0.0)
    new, old = kept.families["chol"], kept.families["lu"]
    free = fine_tune(kept, parent, new, [old], course)
    assert accuracy(free) > 0.95 > accuracy(parent) + 0.2
    assert all(torch.equal(v, before[k]) for k, v in parent.network.state_dict().items())
    near = fine_tune(kept, parent, new, [old], Course(
        steps=6000, num_envs=32, learning_rate=1e-2, divergence=1000.0))
    seen = torch.eye(3)
    far, close = (divergence(parent.network(seen)[0].logp, p.network(seen)[0]).item()
                  for p in (free, near))
    assert close < 0.05 < far


def test_half_of_the_episodes_are_rehearsed(monkeypatch):
    played = []

    class Turn:
        def __init__(self, name):
            self.name, self.steps = name, 0

        def update(self):
            played.append(self.name)
            self.steps += 100

    updating.learn([Turn("new"), Turn("a"), Turn("b")], 800)
    assert played == ["new", "a", "new", "b", "new", "a", "new", "b"]
    played.clear()
    updating.learn([Turn("new")], 300)
    assert played == ["new"] * 3


def test_the_nearest_families_by_standardised_features():
    known = {name: Family(name, {}, features=z) for name, z in {
        "a": (0.0, 1000.0, 5.0), "b": (1.0, 1000.0, 5.0), "c": (0.0, 3000.0, 5.0),
        "d": (9.0, 1000.0, 5.0)}.items()}
    assert nearest_families(known, (0.1, 1000.0, 5.0)) == ["a", "b", "c"]
    assert nearest_families(known, (9.0, 1000.0, 5.0))[0] == "d"
    assert nearest_families({}, (1.0,)) == []
    even = {name: Family(name, {}, features=(z,)) for name, z in (("b", 1.0), ("a", -1.0))}
    assert nearest_families(even, (0.0,)) == ["a", "b"]


def small(name="chol", graphs=("cholesky(n=3)",), **options) -> Scenario:
    return Scenario.from_config({"name": name, "machine": MACHINE, "workload": [*graphs],
                                 **options})


@pytest.mark.parametrize(("graph", "name"), [
    ("cholesky(n=8,table=k40_960)", "cholesky_n_8_table_k40_960"), ("gemm()", "gemm"),
    ("here/my graph.json.gz", "my_graph"), ("folder/montage", "montage"),
])
def test_families_are_named_by_their_graph(graph, name):
    assert name_of(graph) == name


def test_a_scenario_becomes_a_family():
    found = family_of(small(graphs=("cholesky(n=3)", "lu(n=2)"), noise="lognormal", sigma=0.2))
    assert found.name == "chol" and len(found.cases) == 16 and len(found.features) == 16
    assert len(found.signatures) == 2
    assert all(s.endswith("-lognormal0.20") for s in found.signatures)
    assert set(family_of(small(sigma=0.0)).signatures).isdisjoint(found.signatures)
    again = load_scenario(found.scenario)
    assert plain_config(again) == found.scenario and family_of(again) == found


def test_choosing_tries_and_writes_nothing(tmp_path):
    kept = library(tmp_path, "chol")
    families.write(tmp_path, family_of(small()))
    add(kept, 0.9)
    add(kept, 0.7)
    add(kept, 0.8)
    before = sorted(p for p in tmp_path.rglob("*"))
    found = choose(kept, asked("cholesky(n=3)", MACHINE))
    assert [(t.version, t.name) for t in found] == [
        (2, "version 2"), (0, "mct_wait"), (None, "static:heft")]
    assert found[0].cost == pytest.approx(0.7, rel=1e-6) and found[0].why == "specialist of chol"
    assert sorted(p for p in tmp_path.rglob("*")) == before
    assert kept.judge.asked[-1] == ((0, 0), (1, 1), (2, 2))
    table = kept.accuracies()
    assert candidates(kept, table, []) == {2: "champion", 0: "rule", None: "plan"}


def test_a_candidate_that_cannot_act_is_last(tmp_path):
    class Picky(Told):
        def ratios(self, actor, family):
            if family.name == "asked" and not isinstance(actor, str):
                raise PolicyError("an mlp of another size", "network", "train a set")
            return super().ratios(actor, family)

    kept = library(tmp_path, "chol", judge=Picky())
    families.write(tmp_path, family_of(small()))
    add(kept, 0.5)
    found = choose(kept, asked("cholesky(n=3)", MACHINE))
    assert found[-1].version == 1 and "an mlp of another size" in found[-1].why
    with pytest.raises(PolicyError, match="no version acts here"):
        update(kept, "lu(n=2)")


def test_the_graph_of_a_family_is_found_from_anywhere(tmp_path, monkeypatch):
    (tmp_path / "mine.json").write_text(json.dumps(to_dag1(open_graph("lu(n=2)", ""))))
    monkeypatch.chdir(tmp_path)
    family = family_of(on_graph(small(), "mine.json"))
    monkeypatch.chdir(tmp_path.parent)
    assert family.scenario["workload"] == [str(tmp_path / "mine.json")]
    assert family_of(load_scenario(family.scenario)).signatures == family.signatures


def test_another_machine_keeps_the_options(tmp_path):
    """So that a known graph on its own machine, given as a file, is still known."""
    kept = library(tmp_path / "kept", "chol")
    families.write(kept.root, family_of(small(noise="lognormal", sigma=0.2)))
    add(kept, 0.5)
    (tmp_path / "machine.yaml").write_text(yaml.safe_dump(MACHINE))
    own, given = (scenario_of(kept, "lu(n=2)", machine)
                  for machine in (None, str(tmp_path / "machine.yaml")))
    assert given.options == own.options and given.options.sigma == 0.2
    assert family_of(given).signatures == family_of(own).signatures


def test_a_graph_of_other_units_is_named(tmp_path):
    class Fits(Told):
        def ratios(self, actor, family):
            if family.name == "asked":
                raise ScenarioError("graph lu has unit '1', machine has unit 'ms'", "lu")
            return super().ratios(actor, family)

    kept = library(tmp_path, "chol", judge=Fits())
    families.write(tmp_path, family_of(small()))
    add(kept, 0.5)
    with pytest.raises(ScenarioError, match="machine has unit 'ms'"):
        update(kept, "lu(n=2)")


def test_an_update_of_a_known_graph_makes_a_new_version_of_its_family(tmp_path):
    kept = library(tmp_path, "chol")
    families.write(tmp_path, family_of(small()))
    add(kept, 0.9)
    add(kept, 0.8, trained=("chol", "more"), op="distill")      # better, but not of this alone
    found = update(kept, "cholesky(n=3)", course=Course(steps=1, num_envs=8))
    assert found.tried[0].version == 2 and found.family == "chol"
    assert (found.added.meta.op, found.added.meta.parents) == ("finetune", (1,))
    assert found.added.meta.families == ("chol",) and [*kept.families] == ["chol"]


def test_an_update_of_a_new_graph_makes_a_family(tmp_path):
    kept = library(tmp_path, "chol")
    families.write(tmp_path, family_of(small()))
    add(kept, 0.9, 1.0)
    found = update(kept, "lu(n=2)", course=Course(steps=1, num_envs=8))
    assert found.family == "lu_n_2" and [*kept.families] == ["chol", "lu_n_2"]
    assert found.added.meta.families == ("chol", "lu_n_2")
    assert kept.families["lu_n_2"].scenario["machine"] == kept.families["chol"].scenario["machine"]
    with pytest.raises(PolicyError, match="on which machine"):
        update(library(tmp_path / "empty"), "lu(n=2)")
