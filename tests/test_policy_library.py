"""What is done to a policy library: gate, check, roll back, merge, split."""
from itertools import combinations

import pytest
import torch

from agents.library import registry, versions
from agents.library.gate import Failure, Limits, gate
from agents.library.generality import errors_of, summary
from agents.library.soup import mean
from agents.library.split import split
from agents.library.verify import verify
from envs.core.errors import PolicyError
from tests.dag_oracles import oracle
from tests.small_library import NAMES, Told, add, library, policy


def weights(to, version):
    return versions.read(to.root, version).sha256


def test_a_first_version_is_asked_clauses_2_and_4(tmp_path):
    kept = library(tmp_path, "chol")
    found = add(kept, 1.06)
    assert found.line.verdict == "rejected: clause 4 (chol)"
    assert kept.aliases == {"candidate": 1}
    found = add(kept, 0.9)
    assert found.line.verdict == "promoted" and kept.aliases == {"candidate": 1, "champion": 2}
    assert found.line.figures["A"] == {"2": {"chol": pytest.approx(0.9, rel=1e-6)}}
    assert found.line.figures["G"] == {"2": {"mean": 0, "max": 0}}
    assert found.check.op == "check" and found.check.verdict == "kept 2"
    results = versions.folder_of(tmp_path, 2) / "results.csv"
    assert results.read_text().startswith("family,A\nchol,0.89")


def test_each_clause_names_itself_and_its_family(tmp_path):
    best = {"a": 0.8, "b": 0.8}
    champion = {"a": 0.8, "b": 0.84}
    assert not gate(champion, champion, best)
    assert gate({"a": 0.82, "b": 0.87}, champion, best) == [Failure(1, "b")]
    assert gate({"a": 0.75, "b": 0.89}, champion, best) == [Failure(2, "b"), Failure(3, "b")]
    assert gate({"a": 0.845, "b": 0.8}, champion, best) == [Failure(3, "a")]
    assert gate({"a": 1.0, "b": 1.06}, None, {"a": 1.0, "b": 1.06}) == [Failure(4, "b")]
    assert gate({"a": 1.0, "b": 1.2}, None, {"a": 1.0, "b": 1.06}) == [
        Failure(2, "b"), Failure(4, "b")]
    assert not gate({"a": 0.845, "b": 0.8}, champion, best, Limits(each=1.1))


def test_a_worse_candidate_stays_one(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 0.9, 0.9)
    found = add(kept, 0.9, 0.9, 1.0, trained=("lu", "qr"))
    assert found.line.verdict == "rejected: clause 1 (qr), clause 2 (qr), clause 3 (qr)"
    assert kept.aliases == {"champion": 1, "candidate": 2}
    assert "clause 3 (qr)" in [*registry.shown(registry.read(tmp_path))][2]


def test_the_champions_errors_never_exceed_the_limits(tmp_path):
    kept = library(tmp_path)
    tried = [(0.9, 1.0, 1.0), (0.8, 1.04, 0.9), (0.95, 0.85, 0.86), (0.82, 0.86, 0.9),
             (0.81, 0.84, 0.85), (0.7, 0.9, 0.9), (0.72, 0.83, 0.84)]
    bound = None
    for n, accuracy in enumerate(tried):
        before = kept.aliases.get("champion")
        found = add(kept, *accuracy, trained=NAMES[n % 3:n % 3 + 1])
        table = kept.accuracies()
        if found.line.verdict != "promoted":
            continue
        now = table.generality(table.row(found.meta.version))
        bound = table.generality(table.row(before)) if before is not None else None
        assert now.max <= max(0.10, bound.max if bound else 0) + 1e-12
        assert bound is None or now.mean <= bound.mean + 0.02 + 1e-12
        assert all(a <= 1.05 + 1e-12 for a in table.row(found.meta.version).values())
    assert bound is not None
    assert not verify(tmp_path)


def test_a_bad_update_is_rolled_back_to_the_same_bytes(tmp_path):
    """Good on the validation cases alone, as what was learned by heart would be."""
    kept = library(tmp_path)
    add(kept, 0.9, 0.9, 0.9)
    before = weights(kept, 1)
    found = add(kept, 0.8, 0.8, 0.8, 0.6, trained=("chol", "lu"), op="finetune", parents=[1])
    assert found.line.verdict == "promoted"
    assert found.line.aliases == {"champion": 2, "previous": 1}
    assert found.check.verdict.startswith("rolled back to 1: version 2 has G_mean 0.")
    assert kept.aliases == {"champion": 1} and not verify(tmp_path)
    assert weights(kept, kept.aliases["champion"]) == before


