"""Write a synthetic trace; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from envs.core.arguments import command, key
from envs.core.configs import read_yaml
from envs.core.errors import SuiteError, nearest
from envs.core.files import REPOSITORY, write_whole

CHANGES = ("seed", "duration_s", "jobs")


@dataclass(frozen=True)
class Keys:
    """Write a synthetic trace, or only measure it.

    Start from a preset and change it, or write a configuration of your own:

      python scripts/generate_trace.py                                lists the presets
      python scripts/generate_trace.py preset=zipf_exponential        measures one, writes nothing
      python scripts/generate_trace.py preset=zipf_exponential seed=3 out=zipf.parquet
      python scripts/generate_trace.py preset=zipf_exponential scale=5 duration_s=60 out=x5.csv.gz
      python scripts/generate_trace.py config=mine.yaml out=mine.csv recipe=mine_again.yaml
      python scripts/generate_trace.py env=cluster preset=philly-32 jobs=200 out=small.csv
      python scripts/generate_trace.py env=dag preset=tiled-stream jobs=100 out=stream.csv

    env=blis: requests, by a rate curve (requests per second in each second), shares of the model
    families, and an arrival process. mine.yaml, with every law there is:

      duration_s: 300
      families: [resnet, bert]
      shares: {resnet: 3, bert: 1}        # or equal, or {exponent: 1.0} by rank
      curve:                              # requests per second
        kind: sine                        # constant {rate}, sine {mean, amplitude, period_s,
        mean: 80                          #   phase_s}, square {low, high, every_s, jitter},
        amplitude: 40                     #   table {every_s, rates} or {every_s, file}
        period_s: 120
        spike: {every_s: 30, at_s: 5, add: 60}
        noise_sd: 5                       # then floor, then scale
        floor: 10
      arrivals: {kind: gamma, shape: 0.5, mode: continuous, round_ms: 1}
                                          # kinds poisson, gamma, uniform; mode per_second too
      slo_ms: {resnet: 100, bert: 300}    # or one number
      qos: [0.8, 0.2]                     # weights of QoS levels 0 and 1
      seed: 1

    env=cluster: jobs, whose arrivals are stretched in time until the offered load is rho:

      law: philly                         # synthetic, philly (bursts, daily profile) or blox
      jobs: 800
      gpus: 32                            # of the cluster, for rho
      rho: 1.3                            # null (philly): as drawn, burst_gap_s: 600 between bursts
      phases: [{share: 2, rho: 0.5}, {share: 1, rho: 1.8}]      # instead of rho: it changes
      gpu_shares: {1: 0.8, 8: 0.2}        # default: the law's own
      duration_max_s: 100000
      classes: [local, spread]            # drawn evenly; multi_gpu_classes: 1 keeps larger jobs to
      class_per: job                      #   the first; class_per burst
      tenants: [5, 3, 2]                  # weights; priorities: [4, 1] likewise
      slack: [1.5, 4]                     # deadline: arrival + U(1.5, 4) * duration
      estimate_sigma: 0.5                 # estimate: duration * exp(0.5 * N(0, 1))
      elastic: {min_gpus: 1, max_gpus: 16, factor: 4}
      seed: 1

    env=dag: a Poisson stream of task graphs (`scripts/import_trace.py` writes a single graph):

      graphs: ["cholesky(n=8,table=k40_960)", my_graph.json]      # generator calls or files
      weights: [3, 1]                     # shares of the graphs; default: equal
      jobs: 40
      rate: 0.01                          # jobs per unit of time of the first graph
      load: 0.7                           # or: rate = load * workers / mean work of a graph, each
      workers: 4                          #   task on its fastest type
      seed: 1

    The name of `out` says the format: .csv, .csv.gz, .parquet or .json. Where a trace is asked
    for (trace=...), preset names work as they are, and `zipf_exponential@5` is five times the rate.
    """

    env: str = key("blis", "domain")
    preset: str | None = key(None, "a configuration that ships")
    config: Path | None = key(None, "a configuration of your own (YAML)")
    seed: int | None = key(None, "random seed, instead of the configuration's")
    scale: float = key(1.0, "factor on the rates, or on the load")
    duration_s: int | None = key(None, "blis: length, instead of the configuration's")
    jobs: int | None = key(None, "cluster, dag: number of jobs, instead of the configuration's")
    out: Path | None = key(None, "file to write")
    recipe: Path | None = key(None, "YAML file to write that makes this trace again")


def main(keys: Keys) -> None:
    """Generate, measure, write."""
    generate = _room(keys.env, "generate")
    if keys.preset is None and keys.config is None:
        print("presets: " + ", ".join(generate.presets()) + "\n(--help explains)")
        return
    config = _config(keys, generate)
    trace = generate.generate(config, name=keys.preset or keys.config.stem)
    print(_room(keys.env, "generator.measure").describe(trace))
    if keys.out:
        _room(keys.env, "replay").write_trace(trace, keys.out)
        print(f"wrote {keys.out} ({keys.out.stat().st_size / 1000:.0f} kB)")
    if keys.recipe:
        recipe = _room(keys.env, "generator.config").changed(config)
        text = yaml.safe_dump(recipe, sort_keys=False, default_flow_style=None)
        write_whole(keys.recipe, text.encode())
        print(f"wrote {keys.recipe}")


def _room(env: str, name: str) -> ModuleType:
    """A module of a domain that generates traces."""
    domains = sorted(p.parent.name for p in (REPOSITORY / "envs").glob("*/generate.py"))
    if env == "net2net":
        raise SuiteError("recordings are really trained", "env=net2net",
                         "make them with scripts/record_net2net.py")
    if env not in domains:
        raise SuiteError("no such domain", f"env={env}", nearest(env, domains))
    return import_module(f"envs.{env}.{name}")


def _config(keys: Keys, generate: ModuleType) -> Any:
    if keys.preset and keys.config:
        raise SuiteError("preset and config are both given", "generate_trace", "give one")
    base = (generate.preset(keys.preset) if keys.preset
            else generate.config_of(read_yaml(keys.config), str(keys.config)))
    given = {name: getattr(keys, name) for name in CHANGES if getattr(keys, name) is not None}
    changed = _room(keys.env, "generator.config").changed
    return generate.config_of({**changed(base.scaled(keys.scale)), **given}, "generate_trace")


if __name__ == "__main__":
    sys.exit(command(main, Keys))
