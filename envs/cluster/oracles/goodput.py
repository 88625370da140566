"""Goodput models: throughput, efficiency, and the best batch of a configuration."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envs.cluster.planning.goodput import Goodput, choose, efficiency, throughput
from envs.core.oracles import Outcome, differences, outcome

PLACE = ("nodes", "replicas")


def check_goodput(name: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    """One model on every configuration of its case."""
    model = Goodput.from_config({k: v for k, v in content.items() if k != "expected"}, name)
    for row in content["expected"]:
        nodes, replicas = row["nodes"], row["replicas"]
        yield outcome(f"{name}, {replicas} on {nodes}", lambda row=row: differences(
            {k: v for k, v in row.items() if k not in PLACE}, measured(model, row)))


def measured(model: Goodput, row: Mapping[str, int]) -> dict[str, float]:
    """What the formulas give for a number of nodes and replicas."""
    nodes, replicas = row["nodes"], row["replicas"]
    best = choose(model, nodes, replicas)
    return {"goodput": best.goodput, "atomic_batch": best.atomic,
            "accumulation": best.accumulation,
            "throughput_at_m32_k1": float(throughput(model, nodes, replicas, 32, 1)),
            "efficiency_at_4B0": float(efficiency(model, 4 * model.batch0))}
