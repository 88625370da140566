"""The oracle files of the domain, run through its kernels, planners, operators and trainer.

A file is told by the `schema` at its top; tests/oracles/README.md describes each.
"""
from envs.core.oracles import Kinds
from envs.net2net.oracles.model import check_parametric

KINDS: Kinds = {
    "net2net-parametric/1": check_parametric,
}
