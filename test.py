"""Compare policies and baselines on held-out windows: `python test.py env=blis`."""
from __future__ import annotations

from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from agents.entry import guard, run, settings
from agents.evaluation.settings import TestConfig

ConfigStore.instance().store(name="test_schema", node=TestConfig)


@hydra.main(version_base="1.3", config_path="conf", config_name="test")
def main(config: DictConfig) -> None:
    """One comparison; its files go to Hydra's output folder."""
    with guard(TestConfig):
        from agents.evaluation.command import evaluate

        evaluate(settings(config, TestConfig), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    run(main, TestConfig)
