"""Turn a trace of another format into one table; `--help` explains."""
from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path

from envs.core.arguments import command, key
from envs.core.errors import SuiteError, nearest
from envs.core.files import REPOSITORY

COMMON = ("env", "source", "out")


@dataclass(frozen=True)
class Keys:
    """Turn a trace of another format into one checked table (dag: graph) of its domain.

    env=blis, requests. Formats, told apart by what the source holds:
      a folder of .txt files, one per model family, lines t_ms,flag,slo_ms[,accuracy]
      Azure LLM inference CSV files (TIMESTAMP,ContextTokens,GeneratedTokens), a file or a folder
      a table (CSV, CSV.gz, Parquet, JSON) with arrival_ms, family, slo_ms[, qos][, accuracy]

      python scripts/import_trace.py source=my_traces/ out=mine.parquet
      python scripts/import_trace.py source=$SCHED_DATA/blis out=azure.csv.gz default_slo_ms=300 \\
          rename=code:t5,conv:gpt2 time_scale=0.1

    env=cluster, jobs. Formats, told apart by header or file name, or named by format=:
      philly-log  the published job log, JSON        philly    its table form
      helios      cluster_log.csv, or its folder     pai       folder of job table and task table
      openb       list of pods; nodes beside it      slurm     sacct -P -o JobID,Submit,Start,...
      gavel       10 or 7 fields between tabs        tiresias  CSV of the simulator
      blox        CSV of the simulator               sia       workload CSV; needs models=
      own         a table (CSV, CSV.gz, Parquet, JSON) with arrival_s, gpus, duration_s, ...

      python scripts/import_trace.py env=cluster source=cluster_log.csv out=helios.parquet
      python scripts/import_trace.py env=cluster source=small.trace out=small.csv \\
          cluster=gavel.yaml throughputs=simulation_throughputs.json

    env=dag, one task graph, written as dag-1 JSON (.json, .json.gz) or as a folder of CSV tables.
    Formats, told apart by file name or content, or named by format=:
      stg        Standard Task Graph Set          wfformat  WfFormat 1.5 of WfCommons; speedup=
      tpch       Decima's adj_mat_<q>.npy; task_duration_<q>.npy beside it, or durations=
      edges      lines `i j [bytes]`; needs costs=, a CSV with a column per worker type
      dag-1      the project's own JSON, or folder of CSV tables; unit=
      a generator call, cholesky(n=8,table=k40_960)

      python scripts/import_trace.py env=dag source=rand0000.stg out=rand0000.json
      python scripts/import_trace.py env=dag source=montage.json out=mine/ speedup=mProject:8
      python scripts/import_trace.py env=dag source="cholesky(n=8)" out=chol8.json.gz

    env=net2net, published tables (github.com/ChamiLamelas/RL-Based-DNN-Scheduling-Adaptation),
    written as a folder that tables= takes. A CSV with model, scenario, p1, p2, p3, left1_s,
    left2_s, left3_s, accuracy; or JSON {"a1,a2,a3": {"timeleft": [...], "totaltime": 400,
    "acc": x}} in a file named like cnn1_early.json, or a folder of such files. Pickles are
    refused: they run code.

      python scripts/import_trace.py env=net2net source=peer_tables.csv out=my_tables/

    What is left out is counted with its reason. cluster= also writes what the source tells of
    types, nodes and classes, in the form of a cluster file. Nothing is written if a row is wrong:
    the error names its file and line.
    """

    env: str = key("blis", "domain")
    source: Path = key(meaning="file or folder to read; dag: or a generator call")
    out: Path = key(meaning="table to write: .csv, .csv.gz, .parquet or .json; dag, net2net: above")
    default_slo_ms: float | None = key(None, "blis: allowance of requests that give none")
    rename: dict[str, str] = key({}, "blis: old:new names of families, commas between")
    time_scale: float = key(1.0, "blis: factor on the arrival times")
    qos_levels: int = key(1, "blis: number of QoS levels")
    format: str | None = key(None, "cluster, dag: the format, where it is not told apart")
    cluster: Path | None = key(None, "cluster: YAML file to write with types, nodes and classes")
    throughputs: Path | None = key(None, "gavel: table of throughputs, default: one beside")
    reference: str = key("v100", "gavel: GPU type on which durations are stated")
    models: Path | None = key(None, "sia: YAML with duration_s, or samples and goodput, per name")
    costs: Path | None = key(None, "edges: CSV of durations, row = task, column = worker type")
    resolution: int = key(1, "edges, dag-1 tables: ticks per unit of time, with unit 1")
    durations: Path | None = key(None, "tpch: the file task_duration_<q>.npy")
    max_tasks: int | None = key(None, "tpch: most tasks of a stage")
    speedup: dict[str, float] = key({}, "wfformat: kind:factor of a GPU, commas between")
    unit: str = key("s", "dag-1 tables: unit of time, s, ms, us, ns or 1")


def main(keys: Keys) -> None:
    """Read, check, write, by the module of the domain."""
    domains = sorted(p.parts[-3] for p in (REPOSITORY / "envs").glob("*/importers/command.py"))
    if keys.env not in domains:
        raise SuiteError("no such domain", f"env={keys.env}", nearest(keys.env, domains))
    module = import_module(f"envs.{keys.env}.importers.command")
    for field in fields(Keys):
        usual = field.name in COMMON or getattr(keys, field.name) in (field.default, {})
        if not usual and field.name not in module.KEYS:
            raise SuiteError(f"is no key of env={keys.env}", f"{field.name}=...",
                             nearest(field.name, [*COMMON, *module.KEYS]))
    for line in module.run(keys):
        print(line)


if __name__ == "__main__":
    sys.exit(command(main, Keys))
