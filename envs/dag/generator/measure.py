"""What graphs and traces measure, for a person."""
from __future__ import annotations

import numpy as np

from envs.dag.features import critical_path
from envs.dag.graph import Graph
from envs.dag.layout import layers
from envs.dag.replay import Trace
from envs.dag.units import NEVER, factor

SHOWN_KINDS = 12


def least_work(graph: Graph) -> np.ndarray:
    """Ticks of each task on its fastest type, i8 (n,); 0 for virtual ones."""
    least = np.where(graph.duration >= 0, graph.duration, NEVER).min(1, initial=NEVER)
    return np.where(graph.virtual, 0, least)


def describe(item: Graph | Trace) -> str:
    """The measures of a graph or of a trace and its graphs, line by line."""
    if isinstance(item, Graph):
        return "\n".join([f"{item.name}: {len(item)} tasks", *_graph_lines(item)])
    unit = factor(item.unit, item.resolution)
    lines = [f"{item.name}: {len(item)} jobs of {len(item.graphs)} graphs, the last arrives at "
             f"{item.end / unit:.6g} {_unit(item)}"]
    if len(item) > 1:
        gaps = np.diff(item.arrival) / unit
        work = sum(int(least_work(job.graph).sum()) for job in item.jobs) / unit
        lines.append(f"  {'gap':15} mean {gaps.mean():.6g}, median {np.median(gaps):.6g}")
        lines.append(f"  {'work/time':15} {work / max(item.end / unit, 1e-300):.3g} workers at "
                     "their best")
    for graph in item.graphs:
        count = sum(job.graph is graph for job in item.jobs)
        lines.append(f"  {graph.source or graph.name}: {count} jobs of {len(graph)} tasks")
    return "\n".join(lines)


def _graph_lines(graph: Graph) -> list[str]:
    level, least = layers(graph), least_work(graph)
    path, unit = critical_path(graph, least), graph.ticks_per_unit
    shown = {
        "edges": f"{len(graph.src)}, {int((graph.listed < 0).sum())} of them from accesses",
        "depth, width": f"{level.max() + 1}, {np.bincount(level).max()}",
        "tiles": f"{len(graph.tiles)} of {graph.tile_bytes.sum() / 1e6:.6g} MB",
        "critical path": f"{path / unit:.6g} {_unit(graph)}",
        "parallelism": f"{least.sum() / max(1, path):.3g}",
    }
    for y, device in enumerate(graph.types):
        mine = graph.duration[:, y]
        shown[f"work on {device}"] = (f"{mine[mine >= 0].sum() / unit:.6g} {_unit(graph)}, "
                                      f"{int((mine >= 0).sum())} tasks")
    if graph.kinds:
        count = np.bincount(graph.kind[graph.kind >= 0], minlength=len(graph.kinds))
        named = [f"{kind} {n}" for kind, n in zip(graph.kinds, count.tolist(), strict=True)]
        more = [f"and {len(named) - SHOWN_KINDS} more"] * (len(named) > SHOWN_KINDS)
        shown["kinds"] = ", ".join([*named[:SHOWN_KINDS], *more])
    return [f"  {name:15} {text}" for name, text in shown.items()]


def _unit(item: Graph | Trace) -> str:
    return "units" if item.unit == "1" else item.unit
