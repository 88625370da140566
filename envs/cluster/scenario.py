"""A scenario: the cluster and the options; validated once.

    scenario = load_scenario("philly-32", {"order": "srtf", "preempt": "strict"})
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envs.cluster.cluster import Cluster
from envs.cluster.options import Options
from envs.cluster.units import us
from envs.core.configs import beside, load_config, merged, names_in, read_yaml
from envs.core.errors import ScenarioError
from envs.core.options import as_mapping, build

FOLDER = Path(__file__).parent / "scenarios"
CLUSTER = ("types", "nodes", "classes", "events")


@dataclass(frozen=True)
class Scenario:
    """Everything about a run but its jobs."""

    name: str
    cluster: Cluster
    options: Options
    config: Mapping[str, Any]
    folder: Path | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "", folder: Path | None = None):
        """Build and check; `where` names the file in errors, `folder` anchors relative paths."""
        config = as_mapping(config, where)
        flat = {k: v for k, v in config.items() if k not in ("name", "cluster", *CLUSTER)}
        options = build(Options, flat, f"{where}:" if where else "")
        cluster = _cluster(config, where, folder)
        for effective, place in variants(options):
            _check_together(effective, f"{where}: {place}" if where else place)
        _check_cluster(options, cluster, where)
        return cls(str(config.get("name", "scenario")), cluster, options, config, folder)

    def replace(self, **keys: Any) -> Scenario:
        """The scenario with whole top-level values replaced."""
        built = Scenario.from_config({**self.config, **keys}, self.name, self.folder)
        return replace(built, name=self.name)

    def merge(self, overrides: Mapping[str, Any]) -> Scenario:
        """The scenario with nested keys replaced one by one."""
        return self.replace(**merged(self.config, overrides))


def load_scenario(name_or_path: str | Path | Mapping[str, Any],
                  overrides: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario that ships under this name, the scenario or cluster file at this path, or what
    such a file would hold."""
    return load_config(Scenario.from_config, name_or_path, FOLDER, overrides)


def scenario_names() -> list[str]:
    """The scenarios that ship with the suite."""
    return names_in(FOLDER)


def variants(options: Options) -> Iterator[tuple[Options, str]]:
    """The options as given, and as every candidate changes them, each with its place."""
    yield options, "options"
    if options.lookahead:
        for i, candidate in enumerate(options.lookahead.candidates):
            yield replace(options, **candidate), f"lookahead.candidates[{i}]"
    if options.env.control == "policy":
        for i, candidate in enumerate(options.env.candidates):
            yield replace(options, **candidate), f"env.candidates[{i}]"


def _cluster(config: Mapping, where: str, folder: Path | None) -> Cluster:
    """The cluster under `cluster` (inline or a path), with parts that stand beside it."""
    apart = {key: config[key] for key in CLUSTER if key in config}
    given = config.get("cluster")
    if given is None and not apart:
        raise ScenarioError("no cluster is given", where, "add `cluster: {types: ..., nodes: ...}`")
    if isinstance(given, str | Path):
        path = beside(given, folder)
        where, given = str(path), read_yaml(path)
        for key in given:
            if key in ("cluster", *Options.__dataclass_fields__):
                raise ScenarioError(f'"{key}" belongs to a scenario, not to a cluster', where,
                                    "say scenario=FILE, or move it to the scenario")
    given = as_mapping({} if given is None else given, f"{where}: cluster" if where else "cluster")
    for key in apart:
        if key in given:
            raise ScenarioError(f'"{key}" stands in the cluster and beside it', where,
                                "give it once")
    return Cluster.from_config({**given, **apart}, where)


def _check_together(options: Options, where: str) -> None:
    if options.misfit == "reserve" and options.preempt != "off":
        raise ScenarioError(f"misfit: reserve does not go with preempt: {options.preempt}", where,
                            "set preempt: off, or misfit: skip")


def _check_cluster(options: Options, cluster: Cluster, where: str) -> None:
    place = where or "options"
    if options.share and options.elastic:
        raise ScenarioError("share and elastic are both given", place, "choose one")
    if options.share and options.mode == "event":
        raise ScenarioError("share needs mode: round", place, "set mode: round, or drop share")
    if options.elastic and options.elastic.policy == "sia" and options.mode == "event":
        raise ScenarioError("sia needs mode: round", f"{place}: elastic.policy",
                            "set mode: round, or use optimus")
    if options.elastic and options.elastic.policy == "optimus" and len(cluster.types) > 1:
        raise ScenarioError(f"optimus knows one GPU type, the cluster has {len(cluster.types)}: "
                            + ", ".join(cluster.types), f"{place}: elastic.policy",
                            "use sia, or a cluster of one type")
    _check_share(options, cluster, place)
    _check_interval(options, place)


def _check_share(options: Options, cluster: Cluster, where: str) -> None:
    share, types = options.share, len(cluster.types)
    if share is None:
        return
    if share.policy == "fixed" and share.X is None:
        raise ScenarioError("policy fixed needs X", f"{where}: share.X", "give jobs x types")
    if share.policy == "hierarchical" and not share.entities:
        raise ScenarioError("policy hierarchical needs entities", f"{where}: share.entities",
                            "write [{weight, rule, jobs: trace lines}, ...]")
    for row in share.X or ():
        if len(row) != types:
            raise ScenarioError(f"a row has {len(row)} figures for {types} GPU types",
                                f"{where}: share.X", "give one figure per type")
    if share.price is not None and len(share.price) != types:
        raise ScenarioError(f"{len(share.price)} prices for {types} GPU types",
                            f"{where}: share.price", "give one price per type")


def _check_interval(options: Options, where: str) -> None:
    control = options.mode == "round" and options.env.control == "policy"
    if control and us(options.env.interval_s) % us(options.round_s):
        raise ScenarioError(f"{options.env.interval_s:g} s is no multiple of round_s "
                            f"({options.round_s:g})", f"{where}: env.interval_s",
                            "round it to whole rounds")
