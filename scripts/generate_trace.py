"""Write a synthetic request trace; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from envs.blis.generate import GeneratorConfig, config_of, generate, preset, presets
from envs.blis.generator.config import changed
from envs.blis.generator.measure import describe
from envs.blis.replay import write_trace
from envs.blis.scenario import read_yaml
from envs.core.arguments import command, key
from envs.core.errors import SuiteError
from envs.core.files import write_whole


@dataclass(frozen=True)
class Keys:
    """Write a synthetic trace of inference requests, or only measure it.

    A trace is a rate curve (requests per second in each second), shares of the model families, and
    an arrival process. Start from a preset and change it, or write a configuration of your own:

      python scripts/generate_trace.py                                lists the presets
      python scripts/generate_trace.py preset=zipf_exponential        measures one, writes nothing
      python scripts/generate_trace.py preset=zipf_exponential seed=3 out=zipf.parquet
      python scripts/generate_trace.py preset=zipf_exponential scale=5 duration_s=60 out=x5.csv.gz
      python scripts/generate_trace.py config=mine.yaml out=mine.csv recipe=mine_again.yaml

    mine.yaml, with every law there is:

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

    The name of `out` says the format: .csv, .csv.gz, .parquet or .json. Where a trace is asked
    for (trace=...), preset names work as they are, and `zipf_exponential@5` is five times the rate.
    """

    preset: str | None = key(None, "a configuration that ships")
    config: Path | None = key(None, "a configuration of your own (YAML)")
    seed: int | None = key(None, "random seed, instead of the configuration's")
    scale: float = key(1.0, "factor on the rates")
    duration_s: int | None = key(None, "length, instead of the configuration's")
    out: Path | None = key(None, "file to write")
    recipe: Path | None = key(None, "YAML file to write that makes this trace again")


def main(keys: Keys) -> None:
    """Generate, measure, write."""
    if keys.preset is None and keys.config is None:
        print("presets: " + ", ".join(presets()) + "\n(--help explains)")
        return
    config = _config(keys)
    trace = generate(config, name=keys.preset or keys.config.stem)
    print(describe(trace))
    if keys.out:
        write_trace(trace, keys.out)
        print(f"wrote {keys.out} ({keys.out.stat().st_size / 1000:.0f} kB)")
    if keys.recipe:
        text = yaml.safe_dump(changed(config), sort_keys=False, default_flow_style=None)
        write_whole(keys.recipe, text.encode())
        print(f"wrote {keys.recipe}")


def _config(keys: Keys) -> GeneratorConfig:
    if keys.preset and keys.config:
        raise SuiteError("preset and config are both given", "generate_trace", "give one")
    base = preset(keys.preset) if keys.preset else config_of(read_yaml(keys.config),
                                                             str(keys.config))
    changes = {name: getattr(keys, name) for name in ("seed", "duration_s")}
    given = {name: value for name, value in changes.items() if value is not None}
    return config_of({**changed(base.scaled(keys.scale)), **given}, "generate_trace")


if __name__ == "__main__":
    sys.exit(command(main, Keys))
