"""A policy library on the disk: immutable, whole or not at all, every defect named."""
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from agents.library import aliases, families, registry, versions
from agents.library.families import Family
from agents.library.library import existing, place_of
from agents.library.verify import verify
from envs.core.errors import PolicyError
from tests.small_library import FEATURES, add, library, policy


def written(root, *accuracy, **more):
    families.write(root, Family("chol", {}))
    return versions.write(root, policy(*accuracy or (0.9, 1, 1)), op="train", families=["chol"],
                          features=FEATURES, **more)


def test_a_version_is_what_was_written(tmp_path):
    kept = policy(0.9, 1.0, 1.1)
    library(tmp_path)
    meta = versions.write(tmp_path, kept, op="soup", parents=[0], families=["chol", "lu"],
                          features=FEATURES, card="# Card\n", results="family,A\n")
    folder = versions.folder_of(tmp_path, 1)
    assert folder.name == "0001" and sorted(p.name for p in folder.iterdir()) == [
        "card.md", "config.yaml", "meta.json", "policy.safetensors", "results.csv"]
    assert versions.read(tmp_path, 1) == meta
    assert (meta.parents, meta.families, meta.op) == ((0,), ("chol", "lu"), "soup")
    found = versions.load(tmp_path, 1)
    for a, b in zip(kept.network.parameters(), found.network.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not verify(tmp_path)


def test_a_complete_version_is_read_only(tmp_path):
    written(tmp_path)
    folder = versions.folder_of(tmp_path, 1)
    assert folder.stat().st_mode & 0o777 == 0o555
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o444}


def test_versions_count_up(tmp_path):
    assert [written(tmp_path).version for _ in range(3)] == [1, 2, 3]
    assert versions.versions(tmp_path) == [1, 2, 3]


@pytest.mark.parametrize("call", ["os.rename", "os.fsync"])
def test_an_interrupted_version_does_not_exist(tmp_path, monkeypatch, call):
    written(tmp_path)
    monkeypatch.setattr(call, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path)
    monkeypatch.undo()
    assert [p.name for p in (tmp_path / "versions").iterdir()] == ["0001"]
    assert not verify(tmp_path)


def test_a_version_of_this_number_is_never_replaced(tmp_path, monkeypatch):
    written(tmp_path)
    before = versions.read(tmp_path, 1)
    monkeypatch.setattr(versions, "versions", lambda root: [])
    with pytest.raises(PolicyError, match="another command added it"):
        written(tmp_path, 0.5, 1, 1)
    assert versions.read(tmp_path, 1) == before


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_an_interrupted_write_leaves_the_old_champion(tmp_path, monkeypatch, call):
    kept = library(tmp_path)
    add(kept, 0.9, 1, 1)
    before, rows = kept.aliases, len(registry.read(tmp_path))
    real = getattr(os, call)

    def stop(*args):
        target = args[1] if call == "replace" else os.readlink(f"/proc/self/fd/{args[0]}")
        if "aliases" in str(target):
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(os, call, stop)
    with pytest.raises(KeyboardInterrupt):
        add(kept, 0.8, 1, 1)
    monkeypatch.undo()
    assert kept.aliases == before == {"champion": 1} and len(registry.read(tmp_path)) == rows
    assert versions.versions(tmp_path) == [1, 2]        # the version is there, nobody serves it
    assert not verify(tmp_path) and not [*tmp_path.glob(".*.part")]
    assert kept.promote(2).verdict == "promoted" and kept.aliases["champion"] == 2


@pytest.mark.parametrize("name", ["policy.safetensors", "config.yaml", "card.md", "results.csv"])
def test_every_changed_byte_is_found(tmp_path, name):
    written(tmp_path)
    path = versions.folder_of(tmp_path, 1) / name
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"\n")
    defects = verify(tmp_path)
    assert len(defects) == 1 and "version 1: hash mismatch" in defects[0]
    assert str(path) in defects[0]
    with pytest.raises(PolicyError, match="hash mismatch"):
        versions.load(tmp_path, 1)


@pytest.mark.parametrize(("change", "what"), [
    ({"version": 2}, "says version 2"),
    ({"op": "steal"}, "says version 1, steal"),
    ({"schema": "0"}, "version 1: schema mismatch"),
    ({"features": {"shown": ["b", "a", "c"]}}, "version 1: schema mismatch"),
    ({"sha256": "0" * 64}, "version 1: hash mismatch"),
    ({"sha256": 3}, 'version 1: key "sha256" is no str'),
    ({"families": ["chol", "mont"]}, 'version 1: no family "mont"'),
    ({"parents": [9]}, "version 1: no version 9, its parent"),
    ({"files": {"../../x": "0"}}, 'version 1: unknown file "../../x"'),
])
def test_a_changed_meta_is_found(tmp_path, change, what):
    written(tmp_path)
    path = versions.folder_of(tmp_path, 1) / "meta.json"
    path.chmod(0o644)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    defects = verify(tmp_path)
    assert len(defects) == 1 and what in defects[0] and str(path.parent) in defects[0]


@pytest.mark.parametrize(("content", "what"), [
    ("{", "no JSON"),
    ("[1]", "no mapping"),
    ('{"champoin": 1}', 'unknown alias "champoin"; did you mean "champion"?'),
    ('{"champion": "1"}', 'alias "champion" is no version'),
    ('{"champion": 7}', 'alias "champion": no version 7'),
    ('{"champion/qr": 1}', 'alias "champion/qr": no family "qr"'),
])
def test_defects_of_aliases(tmp_path, content, what):
    written(tmp_path)
    path = tmp_path / "aliases.json"
    path.write_text(content)
    defects = verify(tmp_path)
    assert len(defects) == 1 and what in defects[0] and str(path) in defects[0]


