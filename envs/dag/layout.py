"""The drawing of a task graph: layers by hop distance, neighbours near each other."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from envs.core.drawing import INK, names_as_they_are, palette
from envs.dag.units import NEVER

if TYPE_CHECKING:
    from envs.dag.graph import Graph

SWEEPS = 12             # down and up over all layers
MOST_TASKS = 3000       # beyond which a drawing is a blot
MOST_NAMED = 60         # tasks that are drawn with their ids


def layers(graph: Graph) -> np.ndarray:
    """(n,) longest hop distance from a source."""
    level = np.zeros(len(graph.ids), np.int64)
    left = np.bincount(graph.dst, minlength=len(level))
    first = np.searchsorted(graph.src, np.arange(len(level) + 1))
    front, depth = np.flatnonzero(left == 0), 0
    while len(front):
        level[front] = depth
        reached = graph.dst[_ranges(first[front], first[front + 1])]
        np.subtract.at(left, reached, 1)
        front, depth = np.unique(reached[left[reached] == 0]), depth + 1
    return level


def _ranges(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """All integers of several ranges, one after the other."""
    count = end - begin
    start = np.repeat(begin - np.concatenate([[0], np.cumsum(count)[:-1]]), count)
    return start + np.arange(count.sum())


def places(graph: Graph) -> np.ndarray:
    """(n, 2) where to draw each task: depth to the right, its place in the layer up and down.

    Layer by layer tasks move to the mean place of their predecessors, then of their successors,
    by turns, so that few edges cross (Sugiyama, Tagawa, Toda, IEEE Trans. SMC 1981).
    """
    level = layers(graph)
    y = np.zeros(len(level))
    members = _split(level, level)
    down, up = _split(level[graph.dst], level), _split(level[graph.src], level)
    for mine in members:
        y[mine] = _even(np.arange(len(mine)))
    for sweep in range(SWEEPS):
        if sweep % 2 == 0:
            for mine, edges in zip(members, down, strict=True):
                _move(y, mine, graph.dst[edges], graph.src[edges])
        else:
            for mine, edges in zip(members[::-1], up[::-1], strict=True):
                _move(y, mine, graph.src[edges], graph.dst[edges])
    return np.stack([level.astype(float), y], 1)


def _split(depth: np.ndarray, level: np.ndarray) -> list[np.ndarray]:
    """The numbers of what lies at each depth."""
    order = np.argsort(depth, kind="stable")
    ends = np.searchsorted(depth[order], np.arange(1, level.max(initial=-1) + 1))
    return np.split(order, ends)


def _move(y: np.ndarray, mine: np.ndarray, own: np.ndarray, other: np.ndarray) -> None:
    """Order a layer by the mean place of neighbours; who has none keeps its place."""
    local = np.searchsorted(mine, own)
    degree = np.bincount(local, minlength=len(mine))
    mean = np.bincount(local, y[other], len(mine)) / np.maximum(1, degree)
    y[mine] = _even(np.where(degree > 0, mean, y[mine]))


def _even(wish: np.ndarray) -> np.ndarray:
    """Even places around 0 in the order of what was wished for."""
    place = np.empty(len(wish))
    place[np.argsort(wish, kind="stable")] = np.arange(len(wish))
    return place - (len(wish) - 1) / 2


def critical(graph: Graph) -> np.ndarray:
    """Edges of one longest path by least durations, as places in the edge list."""
    least = np.where(graph.duration < 0, NEVER, graph.duration).min(axis=1, initial=NEVER)
    least[graph.virtual] = 0
    level, tail, best = layers(graph), least.copy(), np.full(len(least), -1)
    for depth in range(int(level.max(initial=0)) - 1, -1, -1):
        mine = np.flatnonzero(level[graph.src] == depth)
        order = mine[np.argsort(tail[graph.dst[mine]], kind="stable")]
        best[graph.src[order]] = order          # the last one written is the longest
        have = np.unique(graph.src[mine])
        tail[have] = least[have] + tail[graph.dst[best[have]]]
    path, task = [], int(tail.argmax())
    while best[task] >= 0:
        path.append(int(best[task]))
        task = int(graph.dst[best[task]])
    return np.array(path, np.int64)


@names_as_they_are()
def graph_figure(graph: Graph, title: str = "", width: float = 10.5, height: float = 6.5) -> Any:
    """The graph as a matplotlib Figure, tasks coloured by kind, a critical path in bold."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=100, layout="constrained")
    ax = figure.subplots()
    at = places(graph)
    _draw_edges(ax, graph, at)
    _draw_tasks(ax, graph, at)
    ax.set_title(title or f"{graph.name}: {len(graph.ids)} tasks, {len(graph.src)} edges",
                 fontsize=10, loc="left")
    ax.set_xlabel("depth (edges from a source)")
    ax.set_yticks([])
    return figure


def _draw_edges(ax: Any, graph: Graph, at: np.ndarray) -> None:
    from matplotlib.collections import LineCollection

    lines = np.stack([at[graph.src], at[graph.dst]], 1)
    faint = float(np.clip(60 / max(1, len(lines)), 0.06, 0.6))
    ax.add_collection(LineCollection(lines, colors=INK, linewidths=0.6, alpha=faint, zorder=1))
    ax.add_collection(LineCollection(lines[critical(graph)], colors="#be0032", linewidths=1.6,
                                     zorder=2, label="critical path (least durations)"))


def _draw_tasks(ax: Any, graph: Graph, at: np.ndarray) -> None:
    names = [*graph.kinds, "task", "virtual"]
    kind = np.where(graph.kind < 0, len(graph.kinds), graph.kind)
    kind[graph.virtual] = len(names) - 1
    room = float(np.clip(4e3 / max(1, len(at)), 8, 160))
    for k, colour in enumerate(palette(names)):
        mine = kind == k
        if mine.any():
            ax.scatter(*at[mine].T, s=room, color=[colour], edgecolors=INK, linewidths=0.4,
                       zorder=3, label=names[k])
    if len(at) <= MOST_NAMED:
        for name, (x, y) in zip(graph.ids, at, strict=True):
            ax.annotate(name, (x, y), fontsize=6, ha="center", va="center", zorder=4)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
