"""Parameters of the learning-curve model and the file of fitted sets.

    theta = theta_for(cell, read_thetas()).theta        # the shipped fit of a cell
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from envs.core.errors import ScenarioError, nearest, ranked
from envs.core.files import REPOSITORY, parse_json, path_of, write_whole
from envs.core.options import as_list, as_mapping, as_number
from envs.net2net.cells import ACTION_SETS, Cell, Network

SCHEMA = "net2net-theta/1"
SHIPPED = REPOSITORY / "traces" / "net2net" / "theta.json"
PER_STAGE = 3           # coefficients: deepenings, doublings of the width, kernel steps
LIMITS: dict[str, dict[str, float]] = {
    "e0": {"above": 0, "high": 1}, "einf": {"above": 0}, "tau0": {"above": 0}, "beta": {"above": 0},
    "c": {"low": 0}}
KEYS = (*LIMITS, "kappa", "lambda")


@dataclass(frozen=True)
class Theta:
    """θ: e0 error at the start, einf and tau0 (steps) of the base network's curve, exponent beta,
    c what a high learning rate costs, kappa and lam how architectures change einf and tau0."""

    e0: float
    einf: float
    tau0: float
    beta: float
    c: float
    kappa: tuple[float, ...]        # 3S: deepenings, doublings of the width, kernel steps by stage
    lam: tuple[float, ...]

    def __post_init__(self) -> None:
        for key, limits in LIMITS.items():
            as_number(getattr(self, key), key, **limits)
        _coefficients(self.kappa, len(self.kappa) // PER_STAGE, "kappa")
        _coefficients(self.lam, len(self.kappa) // PER_STAGE, "lambda")

    @classmethod
    def from_config(cls, mapping: Mapping[str, Any], stages: int, where: str = "") -> Theta:
        """From `{e0, einf, tau0, beta, c, kappa, lambda}`; raises `ScenarioError`."""
        given, prefix = as_mapping(mapping, where or "theta"), f"{where}." if where else ""
        _check_keys(given, KEYS, prefix)
        numbers = {key: as_number(given[key], prefix + key, **limits)
                   for key, limits in LIMITS.items()}
        return cls(**numbers, kappa=_coefficients(given["kappa"], stages, f"{prefix}kappa"),
                   lam=_coefficients(given["lambda"], stages, f"{prefix}lambda"))

    def to_config(self) -> dict[str, Any]:
        """What `from_config` reads."""
        config = {key: getattr(self, key) for key in LIMITS}
        return {**config, "kappa": list(self.kappa), "lambda": list(self.lam)}


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the observed error: of a run as a whole and of each measurement."""

    run: float = 0.0
    curve: float = 0.0

    @classmethod
    def from_config(cls, mapping: Mapping[str, Any], where: str = "noise") -> Noise:
        """From `{run, curve}`, both 0 where they are missing."""
        given = as_mapping(mapping, where)
        for key in given:
            if key not in ("run", "curve"):
                raise ScenarioError("unknown key", f"{where}.{key}", nearest(key, ("run", "curve")))
        return cls(**{key: as_number(value, f"{where}.{key}", low=0)
                      for key, value in given.items()})


