"""Transfer between jobs of `net2net`: `python scripts/transfer.py experiment=budgets`; `--help`."""
from __future__ import annotations

from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from agents.entry import guard, run
from agents.schema import AGENTS
from agents.transfer import TransferConfig

STORE = ConfigStore.instance()
STORE.store(name="transfer_schema", node=TransferConfig)
for name, schema in AGENTS.items():
    STORE.store(group="agent", name=f"{name}_schema", node=schema)


@hydra.main(version_base="1.3", config_path="../conf", config_name="transfer")
def main(config: DictConfig) -> None:
    """One row; the table so far lies beside the rows' folders."""
    with guard(TransferConfig):
        from agents.transfer import fill

        here = HydraConfig.get()
        place = Path(here.runtime.output_dir)
        swept = here.mode == RunMode.MULTIRUN
        fill(OmegaConf.to_object(config), place, place.parent if swept else place)


if __name__ == "__main__":
    run(main, TransferConfig)