def test_a_new_specialist_can_end_a_champion(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 0.9, 0.9)
    found = add(kept, 1.2, 1.2, 0.7, trained=("qr",))
    assert found.line.verdict.startswith("rejected") and found.line.aliases["candidate"] == 2
    assert found.check.verdict.startswith("rolled back to 0: version 1 has G_mean 0.095, 0.000")
    assert kept.aliases == {"champion": 0, "candidate": 2}


def test_limits_of_a_check(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 0.9, 0.9)
    kept.limits = Limits(check_growth=0.1, check_most=0.1)
    found = add(kept, 1.2, 1.2, 0.8, trained=("qr",))
    assert found.check.verdict == "rolled back to 0: version 1 has G_max 0.125 (qr)"


def test_without_a_previous_one_the_rule_serves(tmp_path):
    kept = library(tmp_path, "chol")
    add(kept, 0.9)
    add(kept, 0.85)
    assert kept.aliases == {"champion": 2, "previous": 1}
    assert kept.rollback().verdict == "by hand to 1" and kept.aliases == {"champion": 1}
    assert kept.rollback().verdict == "by hand to 0" and kept.aliases == {"champion": 0}
    assert kept.promote(2).verdict == "promoted"
    assert kept.aliases == {"champion": 2, "previous": 0}
    with pytest.raises(PolicyError, match="no champion to take back"):
        library(tmp_path / "other").rollback()


def test_checks_meet_new_cases_each_time(tmp_path):
    kept = library(tmp_path, "chol")
    add(kept, 0.9)
    add(kept, 0.8)
    asked = {cases[0][0]: len(cases) for cases in kept.judge.asked}
    assert asked == {500_000: 16, 2_000_000: 20, 2_000_020: 20}


def test_known_accuracies_are_not_measured_again(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 1, 1)
    asked = len(kept.judge.asked)
    table = kept.accuracies()
    assert table.row(1) == {d: pytest.approx(v) for d, v in zip(NAMES, (0.9, 1, 1), strict=True)}
    assert len(kept.judge.asked) == asked and table.row(0) == dict.fromkeys(NAMES, 1.0)


def test_specialists_are_those_of_one_family_alone(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 1.0, 1.0)
    add(kept, 0.9, 0.95, 1.0)
    add(kept, 0.7, 0.7, 0.97, trained=("chol", "lu"))
    table = kept.accuracies()
    assert [table.specialist(d) for d in NAMES] == [2, 3, 3]    # newest of equals; none: the best
    assert table.errors(3)["chol"] == pytest.approx(0.7 / 0.9 - 1)


@pytest.mark.parametrize("count", [1, 2])
def test_a_soup_of_one_is_that_one(tmp_path, count):
    kept = library(tmp_path)
    add(kept, 0.9, 0.95, 1.0)
    found = kept.merge([1] * count)
    assert found.meta.op == "soup" and found.meta.parents == (1,) * count
    assert found.meta.sha256 == weights(kept, 1)


def test_a_soup_is_the_mean_in_float64():
    a, b, c = ({"w": torch.tensor([x, 1e-8], dtype=torch.float32)} for x in (0.1, 0.2, 0.7))
    told = mean([a, b, c])["w"]
    exact = (a["w"].double() / 3 + b["w"].double() / 3 + c["w"].double() / 3).float()
    assert torch.equal(told, exact) and told.dtype == torch.float32
    assert torch.equal(mean([a, b], [1.0, 0.0])["w"], a["w"])
    for wrong in ([0.5], [0.5, 0.6], [1.5, -0.5], [float("nan"), 1]):
        with pytest.raises(PolicyError, match="with sum 1"):
            mean([a, b], wrong)


def test_a_greedy_soup_leaves_out_what_spoils_it(tmp_path):
    class Convex(Told):
        def ratios(self, actor, family):
            return super().ratios(actor, family) ** 2

    kept = library(tmp_path, judge=Convex())
    add(kept, 0.8, 1.0, 1.0)
    add(kept, 1.0, 0.8, 1.0, trained=("lu",))
    add(kept, 1.0, 1.0, 0.8, trained=("qr",))
    add(kept, 1.5, 1.5, 1.5, trained=("qr",))
    found = kept.merge([4, 3, 2, 1], "greedy")
    assert found.meta.parents == (1, 2, 3) and found.meta.families == ("chol", "lu", "qr")
    told = dict.fromkeys(NAMES, (2.8 / 3) ** 2)
    assert found.line.figures["A"]["5"] == pytest.approx(told, rel=1e-6)


