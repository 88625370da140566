"""Names of the entries of an observation."""
from __future__ import annotations

from collections.abc import Sequence

from envs.net2net.cells import DEEPEST, Cell, action_names

GENERAL = (
    "clock", "to_next", "log_budget_steps", "decision", "actions_taken", "learning_rate", "gpus",
    "since_gpu_change", "log_step_cost", "log_parameters", "log_macs", "accuracy_measured",
    "accuracy", "accuracy_before", "accuracy_change", "losses_measured", "val_loss", "train_loss",
    "loss_difference", "since_edit",
)
STAGE = ("depth", "log_width", "kernel", "macs_share")
ACTION = ("log_step_cost_after", "log_parameters_after")
LAYER = ("is_conv", "is_pool", "is_head", "log_in", "log_out", "kernel", "pixels", "added")


def feature_names(cell: Cell, tasks: Sequence[str] = ()) -> tuple[str, ...]:
    """In the order of the observation; `tasks` are the cells of its one-hot."""
    return (*GENERAL,
            *(f"stage{s}.{name}" for s in range(cell.stages) for name in STAGE),
            *(f"{action.replace(' ', '_')}.{name}"
              for action in action_names(cell.action_set, cell.stages) for name in ACTION),
            *(f"layer{k}.{name}" for k in range((DEEPEST + 1) * cell.stages) for name in LAYER),
            *(f"cell.{task}" for task in tasks))