@pytest.mark.parametrize("change", ["", "{}", '{"number": 5}', "line"])
def test_a_registry_is_only_appended_to(tmp_path, change):
    registry.append(tmp_path, "check")
    registry.append(tmp_path, "rollback", versions=[1], families=["chol"], verdict="by hand to 1")
    lines = registry.read(tmp_path)
    assert [(x.number, x.op) for x in lines] == [(0, "check"), (1, "rollback")]
    assert lines[1].versions == (1,) and lines[1].families == ("chol",)
    path = tmp_path / "registry.jsonl"
    second = path.read_text().splitlines()[1]
    path.write_text("\n".join([{"line": second}.get(change, change), second]) + "\n")
    with pytest.raises(PolicyError, match=r"registry\.jsonl, line 1"):
        registry.read(tmp_path)


@pytest.mark.parametrize(("text", "what"), [
    ("best", 'unknown alias "best"'), ("candidate", 'unknown alias "candidate"'),
    ("9", "no version 9"), (-1, 'unknown alias "-1"'),
])
def test_versions_that_are_not_there(tmp_path, text, what):
    written(tmp_path)
    aliases.write(tmp_path, {"champion": 1})
    assert [aliases.resolve(tmp_path, x) for x in ("champion", "1", 1, "mct_wait", 0)] == [
        1, 1, 1, 0, 0]
    with pytest.raises(PolicyError, match=what) as found:
        aliases.resolve(tmp_path, text)
    assert str(tmp_path) in str(found.value)
    with pytest.raises(PolicyError, match=r"no version 4.*known: 1"):
        versions.read(tmp_path, 4)


def test_unequal_schema_is_refused(tmp_path):
    written(tmp_path)
    versions.write(tmp_path, policy(1, 1, 1, hidden=5), op="train", features=FEATURES)
    versions.write(tmp_path, policy(1, 1, 1), op="train", features={"shown": ["a", "c", "b"]})
    assert written(tmp_path).schema == versions.read(tmp_path, 1).schema
    assert versions.same_schema(tmp_path, [1, 4]).version == 1
    for other in (2, 3):
        with pytest.raises(PolicyError, match=f"unequal schema: version {other} has") as found:
            versions.same_schema(tmp_path, [1, other])
        assert f"{other:04}/meta.json" in str(found.value)


def test_a_family_comes_back(tmp_path):
    kept = Family("chol", {"machine": {"workers": [1, 2]}}, signatures=("a", "b"),
                  features=(0.1, 2.0))
    families.write(tmp_path, kept)
    assert families.read(tmp_path, "chol") == kept and len(kept.cases) == 16
    assert kept.fresh(3, 20).cases[0] == (2_000_060, 2_000_060) and len(kept.fresh(0, 5).cases) == 5
    with pytest.raises(PolicyError, match=r'no family "col".*did you mean "chol"'):
        families.read(tmp_path, "col")
    path = families.path_of(tmp_path, "chol")
    for content, what in (("cases: 3", "scenario"), ("- 1", "no mapping"),
                          ("{scenario: {}, cases: [[1]], signatures: [], features: []}", "pairs")):
        path.write_text(content)
        with pytest.raises(PolicyError, match=what):
            families.read(tmp_path, "chol")
        assert len(verify(tmp_path)) == 1


def test_a_known_signature_joins_its_family(tmp_path):
    first = families.make_or_join(tmp_path, Family("chol", {}, signatures=("a", "b")))
    joined = families.make_or_join(tmp_path, Family("other", {"x": 1}, signatures=("b", "c")))
    assert (joined.name, joined.scenario, joined.cases) == ("chol", {}, first.cases)
    assert families.read(tmp_path, "chol").signatures == ("a", "b", "c")
    made = families.make_or_join(tmp_path, Family("chol", {}, signatures=("d",)))
    assert made.name == "chol-2" and families.names(tmp_path) == ["chol", "chol-2"]
    assert families.known(tmp_path, ["x"]) is None


def test_names_of_libraries(tmp_path):
    assert place_of("tiled").parts[-3:] == ("saved_models", "dag", "tiled")
    assert place_of(tmp_path) == tmp_path
    with pytest.raises(PolicyError, match="no such library"):
        existing(tmp_path)
    with pytest.raises(PolicyError, match="is no name"):
        place_of("a b")


def test_commands_at_once_take_numbers_of_their_own(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        [*pool.map(lambda _: registry.append(tmp_path, "check"), range(40))]
    assert [line.number for line in registry.read(tmp_path)] == [*range(40)]


def test_a_torn_family_is_to_be_restored(tmp_path):
    library(tmp_path)
    families.path_of(tmp_path, "lu").write_text("scenario: {machine: [")
    defect, = verify(tmp_path)
    assert "lu.yaml" in defect and "from a copy" in defect


def test_a_family_with_another_scenario_is_a_defect(tmp_path):
    """What is known of its versions was measured on the one it had."""
    families.write(tmp_path, Family("chol", {"sigma": 0.1, "unit": "1", "tiny": 1e-5}))
    assert families.read(tmp_path, "chol").scenario["tiny"] == 1e-5 and not verify(tmp_path)
    path = families.path_of(tmp_path, "chol")
    path.write_text(path.read_text().replace("sigma: 0.1", "sigma: 0.9"))
    defect, = verify(tmp_path)
    assert "chol.yaml: scenario or cases were changed" in defect
