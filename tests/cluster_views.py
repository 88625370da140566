"""Small systems of `cluster` for its planners, and what they see of them."""
from __future__ import annotations

from typing import Any

import numpy as np

from envs.cluster.planning import View
from envs.cluster.replay import Trace
from envs.cluster.scenario import Scenario
from envs.cluster.system import System, bind

TWO_TYPES: dict[str, Any] = {"types": ["v100", "k80"], "nodes": [
    {"type": 0, "gpus": 4, "count": 2}, {"type": 1, "gpus": 4}]}
ONE_TYPE: dict[str, Any] = {"types": ["gpu"], "nodes": [{"type": 0, "gpus": 4, "count": 2}]}


def system(jobs: list[dict[str, Any]], cluster: dict[str, Any] = TWO_TYPES,
           classes: list[dict[str, Any]] | None = None, **options: Any) -> System:
    """A bound scenario; jobs arrive at 0 with 1 GPU and 100 s unless they say otherwise."""
    base = {"arrival_s": 0, "gpus": 1, "duration_s": 100}
    if classes is None:
        classes = [{"speed": [1.0, 0.5][:len(cluster["types"])]}]
    config = {"cluster": cluster, "classes": classes, **options}
    return bind(Scenario.from_config(config, "my"), Trace.from_rows([{**base, **j} for j in jobs]))


def view(of: System, now_s: float = 0.0, job: list[int] | None = None, **columns: Any) -> View:
    """The jobs, all by default, as they are before anything ran unless `columns` say otherwise."""
    number = np.arange(len(of)) if job is None else np.array(job)
    none = np.zeros(len(number), np.int64)
    left = of.work[number]
    figures = {
        "left": left, "planned_left": left, "gpu_type": none - 1, "gpus": none, "nodes": none,
        "most": none, "restarts": none, "in_overhead": none > 0, "up_gpus": of.type_gpus}
    given = {k: np.array(v) for k, v in columns.items()}
    return View(of, int(now_s * 1e6), number, **{**figures, **given})
