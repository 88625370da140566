"""The oracle files of the domain, run through its kernels, planners, operators and trainer.

A file is told by the `schema` at its top; tests/oracles/README.md describes each.
"""
from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from envs.core.oracles import Check, Content, Kinds, Outcome
from envs.net2net.oracles.episodes import check_env
from envs.net2net.oracles.jobs import check_jobs
from envs.net2net.oracles.model import check_parametric
from envs.net2net.oracles.published import check_published
from envs.net2net.oracles.recorder import check_recorder


def _operators(check: str) -> Check:
    """A check of the operators, which need torch."""

    def run(name: str, content: Content) -> Iterator[Outcome]:
        return getattr(import_module("envs.net2net.oracles.operators"), check)(name, content)

    return run


KINDS: Kinds = {
    "net2net-parametric/1": check_parametric,
    "net2net-env/1": check_env,
    "net2net-jobs/1": check_jobs,
    "net2net-peer-expected/1": check_published,
    "net2net-recorder/1": check_recorder,
    "net2net-nets/1": _operators("check_nets"),
    "net2net-net-counts/1": _operators("check_counts"),
    "net2net-operators/1": _operators("check_operators"),
}
