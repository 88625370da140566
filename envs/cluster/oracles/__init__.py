"""The oracle files of the domain, run through its kernels and planners.

tests/oracles/README.md gives the schema of each kind.
"""
from envs.cluster.oracles.goodput import check_goodput
from envs.cluster.oracles.inputs import check_inputs
from envs.cluster.oracles.instances import check_instance
from envs.cluster.oracles.queueing import check_queue
from envs.cluster.oracles.recorded import check_recorded, check_scenario
from envs.cluster.oracles.shares import check_shares
from envs.cluster.oracles.sia import check_sia
from envs.core.oracles import Kinds

KINDS: Kinds = {
    "index.json": check_recorded,
    ("cluster", "jobs", "expected"): check_instance,
    ("trace", "runs"): check_scenario,
    ("speed", "capacity", "expected"): check_shares,
    "config_gpus": check_sia,
    "params": check_goodput,
    "theory_mean_jct_s": check_queue,
    "cases": check_inputs,
}
