"""Live trainings under the virtual clock: all that does not depend on what is learnt is known."""
import random

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from envs.core.oracles import differences
from envs.net2net.env import Net2NetEnv
from tests.net2net_kernel import clipped
from tests.reference.net2net.instances import fractions, timeline
from tests.reference.net2net.job import Job
from tests.reference.net2net.networks import action_count
from tests.reference.net2net.observation import observation
from tests.reference.net2net.recorded import ANY

pytest.importorskip("torch")
pytest.importorskip("sklearn")
SINGLE = 1e-6               # float32
LEARNT = slice(11, 19)      # entries of accuracies and losses
CELL = {"hw": [8, 8], "head": "gap", "classes": 10, "widths": [8, 16]}


def known(vector):
    """An observation without what is learnt."""
    return np.delete(np.array(vector, float), LEARNT).tolist()


def disagreements(job, observation_now, info):
    want = clipped([observation(job, [None] * (job.j + 1))])[0]
    return differences([known(want), job.mask()],
                       [known(observation_now[0]), info["action_mask"][0].tolist()],
                       f"decision {job.j}", SINGLE)


@pytest.mark.parametrize("seed", range(8))
def test_clock_network_and_masks(seed):
    """Without an undo, after which a step costs more while the network before teaches."""
    r = random.Random(seed)
    case = {"budget_ms": r.choice((40.0, 90.0)), "fractions": fractions(r)[:3],
            "action_set": r.choice(("depth", "grow", "malleable")), "cell": CELL,
            "profile": r.choice(("cpu", "multi", "gpu")),
            "theta": {**ANY, "kappa": [0] * 6, "lambda": [0] * 6}}
    case["gpu_timeline"] = timeline(r, case)
    job = Job(case)
    env = Net2NetEnv(1, autoreset_mode=AutoresetMode.DISABLED, scenario={
        "backend": "live", "profile": case["profile"], "gpu_timeline": case["gpu_timeline"],
        "cells": [{"cell": f"digits@{case['budget_ms']}/{case['action_set']}",
                   "fractions": case["fractions"]}]})
    seen, info = env.reset(seed=seed)
    lines = disagreements(job, seen, info)
    for _ in case["fractions"]:
        action = r.randrange(min(7, action_count(case["action_set"], 2)))
        job.act(action)
        seen, _, over, _, info = env.step(np.array([action]))
        lines += disagreements(job, seen, info)
    metrics = {key: float(values[0]) for key, values in info["metrics"].items()}
    want = {"steps": float(job.steps), "gpu_seconds": job.gpu_ms / 1000,
            "parameters": float(job.network.parameters(job.x)),
            "macs": float(job.network.macs(job.x))}
    lines += differences(want, {key: metrics[key] for key in want}, "metrics")
    env.close()
    assert over.all() and lines == []
