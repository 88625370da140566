"""A scenario: the cluster, the profile of the models, and the options; validated once.

    scenario = load_scenario("zipf_exponential", {"routing": {"policy": "jseq"}})
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envs.blis.options import Options
from envs.blis.profiles import Variant, from_entries, read_profile
from envs.core.configs import beside, find_config, merged, names_in, read_yaml
from envs.core.errors import ScenarioError, nearest
from envs.core.options import as_integer, as_list, as_mapping, as_number, build

FOLDER = Path(__file__).parent / "scenarios"
MOST_DEVICES = 100_000      # of one type; the memory of a replica grows with them
APART = ("accelerators", "cluster", "profile", "name")


@dataclass(frozen=True)
class Accelerator:
    """`count` devices of one type; `profile` is the profile column with their latencies."""

    name: str
    count: int
    profile: str
    load_mb_per_s: float = 1000.0
    load_fixed_ms: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """Everything about a run but its requests."""

    name: str
    accelerators: tuple[Accelerator, ...]
    profile: tuple[Variant, ...]
    options: Options
    config: Mapping[str, Any]
    folder: Path | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "", folder: Path | None = None):
        """Build and check; `where` names the file in errors, `folder` anchors relative paths."""
        where = f"{where}:" if where else ""
        config = as_mapping(config, where)
        known = {k: v for k, v in config.items() if k not in APART}
        options = build(Options, known, where)
        _check_horizon(options, where)
        accelerators = _accelerators(config, where, folder)
        profile = _profile(config, options, accelerators, where, folder)
        _check_loads(accelerators, profile, options, where)
        return cls(str(config.get("name", "scenario")), accelerators, profile, options, config,
                   folder)

    def replace(self, **keys: Any) -> Scenario:
        """The scenario with whole top-level values replaced."""
        built = Scenario.from_config({**self.config, **keys}, self.name, self.folder)
        return replace(built, name=self.name)

    def merge(self, overrides: Mapping[str, Any]) -> Scenario:
        """The scenario with nested keys replaced one by one."""
        return self.replace(**merged(self.config, overrides))


def load_scenario(name_or_path: str | Path, overrides: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario that ships under this name, or the YAML file at this path."""
    path = find_config(str(name_or_path), FOLDER)
    config = {"name": path.stem, **read_yaml(path)}
    return Scenario.from_config(merged(config, overrides or {}), str(name_or_path), path.parent)


def scenario_names() -> list[str]:
    """The scenarios that ship with the suite."""
    return names_in(FOLDER)


def _check_horizon(options: Options, where: str) -> None:
    horizon = options.horizon_ms
    if horizon is not None and horizon % options.window_ms != 0:
        raise ScenarioError(f"{horizon:g} ms is no positive multiple of window_ms "
                            f"({options.window_ms:g})", f"{where} horizon_ms".strip(),
                            "round it to whole windows")
    if options.episode.random_start and horizon is None:
        raise ScenarioError("random_start needs a horizon", f"{where} episode".strip(),
                            "set horizon_ms")


def _accelerators(config: Mapping, where: str, folder: Path | None) -> tuple[Accelerator, ...]:
    place = f"{where} accelerators".strip()
    entries = config.get("accelerators")
    if entries is None:
        cluster = config.get("cluster")
        if isinstance(cluster, str | Path):
            place = str(cluster)
            cluster = read_yaml(beside(cluster, folder))
        if cluster is None:
            raise ScenarioError("no cluster is given", where.rstrip(":"),
                                "add `accelerators: [...]`")
        entries = as_mapping(cluster, f"{where} cluster".strip()).get("accelerators", [])
    found = tuple(_accelerator(e, f"{place}[{i}]") for i, e in enumerate(as_list(entries, place)))
    names = [a.name for a in found]
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise ScenarioError(f'two accelerators are named "{twice}"', place, "rename one")
    if sum(a.count for a in found) == 0:
        raise ScenarioError("the cluster has no device", place, "give a count of at least 1")
    return found


def _accelerator(entry: Any, where: str) -> Accelerator:
    entry = as_mapping(entry, where)
    known = ("name", "count", "profile", "load_mb_per_s", "load_fixed_ms")
    for key in entry:
        if key not in known:
            raise ScenarioError("unknown key", f"{where}.{key}", nearest(key, known))
    for key in ("name", "count"):
        if key not in entry:
            raise ScenarioError(f'"{key}" is missing', where, f"add `{key}: ...`")
    name = str(entry["name"])
    return Accelerator(
        name, as_integer(entry["count"], f"{where}.count", low=0, high=MOST_DEVICES),
        str(entry.get("profile", name)),
        as_number(entry.get("load_mb_per_s", 1000.0), f"{where}.load_mb_per_s", above=0),
        as_number(entry.get("load_fixed_ms", 0.0), f"{where}.load_fixed_ms", low=0))


def _profile(config: Mapping, options: Options, accelerators, where: str,
             folder: Path | None) -> tuple[Variant, ...]:
    source = config.get("profile", "proteus_profile.csv")
    if isinstance(source, str | Path):
        path = beside(source, FOLDER if source == "proteus_profile.csv" else folder)
        profile = read_profile(path)
        place = str(source)
    else:
        place = f"{where} profile".strip()
        profile = from_entries(as_list(source, place), place)
    columns = {column for variant in profile for column in variant.latency_ms}
    for accelerator in accelerators:
        if accelerator.profile not in columns:
            raise ScenarioError(f'the profile has no column "{accelerator.profile}"',
                                f"{where} accelerators.{accelerator.name}".strip(),
                                nearest(accelerator.profile, sorted(columns)))
    return _allowed(profile, options.variants, place)


def _allowed(profile: tuple[Variant, ...], names: tuple[str, ...] | None, where: str):
    """Restrict to option `variants`, given as names or as family/variant."""
    if names is None:
        return profile
    known = {v.name for v in profile} | {f"{v.family}/{v.name}" for v in profile}
    for name in names:
        if name not in known:
            raise ScenarioError(f'unknown variant "{name}"', f"{where} variants",
                                nearest(name, sorted(known)))
    return tuple(v for v in profile if v.name in names or f"{v.family}/{v.name}" in names)


def _check_loads(accelerators, profile, options: Options, where: str) -> None:
    if options.load_scale == 0:
        return
    for variant in profile:
        for a in accelerators:
            unknown = variant.size_mb is None and a.profile not in variant.load_ms
            if a.profile in variant.latency_ms and unknown:
                raise ScenarioError(
                    f"{variant.family}/{variant.name} on {a.name} has neither load_ms nor size_mb",
                    f"{where} profile".strip(), "give one of them, or set load_scale: 0")