def test_merging_unequal_schemas_is_refused(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 1, 1)
    kept.add(policy(0.9, 1, 1, hidden=5), op="train", trained=["lu"])
    with pytest.raises(PolicyError, match="unequal schema"):
        kept.merge([1, 2])
    assert versions.versions(tmp_path) == [1, 2]


def test_a_split_serves_each_family_by_the_best(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 0.92, 1.2)
    add(kept, 1.1, 0.9, 1.0, trained=("lu",))
    add(kept, 1.2, 1.2, 0.8, trained=("qr",))
    found, line = kept.split()
    assert found.chosen == (1, 3) and found.serves == {"chol": 1, "lu": 1, "qr": 3}
    assert line.verdict == "promoted by family: chol 1, lu 1, qr 3"
    assert line.figures["G"]["1"]["max"] == pytest.approx(0.92 / 0.9 - 1, rel=1e-5)
    assert {k: v for k, v in kept.aliases.items() if k.startswith("champion/")} == {
        "champion/chol": 1, "champion/lu": 1, "champion/qr": 3}
    assert not verify(tmp_path)


def test_after_a_split_groups_are_served_and_taken_back_alone(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 0.92, 1.2)
    add(kept, 1.2, 1.2, 0.8, trained=("qr",))
    add(kept, 1.0, 0.9, 1.0, trained=("lu",))
    kept.split()
    better = add(kept, 1.2, 1.2, 0.7, trained=("qr",), family="qr")
    assert better.line.families == ("qr",) and better.line.verdict == "promoted"
    assert kept.aliases["champion/qr"] == 4 and kept.aliases["previous/qr"] == 2
    assert kept.rollback("qr").families == ("qr",) and kept.aliases["champion/qr"] == 2
    whole = add(kept, 0.9, 0.9, 0.7, trained=NAMES)
    assert whole.line.verdict == "promoted"
    assert not [k for k in kept.aliases if "/" in k] and kept.aliases["champion"] == 5


def test_a_split_is_taken_back_as_a_whole(tmp_path):
    kept = library(tmp_path)
    add(kept, 0.9, 0.92, 1.0)
    add(kept, 1.2, 1.2, 0.8, trained=("qr",))
    champion = kept.aliases["champion"]
    kept.split()
    kept.rollback()
    assert {kept.aliases[f"champion/{d}"] for d in NAMES} == {champion}


def test_ties_of_a_split_go_to_the_first_versions():
    errors = {m: {"a": g, "b": 0.0} for m, g in ((1, 0.2), (2, 0.0), (3, 0.0))}
    assert split(errors, ["a", "b"]).chosen == (2,)
    assert split({1: {"a": 0.5}, 2: {"a": 0.5}}, ["a"]).chosen == (1, 2)     # nobody is near enough


TABLES = oracle("library")["tables"]


def numbered(names):
    """Version numbers in place of the table's names."""
    return {name: n for n, name in enumerate(names)}


@pytest.mark.parametrize("told", TABLES, ids=range(len(TABLES)))
def test_generality_of_the_shared_tables(told):
    alone = {d: told["A"][m][d] for d, m in told["specialist"].items()}
    for m, row in told["A"].items():
        errors = errors_of(row, alone)
        assert [errors[d] for d in told["families"]] == pytest.approx(told["g"][m], rel=1e-12)
        found = summary(errors)
        assert found[:2] == pytest.approx((told["g_mean"][m], told["g_max"][m]), rel=1e-12)


@pytest.mark.parametrize("told", TABLES, ids=range(len(TABLES)))
def test_gates_of_the_shared_tables(told):
    alone = {d: told["A"][m][d] for d, m in told["specialist"].items()}
    for case in told["gate"]:
        champion = told["A"].get(case["champion"])
        found = gate(told["A"][case["candidate"]], champion, alone)
        assert [f.clause for f in found] == case["failed"], case


@pytest.mark.parametrize(("key", "tau"), [("split", 0.10), ("split_tau_02", 0.02)])
@pytest.mark.parametrize("told", TABLES, ids=range(len(TABLES)))
def test_splits_of_the_shared_tables(told, key, tau):
    number = numbered(told["versions"])
    errors = {number[m]: dict(zip(told["families"], g, strict=True))
              for m, g in told["g"].items()}
    found = split(errors, told["families"], tau)
    assert found.chosen == tuple(number[m] for m in told[key])
    assert all(errors[m][d] == min(errors[n][d] for n in found.chosen)
               for d, m in found.serves.items())
    k = len(found.chosen)       # and the same by trying all
    every = min(combinations(sorted(errors), k), key=lambda some: (
        round(sum(min(errors[m][d] for m in some) for d in told["families"]), 12), some))
    assert found.chosen == every
