"""What an observation holds: the parts, their shapes, and a name for every column."""
from __future__ import annotations

import numpy as np
from gymnasium import spaces

from envs.dag.options import EnvOptions
from envs.dag.rules.nodes import NODE_FEATURES
from envs.dag.rules.observe import GLOBAL_FEATURES, SLOT_FEATURES, WORKER_FEATURES

KIND_NAMES = tuple(f"kind_{k}" for k in range(8))
SLOT_NAMES = ("used", "duration", "least", "ratio", "fetch", "missing", "estimate", "margin",
              "tail", "tail_share", "successors", "released", "waited", "overflow", "size",
              "job_held", "job_open", *KIND_NAMES)
WORKER_NAMES = ("asks", "busy", "free", "held", "waited", "memory", "in_free", "out_free",
                "type_0", "type_1", "type_2", "type_3")
GLOBAL_NAMES = ("eligible", "beyond", "held", "blocked", "now", "since_decision", "jobs", "sigma",
                "wait_legal", "finished")
NODE_NAMES = ("used", "ready", "assigned", "eligible", "least", "ratio", "tail", "finish", "slot",
              "blockers", "successors", "waited", *KIND_NAMES)


def observed(options: EnvOptions, workers: int) -> tuple[dict[str, tuple[str, ...]], spaces.Dict]:
    """Names of the columns and space of every part of an observation."""
    names = {"slots": SLOT_NAMES, "workers": WORKER_NAMES, "global": GLOBAL_NAMES,
             "action_mask": (*(f"slot_{k}" for k in range(options.slots)), "wait")}
    shapes = {"slots": (options.slots, SLOT_FEATURES), "workers": (workers, WORKER_FEATURES),
              "global": (GLOBAL_FEATURES,)}
    parts: dict[str, spaces.Space] = {
        "action_mask": spaces.Box(0, 1, (options.slots + 1,), np.int8)}
    if options.view == "graph":
        names |= {"nodes": NODE_NAMES, "edges": ("from", "to")}
        shapes["nodes"] = (options.nodes, NODE_FEATURES)
        parts["edges"] = spaces.Box(-1, options.nodes - 1, (2, options.edges), np.int32)
    parts |= {k: spaces.Box(-1.0, 1.0, shape, np.float32) for k, shape in shapes.items()}
    return names, spaces.Dict(parts)
