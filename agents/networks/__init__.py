"""Networks by name: what a saved policy may be rebuilt from.

`agent.network=auto` means the network of the environment that learns fastest: it scores one change
at a time by what demand and capacity say. `set` learns from entities alone, `mlp` has a fixed size.
"""
from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from envs.core.errors import PolicyError, nearest

if TYPE_CHECKING:
    from agents.networks.network import Network

REGISTRY = {
    "mlp": ("agents.networks.mlp", "Mlp"),
    "blis_set": ("agents.networks.blis", "BlisNetwork"),
    "blis_pricing": ("agents.networks.pricing", "PricingNetwork"),
    "blis_accuracy_set": ("agents.networks.blis_accuracy", "BlisAccuracyNetwork"),
    "blis_accuracy_marginal": ("agents.networks.marginal", "MarginalNetwork"),
    "cluster_set": ("agents.networks.cluster", "ClusterNetwork"),
    "dag_set": ("agents.networks.dag", "DagNetwork"),
    "dag_graph": ("agents.networks.dag", "GraphNetwork"),
    "net2net_layers": ("agents.networks.net2net", "LayersNetwork"),
    "net2net_blind": ("agents.networks.net2net", "BlindNetwork"),
}
AUTO = {"blis": "pricing", "blis_accuracy": "marginal", "cluster": "set", "dag": "set",
        "net2net": "layers"}


def network_class(name: str, where: str = "network") -> type[Network]:
    """The class behind a registry name; anything else is a `PolicyError`."""
    if not isinstance(name, str) or name not in REGISTRY:
        raise PolicyError(f'unknown network "{name}"', where, nearest(name, REGISTRY))
    module, attribute = REGISTRY[name]
    return getattr(import_module(module), attribute)


def registry_name(network: str, env: str, space: Any = None) -> str:
    """`auto`, `set`, `marginal`, `pricing` or `mlp` as the user says it -> name in the registry."""
    if network == "auto":
        one_change = env != "blis_accuracy" or not hasattr(space, "nvec")
        network = AUTO.get(env, "mlp") if one_change else "set"
    own = f"{env}_{network}"
    name = own if own in REGISTRY else network
    if name not in REGISTRY:
        raise PolicyError(f'no network "{network}" for env={env}', "agent.network",
                          "known: " + ", ".join(sorted(REGISTRY)))
    return name


def build(name: str, settings: Mapping[str, Any], where: str = "network") -> Network:
    """A fresh network of this name; settings are checked."""
    cls = network_class(name, where)
    return cls(cls.Config.build(settings, where))


def for_environment(name: str, env: Any, settings: Mapping[str, Any]) -> Network:
    """A fresh network bound to an environment."""
    network = build(name, {**settings, **network_class(name).settings(env)})
    network.start(env)
    network.prepare(env)
    return network
