"""Saved policies: `policy.safetensors`, `config.yaml`, `card.md`, `results.csv` in one folder.

Reading one runs no code of the file: the configuration is plain YAML of known keys, the network
a name of the registry, the weights a table of tensors whose names, shapes and values are checked.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from agents.checkpoints import read_limited, read_tensors, whole_folder, write_tensors
from agents.networks import build
from envs.core.errors import PolicyError, nearest

if TYPE_CHECKING:
    from agents.networks.acting import NetworkPolicy
    from agents.networks.network import Network

FORMAT = 1
LARGEST_CONFIG = 1 << 17        # bytes
DEEPEST = 20                    # levels of YAML
WEIGHTS, CONFIG, CARD, RESULTS = "policy.safetensors", "config.yaml", "card.md", "results.csv"


@dataclass(frozen=True)
class PolicyConfig:
    """Everything needed to rebuild a policy; `trained_on` and `versions` only inform."""

    format: int
    env: str                                    # short name of the environment
    network: str                                # name in the registry
    settings: dict[str, Any]                    # of the network
    options: dict[str, Any] = field(default_factory=dict)       # scenario options it acts under
    trained_on: dict[str, Any] = field(default_factory=dict)    # scenario, trace, agent, seed
    versions: dict[str, Any] = field(default_factory=dict)


def folder_name(name: str) -> str:
    """A name that is safe as a folder under `saved_models/<env>/`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise PolicyError(f'"{name}" is no name for a saved policy', "save",
                          "use letters, digits, _ - . and at most 64 of them")
    return name


def save(folder: str | Path, policy: NetworkPolicy, *, card: str = "", results: str = "",
         trained_on: Mapping[str, Any] | None = None, replace: bool = False) -> Path:
    """Write the folder as a whole; an existing one is an error unless `replace`."""
    folder = Path(folder)
    if folder.exists() and not replace:
        raise PolicyError("a policy of this name exists", str(folder),
                          "choose another name or say replace=true")
    config = PolicyConfig(FORMAT, policy.env, policy.network_name, _plain(asdict(
        policy.network.config)), _plain(policy.options), _plain(trained_on or {}), versions())
    text = yaml.safe_dump(asdict(config), sort_keys=False, width=100)
    with whole_folder(folder) as part:
        write_tensors(part / WEIGHTS, policy.network.state_dict())
        (part / CONFIG).write_text(text)
        (part / CARD).write_text(card or f"# {folder.name}\n")
        (part / RESULTS).write_text(results)
    return folder


def load(folder: str | Path, device: str = "cpu") -> NetworkPolicy:
    """A policy as it was saved; whatever is wrong with the folder is one `PolicyError`.

    It acts on one torch thread: small networks on two were 35 times slower on a busy machine.
    """
    import torch

    from agents.networks.acting import NetworkPolicy

    torch.set_num_threads(1)
    folder = Path(folder)
    if not folder.is_dir():
        raise PolicyError("no such folder", str(folder), "give the folder of a saved policy")
    config = read_config(folder / CONFIG)
    where = f"{folder / CONFIG}, settings"
    network = _filled(config, folder / WEIGHTS, where)
    return NetworkPolicy(network.to(device), config.network, name=folder.name, env=config.env,
                         options=config.options)


def read_config(path: Path) -> PolicyConfig:
    """The checked `config.yaml` of a saved policy."""
    content = read_yaml(path)
    known = {f.name: f for f in fields(PolicyConfig)}
    for key in content:
        if key not in known:
            raise PolicyError(f'unknown key "{key}"', str(path), nearest(key, known))
    for name in ("format", "env", "network", "settings"):
        if name not in content:
            raise PolicyError(f'key "{name}" is missing', str(path), "save the policy again")
    for key, value in content.items():
        kind = {"format": int, "env": str, "network": str}.get(key, dict)
        if not isinstance(value, kind):
            raise PolicyError(f'key "{key}" is no {kind.__name__}', str(path),
                              "save the policy again")
    if content["format"] != FORMAT:
        raise PolicyError(f"format {content['format']} is not {FORMAT}", str(path),
                          "save the policy again with this version")
    return PolicyConfig(**content)


def read_yaml(path: Path, remedy: str = "save the policy again") -> dict[str, Any]:
    """A mapping of plain values: no tags, no aliases, bounded size."""
    text = read_limited(path, LARGEST_CONFIG, "configuration")
    try:
        decoded = text.decode("utf-8")
        _check_events(decoded, str(path), remedy)
        content = yaml.safe_load(decoded)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as problem:
        if isinstance(problem, PolicyError):
            raise
        reason = str(problem).splitlines()[0][:80] if str(problem) else type(problem).__name__
        raise PolicyError(f"no plain YAML ({reason})", str(path), remedy) from None
    if not isinstance(content, dict):
        raise PolicyError("no mapping of keys", str(path), remedy)
    return content


def _check_events(text: str, where: str, remedy: str) -> None:
    """No aliases, which can multiply without bound, and no deep nesting."""
    depth = 0
    for event in yaml.parse(text):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
            what = "YAML aliases are not allowed" if depth <= DEEPEST else "nested too deeply"
            raise PolicyError(what, where, remedy)


def _filled(config: PolicyConfig, weights: Path, where: str) -> Network:
    """The network with the file's weights; shapes are compared before memory is taken."""
    import torch

    with torch.device("meta"):
        expected = build(config.network, config.settings, where).state_dict()
    tensors, _ = read_tensors(weights)
    check_weights(tensors, expected, str(weights))
    network = build(config.network, config.settings, where)
    network.load_state_dict(tensors)
    return network


def check_weights(tensors: Mapping[str, Any], expected: Mapping[str, Any], where: str) -> None:
    """Names, types, shapes and finite values as the network has them."""
    remedy = "the file belongs to another network; save the policy again"
    for name in expected:
        if name not in tensors:
            raise PolicyError(f'tensor "{name}" is missing', where, remedy)
    for name, tensor in tensors.items():
        if name not in expected:
            raise PolicyError(f'unknown tensor "{name[:60]}"', where, remedy)
        wanted = expected[name]
        if tensor.dtype != wanted.dtype or tensor.shape != wanted.shape:
            raise PolicyError(
                f'tensor "{name}" is {tensor.dtype} {list(tensor.shape)} instead of '
                f"{wanted.dtype} {list(wanted.shape)}", where, remedy)
        if not bool(tensor.isfinite().all()):
            raise PolicyError(f'tensor "{name}" has values that are not finite', where,
                              "train again with a smaller learning rate")


def saved(root: str | Path, env: str) -> list[Path]:
    """The folders of all saved policies of an environment."""
    return sorted(p.parent for p in Path(root, env).glob(f"*/{CONFIG}"))


def versions() -> dict[str, str]:
    """What the policy was made with."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("torch", "numpy", "gymnasium", "stable-baselines3", "sb3-contrib"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    """Mappings, lists and scalars that YAML writes without tags."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if hasattr(value, "item") else value
