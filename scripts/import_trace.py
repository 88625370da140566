"""Turn a trace of another format into one table; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from envs.blis.generator.measure import describe
from envs.blis.replay import read_trace, write_trace
from envs.core.arguments import command, key
from envs.core.options import as_number


@dataclass(frozen=True)
class Keys:
    """Turn a trace of another format into one checked table of requests.

    Formats, told apart by what the source holds:
      a folder of .txt files, one per model family, lines t_ms,flag,slo_ms[,accuracy]
      Azure LLM inference CSV files (TIMESTAMP,ContextTokens,GeneratedTokens), a file or a folder
      a table (CSV, CSV.gz, Parquet, JSON) with arrival_ms, family, slo_ms[, qos][, accuracy]

      python scripts/import_trace.py source=my_traces/ out=mine.parquet
      python scripts/import_trace.py source=$SCHED_DATA/blis out=azure.csv.gz default_slo_ms=300 \\
          rename=code:t5,conv:gpt2 time_scale=0.1

    time_scale=0.1 makes ten times the rate. Nothing is written if a row is wrong: the error names
    its file and line.
    """

    source: Path = key(meaning="file or folder to read")
    out: Path = key(meaning="table to write: .csv, .csv.gz, .parquet or .json")
    default_slo_ms: float | None = key(None, "allowance of requests that give none")
    rename: dict[str, str] = key({}, "old:new names of families, commas between")
    time_scale: float = key(1.0, "factor on the arrival times")
    qos_levels: int = key(1, "number of QoS levels")


def main(keys: Keys) -> None:
    """Read, check, write."""
    as_number(keys.time_scale, "time_scale", low=1e-9, high=1e9)
    trace = read_trace(keys.source, default_slo_ms=keys.default_slo_ms, rename=keys.rename,
                       qos_levels=keys.qos_levels, time_scale=keys.time_scale)
    write_trace(trace, keys.out)
    print(describe(trace))
    print(f"wrote {keys.out} ({keys.out.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    sys.exit(command(main, Keys))