@dataclass(frozen=True)
class FittedSet:
    """θ of a table cell, or of all budgets of a task, with the noise around it."""

    name: str                           # pair_max@1500/depth, or joint: pair_max/depth
    network: Network
    action_set: str
    fractions: tuple[float, ...]
    theta: Theta
    noise: Noise = Noise()
    fit: Mapping[str, Any] = field(default_factory=dict)    # seeds, errors, rank correlations

    @classmethod
    def from_config(cls, name: str, mapping: Mapping[str, Any], where: str) -> FittedSet:
        """From an entry of a file of sets."""
        given = as_mapping(mapping, where)
        known = ("cell", "action_set", "fractions", "theta", "noise", "fit")
        _check_keys(given, known, f"{where}.", needed=known[:4])
        if given["action_set"] not in ACTION_SETS:
            raise ScenarioError(f'unknown action set "{given["action_set"]}"',
                                f"{where}.action_set", ranked(given["action_set"], ACTION_SETS))
        network = Network.from_config(given["cell"], f"{where}.cell")
        return cls(
            name, network, given["action_set"],
            tuple(as_number(f, f"{where}.fractions", low=0, below=1)
                  for f in as_list(given["fractions"], f"{where}.fractions")),
            Theta.from_config(given["theta"], network.stages, f"{where}.theta"),
            Noise.from_config(given.get("noise", {}), f"{where}.noise"),
            as_mapping(given.get("fit", {}), f"{where}.fit"),
        )

    def to_config(self) -> dict[str, Any]:
        """What `from_config` reads."""
        return {"cell": self.network.to_config(), "action_set": self.action_set,
                "fractions": list(self.fractions), "theta": self.theta.to_config(),
                "noise": asdict(self.noise), "fit": dict(self.fit)}


def read_thetas(path: str | Path | None = None) -> Mapping[str, FittedSet]:
    """The sets of a file by name; None: those that ship."""
    path = SHIPPED if path is None else path_of(path)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise ScenarioError("cannot be read", str(path), str(error)) from None


def write_thetas(path: str | Path, sets: Mapping[str, FittedSet]) -> None:
    """Write the sets whole; `read_thetas` returns the same."""
    entries = {name: one.to_config() for name, one in sets.items()}
    text = json.dumps({"schema": SCHEMA, "sets": entries}, indent=1)
    write_whole(Path(path), f"{text}\n".encode())


def theta_for(cell: Cell, sets: Mapping[str, FittedSet]) -> FittedSet:
    """The set that speaks for a cell: the one that it names, its own, the joint one of its task.

    The edits of `malleable` are those of `grow`, and it takes the same sets.
    """
    grown = [name.replace("/malleable", "/grow") for name in (cell.name, cell.joint)]
    names = [cell.prior] if cell.prior else [cell.name, cell.joint, *grown]
    for name in names:
        if name in sets:
            return _fitting(sets[name], cell)
    raise ScenarioError(f"no parameters are fitted for {names[0]}", "theta",
                        f"{nearest(names[0], sets)}; say `theta: NAME` in the cell, or fit them "
                        "with scripts/fit_net2net.py")


def _fitting(found: FittedSet, cell: Cell) -> FittedSet:
    if found.network.stages != cell.stages:
        raise ScenarioError(f"{found.name} is fitted to {found.network.stages} stages, {cell.name} "
                            f"has {cell.stages}", "theta", "name another set")
    return found


@lru_cache(16)
def _read(path: Path, changed: int) -> Mapping[str, FittedSet]:
    """Cached until the file changes."""
    config = as_mapping(parse_json(path, ScenarioError), str(path))
    if config.get("schema") != SCHEMA:
        raise ScenarioError(f"schema: expected {SCHEMA!r}, found {config.get('schema')!r}",
                            str(path), "write it with scripts/fit_net2net.py")
    sets = as_mapping(config.get("sets"), f"{path}: sets")
    return {name: FittedSet.from_config(name, entry, f"{path}: {name}")
            for name, entry in sets.items()}


def _check_keys(given: Mapping[str, Any], known: tuple[str, ...], prefix: str,
                needed: tuple[str, ...] | None = None) -> None:
    for key in given:
        if key not in known:
            raise ScenarioError("unknown key", f"{prefix}{key}", nearest(key, known))
    for key in known if needed is None else needed:
        if key not in given:
            raise ScenarioError("is missing", f"{prefix}{key}", "keys: " + ", ".join(known))


def _coefficients(value: Any, stages: int, where: str) -> tuple[float, ...]:
    numbers, need = as_list(value, where), PER_STAGE * stages
    if len(numbers) != need or not need:
        raise ScenarioError(f"need {need} numbers ({PER_STAGE} per stage), found {len(numbers)}",
                            where)
    return tuple(as_number(number, where) for number in numbers)
