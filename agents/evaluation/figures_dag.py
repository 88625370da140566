"""The pictures of a `dag` comparison."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from agents.evaluation.figures import blank, boxes, ranking, shown, style, trade_off
from agents.evaluation.standings import Comparison, Outcome
from envs.core.drawing import timeline_figure
from envs.dag.layout import MOST_TASKS, graph_figure

REFERENCES = ("mct_wait", "static:heft", "static:peft", "dmdas", "fifo")
MOST_TIMELINES = 6


def figures(comparison: Comparison) -> list[tuple[str, str, Any]]:
    """File stem, caption and figure."""
    columns = {c.metric: c for c in comparison.domain.columns}
    chosen, first = shown(comparison, REFERENCES), comparison.windows[0]
    found = [
        ("ranking", "C over C*; left is better", ranking(comparison)),
        ("boxes", "C over C* of all cases: box from quartile to quartile, median, whiskers to "
         "the farthest within 1.5 boxes", boxes(comparison, columns["ratio"])),
        ("win_rates", "Share of cases won, ties half", win_rates(comparison)),
        ("trade_off", "Quality against time to decide: down and to the left is better",
         trade_off(comparison, columns["decision_us"], columns["ratio"])),
    ]
    graph = first.trace.jobs[0].graph
    if len(graph) <= MOST_TASKS:
        found.append(("graph", f"The graph of {first.name}, a critical path in bold",
                      graph_figure(graph)))
    for name in chosen[:MOST_TIMELINES]:
        found.append((f"timeline_{stem(name)}", f"Workers, links and memory under {name}, "
                      f"{first.name}", timeline_of(comparison.of(name)[0])))
    return found


def stem(name: str) -> str:
    """A name as part of a file name."""
    return name.replace(":", "_")


def win_rates(comparison: Comparison) -> Any:
    """Share of cases that a contender wins against each of the usual rivals."""
    columns = [c for c in comparison.domain.columns if c.metric.startswith("wins_")]
    standings = comparison.standings()
    figure, axes = blank(2.6 * len(columns) + 2.4, 0.9 + 0.25 * len(standings), 1, len(columns),
                         sharey=True)
    for ax, column in zip(axes[0], columns, strict=True):
        for i, s in enumerate(standings):
            share = s.mean[column.metric]
            if share is not None:
                ax.barh(i, share, color=style(s.contender.name, comparison.domain).colour,
                        height=0.7)
        ax.axvline(50, color="black", linewidth=0.8)
        ax.set_xlim(0, 100)
        ax.set_xlabel(column.heading, fontsize=8)
    axes[0, 0].set_yticks(np.arange(len(standings)), [s.contender.name for s in standings],
                          fontsize=8)
    axes[0, 0].invert_yaxis()
    return figure


def timeline_of(outcome: Outcome) -> Any:
    """Workers and links against time, with memory and tasks beneath."""
    drawn = replace(outcome.digest.timeline, title=f"{outcome.contender} on {outcome.window}")
    return timeline_figure(drawn, 10.5, 2.4 + 0.3 * len(drawn.rows) + 1.3 * len(drawn.curves))
