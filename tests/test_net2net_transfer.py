"""Transfer: the policy that is judged is the one that was trained, and learning starts there."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore

from agents import store, transfer
from agents.reinforce_episodes import EpisodeReinforce
from agents.schema import AGENTS, PRESETS, ReinforceConfig
from agents.transfer import COLUMNS, Stage, TransferConfig, fill, fingerprint, learn, policy_of
from envs.core.errors import ScenarioError
from envs.core.files import REPOSITORY

ROWS = [{"from": [{"cells": ["cnn1/early"]}], "to": {"cells": ["cnn1/late"]}},
        {"from": [{"cells": ["cnn1/early"]}, {"cells": ["cnn1/middle"], "episodes": 8}],
         "to": {"cells": ["cnn1/late"], "name": "last", "episodes": 0}}]
EXPERIMENTS = sorted(path.stem for path in (REPOSITORY / "conf" / "experiment").glob("*.yaml"))


def configuration(**changes):
    """Tiny runs on the published tables."""
    agent = ReinforceConfig(**{**PRESETS["mended"], "num_envs": 8, "hidden": 8})
    given = {"scenario": "published", "rows": ROWS, "agent": agent, "source_episodes": 16,
             "episodes": 16, "looks": 2}
    return TransferConfig(**{**given, **changes})


def stages(config, row=1):
    """The stages of a row's source."""
    return [Stage.of(config, given, config.source_episodes) for given in config.rows[row]["from"]]


def weights(policy):
    """All of a policy's numbers in one row."""
    return torch.cat([v.flatten() for v in policy.network.state_dict().values()])


def test_a_table_of_two_rows(tmp_path, capsys):
    for row in range(2):
        fill(configuration(row=row), tmp_path / str(row), tmp_path)
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert len(lines) == 4
    cells = [dict(zip(COLUMNS, (c.strip() for c in text.strip("|").split("|")), strict=True))
             for text in lines[2:]]
    assert (cells[0]["from"], cells[0]["to"]) == ("cnn1/early", "cnn1/late")
    assert (cells[1]["from"], cells[1]["to"]) == ("cnn1/early > cnn1/middle", "last")
    assert all(-5 < float(cells[0][c]) <= 1 for c in ("zero-shot", "after n", "scratch, n"))
    assert cells[1]["after n"] == cells[1]["scratch, n"] == "-"
    assert capsys.readouterr().out.splitlines() == lines


def test_the_policy_that_plays_is_the_one_that_was_trained(tmp_path):
    config = configuration()
    found = transfer.transfer(config, tmp_path)
    (folder,) = (tmp_path / "policies").iterdir()
    assert found["policy"] == fingerprint(folder)
    trained = learn(config, stages(config, 0)[0], None).policy
    assert torch.equal(weights(trained), weights(store.load(folder)))
    idle = learn(config, Stage.of(config, {"cells": ["cnn1/early"], "episodes": 0}, 0), None)
    assert not torch.equal(weights(trained), weights(idle.policy))
    target = Stage.of(config, ROWS[0]["to"], 0)
    assert found["zero-shot"] == transfer.score(trained, target.scenario)


def test_sources_learn_once(tmp_path, monkeypatch):
    config = configuration()
    first = policy_of(config, stages(config), tmp_path)
    assert len(list((tmp_path / "policies").iterdir())) == 2
    monkeypatch.setattr(transfer, "learn", None)
    assert policy_of(config, stages(config), tmp_path) == first
    assert policy_of(config, stages(config)[:1], tmp_path) != first


def test_a_stage_starts_from_the_weights_before_with_its_whole_entropy(tmp_path, monkeypatch):
    config, betas = configuration(), []
    losses_of = EpisodeReinforce.losses_of
    monkeypatch.setattr(EpisodeReinforce, "losses_of", lambda self, *given: (
        betas.append(given[-1]) or losses_of(self, *given)))
    before = store.load(policy_of(config, stages(config)[:1], tmp_path))
    idle = Stage.of(config, {"cells": ["cnn1/late"], "episodes": 0}, 0)
    assert torch.equal(weights(learn(config, idle, before).policy), weights(before))
    kept = weights(before).clone()
    after = learn(config, Stage.of(config, {"cells": ["cnn1/late"]}, 16), before)
    assert betas == pytest.approx([0.02, 0.01, 0.02, 0.01])
    assert torch.equal(weights(before), kept)
    assert not torch.equal(weights(after.policy), kept)
    assert [episodes for episodes, _ in after.looks] == [0, 8, 16]


def test_episodes_until_it_is_good_enough():
    assert transfer.Learned(None, [(0, 0.2), (64, 0.91), (128, 0.5)]).reached == 64
    assert transfer.Learned(None, [(0, 0.2)]).reached is None


@pytest.mark.parametrize("changes,what", [
    ({"row": 2}, "row=2: there are 2 rows"),
    ({"rows": [{"from": []}]}, r"rows\[0\]: is no row"),
    ({"rows": [{"from": [{"cells": ["cnn1/erly"]}], "to": {"cells": ["cnn1/late"]}}]}, "erly")])
def test_impossible_rows_are_refused(changes, what, tmp_path):
    with pytest.raises(ScenarioError, match=what):
        fill(configuration(**changes), tmp_path / "0", tmp_path)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_sweeps_all_its_rows(name):
    place = ConfigStore.instance()
    place.store(name="transfer_schema", node=TransferConfig)
    place.store(group="agent", name="reinforce_schema", node=AGENTS["reinforce"])
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        config = compose("transfer", [f"experiment={name}"])
    assert config.table == name
    assert config.agent.episodes and config.agent.group == 8
    for row in config.rows:
        assert set(row) == {"from", "to"}
    own = yaml.safe_load(Path(REPOSITORY / "conf" / "experiment" / f"{name}.yaml").read_text())
    assert own["hydra"]["sweeper"]["params"]["row"] == f"range(0,{len(config.rows)})"


def test_the_published_openings_are_held_out_in_turn():
    config = yaml.safe_load((REPOSITORY / "conf" / "experiment" / "openings.yaml").read_text())
    learned = {cell for row in config["rows"] for stage in row["from"] for cell in stage["cells"]}
    played = {cell for row in config["rows"] for cell in row["to"]["cells"]}
    assert {c.partition("/")[2] for c in learned} == {"early", "middle", "late"}
    assert {"cnn1/early_middle", "cnn1/middle_late"} <= played - learned
