"""Train a policy: `python train.py env=blis agent=ppo`; `--help` lists all keys."""
from __future__ import annotations

from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from agents.entry import guard, run
from agents.schema import AGENTS, TrainConfig
from agents.task import run_folder

STORE = ConfigStore.instance()
STORE.store(name="train_schema", node=TrainConfig)
for name, schema in AGENTS.items():
    STORE.store(group="agent", name=f"{name}_schema", node=schema)
OmegaConf.register_new_resolver("run_folder", lambda *keys: str(run_folder(*keys)), use_cache=True)


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> None:
    """One run in Hydra's output folder."""
    with guard(TrainConfig):
        from agents.training import train

        train(OmegaConf.to_object(config), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    run(main, TrainConfig)
