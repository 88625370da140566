"""Saved policies: what is written is read, and whatever is hostile is one clear error."""
import json
import struct

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from agents.networks import build, for_environment
from agents.networks.acting import NetworkPolicy
from agents.store import folder_name, load, read_yaml, save, saved
from envs.core.errors import PolicyError
from tests.toys import Identity


@pytest.fixture
def policy():
    network = for_environment("mlp", Identity(), {"hidden": 8})
    return NetworkPolicy(network, "mlp", env="toy", options={"env": {"action": "swap"}})


@pytest.fixture
def folder(policy, tmp_path):
    return save(tmp_path / "toy" / "kept", policy, card="# Kept\n", results="a,b\n1,2\n",
                trained_on={"scenario": "normal", "steps": np.int64(3)})


def config(folder):
    return yaml.safe_load((folder / "config.yaml").read_text())


def rewrite(folder, **changes):
    content = {k: v for k, v in {**config(folder), **changes}.items() if v != "GONE"}
    (folder / "config.yaml").write_text(yaml.safe_dump(content))


def reweigh(folder, change):
    tensors = load_file(folder / "policy.safetensors")
    change(tensors)
    save_file(tensors, folder / "policy.safetensors")


def test_what_is_saved_is_loaded(folder, policy):
    found = load(folder)
    assert (found.name, found.env, found.options) == ("kept", "toy", {"env": {"action": "swap"}})
    for a, b in zip(policy.network.parameters(), found.network.parameters(), strict=True):
        assert torch.equal(a, b)
    assert sorted(p.name for p in folder.iterdir()) == [
        "card.md", "config.yaml", "policy.safetensors", "results.csv"]
    assert (folder / "card.md").read_text() == "# Kept\n"
    assert config(folder)["trained_on"] == {"scenario": "normal", "steps": 3}
    assert "torch" in config(folder)["versions"]
    assert saved(folder.parent.parent, "toy") == [folder]


def test_an_existing_policy_is_replaced_only_on_request(folder, policy):
    before = (folder / "config.yaml").read_bytes()
    with pytest.raises(PolicyError, match="replace=true"):
        save(folder, policy, card="other")
    assert (folder / "config.yaml").read_bytes() == before
    save(folder, policy, card="other", replace=True)
    assert (folder / "card.md").read_text() == "other"


def test_a_failed_save_leaves_nothing(folder, policy, monkeypatch):
    monkeypatch.setattr("agents.store.write_tensors", lambda *_: 1 / 0)
    for name in ("kept", "new"):
        with pytest.raises(ZeroDivisionError):
            save(folder.parent / name, policy, replace=True)
    assert [p.name for p in folder.parent.iterdir()] == ["kept"]
    load(folder)


@pytest.mark.parametrize("changes,what", [
    ({"network": "os.system"}, 'unknown network "os.system"; known: '),
    ({"network": "mpl"}, 'did you mean "mlp"'),
    ({"network": ["mlp"]}, 'key "network" is no str'),
    ({"format": 2}, "format 2 is not 1"),
    ({"env": "GONE"}, 'key "env" is missing'),
    ({"extra": 1}, 'unknown key "extra"'),
    ({"settings": {"hiden": 8}}, 'did you mean "hidden"'),
    ({"settings": {"hidden": 10**9}}, "an integer from 1 to 1024"),
    ({"settings": {"hidden": True}}, "an integer from 1 to 1024"),
    ({"settings": {"parts": [0]}}, "a list of integers"),
    ({"settings": {"inputs": 1 << 20, "hidden": 1024}}, "instead of"),
    ({"options": []}, 'key "options" is no dict'),
])
def test_hostile_configurations(folder, changes, what):
    rewrite(folder, **changes)
    with pytest.raises(PolicyError) as found:
        load(folder)
    assert what in str(found.value) and str(folder) in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("text,what", [
    ("!!python/object/apply:os.system ['touch /tmp/owned']", "no plain YAML"),
    ("a: &x [1]\nb: *x", "aliases"),
    ("[" * 5000, "nested too deeply"),
    ("- 1", "no mapping"),
    ("a: " + "x" * 200_000, "larger than"),
    (b"\xff\xfe\x00", "no plain YAML"),
    ("a: [1, 2", "no plain YAML"),
])
def test_hostile_yaml(tmp_path, text, what):
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PolicyError, match=what):
        read_yaml(path)


def _drop(tensors):
    tensors.pop("actor.0.weight")


def _poison(tensors):
    tensors["critic.0.bias"][0] = float("nan")


@pytest.mark.parametrize("change,what", [
    (_drop, 'tensor "actor.0.weight" is missing'),
    (lambda t: t.update(extra=torch.zeros(2)), 'unknown tensor "extra"'),
    (lambda t: t.update({"actor.0.weight": torch.zeros(3, 3)}), r"\[3, 3\] instead of"),
    (lambda t: t.update({"actor.0.weight": t["actor.0.weight"].double()}), "float64"),
    (_poison, "not finite"),
])
def test_hostile_weights(folder, change, what):
    reweigh(folder, change)
    with pytest.raises(PolicyError, match=what):
        load(folder)


@pytest.mark.parametrize("content", [
    b"", b"\x80\x04\x95pickle", b"PK\x03\x04" + b"0" * 100,
    struct.pack("<Q", 1 << 60) + b"{}",
    struct.pack("<Q", 2) + b"[]",
    struct.pack("<Q", 30) + json.dumps({"a": {"dtype": "F32"}}).encode().ljust(30),
])
def test_foreign_weight_files(folder, content):
    (folder / "policy.safetensors").write_bytes(content)
    with pytest.raises(PolicyError, match="not a safetensors file"):
        load(folder)


@pytest.mark.parametrize("name", ["policy.safetensors", "config.yaml"])
def test_truncated_files(folder, name):
    path = folder / name
    whole = path.read_bytes()
    for keep in (0, 5, len(whole) // 2):
        path.write_bytes(whole[:keep])
        with pytest.raises(PolicyError):
            load(folder)
    path.unlink()
    with pytest.raises(PolicyError, match="check the path"):
        load(folder)


def test_missing_folder(tmp_path):
    with pytest.raises(PolicyError, match="no such folder"):
        load(tmp_path / "none")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "a b"])
def test_names_that_are_no_folder_names(name):
    with pytest.raises(PolicyError, match="is no name"):
        folder_name(name)


def test_a_policy_of_another_size_says_so(folder):
    found = load(folder)
    with pytest.raises(PolicyError, match=r"agent\.network=set"):
        found.start(Identity(symbols=4))


def test_settings_are_checked_in_code_too():
    with pytest.raises(PolicyError, match=r"network\.depth.*from 1 to 8"):
        build("mlp", {"hidden": 8, "depth": 0})
