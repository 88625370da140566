"""Every key of `test.py` with its default: a plain dataclass, so that a mistyped key fails."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class TestConfig:
    """`python test.py key=value ...`."""

    __test__ = False                    # for pytest: no test case

    env: Any = field(default_factory=dict)      # group: which environment, its defaults
    scenario: str | None = None         # name or path; null = that of the environment
    trace: str | None = None            # name or path; null = that of the scenario
    options: dict[str, Any] = field(default_factory=dict)   # win over those of any contender
    policy: str | None = None           # name or folder of a saved policy, next to the baselines
    #                                     (with `backend`: alone; a baseline's name does too)
    backend: str | None = None          # env=net2net: tabular, parametric or live: play held-out
    #                                     windows on it, print predicted against measured
    policies: list[str] = field(default_factory=list)       # several of them
    library: str | None = None          # env=dag: champion and specialists of this library on its
    #                                     families, or on `scenario`, next to the baselines
    contender: str | None = None        # my_file.py:name, next to the baselines
    contenders: list[str] = field(default_factory=list)     # exactly these in place of all
    loads: list[float] = field(default_factory=list)        # sweep: factors of the arrival rate
    #                                     (blis), GPU time asked for over that at hand (cluster),
    #                                     least durations times rate over workers (dag)
    devices: list[int] = field(default_factory=list)        # sweep: sizes of the cluster
    suite: str | None = None            # a named sweep of the domain (dag: noise, size, ...)
    windows: int | None = None          # held-out windows; null = as the environment says
    window_length: float | None = None  # and their length: ms (blis), jobs (others)
    seeds: list[int] = field(default_factory=lambda: [0])
    part: str = "test"                  # test or validation
    records: str | None = None          # folder for the per-request records (Parquet)
    workers: int | None = None          # processes; null = cores
    report: bool = True                 # write report.html and pictures
    debug: bool = False                 # show tracebacks
