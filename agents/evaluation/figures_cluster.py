"""The pictures of a `cluster` comparison."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agents.evaluation.figures import blank, ranking, shown, style, trade_off
from agents.evaluation.standings import Comparison, Outcome
from envs.core.drawing import timeline_figure
from envs.core.records import pooled_cdf

REFERENCES = ("fifo", "las", "srtf", "tiresias", "gittins", "max_min", "fifo_backfill", "las_gpu")
MOST_TIMELINES = 8


def figures(comparison: Comparison) -> list[tuple[str, str, Any]]:
    """File stem, caption and figure."""
    columns = {c.metric: c for c in comparison.domain.columns}
    chosen, first = shown(comparison, REFERENCES), comparison.windows[0].name
    found = [
        ("ranking", "Mean job completion time; left is better", ranking(comparison)),
        ("jct_cdf", "Job completion times of all windows: higher is better",
         jct_cdf(comparison, chosen)),
        ("over_time", f"Window {first}: jobs that wait, GPUs that are held",
         over_time(comparison, chosen)),
        ("trade_off", "Speed against fairness: down and to the left is better",
         trade_off(comparison, columns["jct_mean"], columns["rho_mean"])),
    ]
    for name in chosen[:MOST_TIMELINES]:
        found.append((f"timeline_{name}",
                      f"Which job holds which GPU under {name}, window {first}",
                      timeline_of(comparison.of(name)[0])))
    return found


def jct_cdf(comparison: Comparison, names: Sequence[str]) -> Any:
    """Share of jobs finished within a time, on a logarithmic axis."""
    figure, axes = blank(8.6, 5.0)
    ax = axes[0, 0]
    for name in names:
        look = style(name, comparison.domain)
        x, y = pooled_cdf([o.digest.jct_h for o in comparison.of(name)])
        ax.plot(x, y, color=look.colour, linestyle=look.line, linewidth=1.5, label=name)
    ax.set_xscale("log")
    ax.set_ylim(0, 1)
    ax.set_xlabel("job completion time (h)")
    ax.set_ylabel("share of finished jobs")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    return figure


def over_time(comparison: Comparison, names: Sequence[str]) -> Any:
    """Queue and utilisation on the first window."""
    figure, axes = blank(9.6, 5.6, 2, 1, sharex=True)
    top, bottom = axes[:, 0]
    for name in names:
        look, digest = style(name, comparison.domain), comparison.of(name)[0].digest
        drawn = dict(color=look.colour, linestyle=look.line, linewidth=1.3)
        top.plot(digest.hours, digest.curves["jobs"]["waiting"], **drawn, label=name)
        bottom.plot(digest.hours, digest.curves["GPUs (%)"]["held"], **drawn)
    top.set_ylabel("waiting jobs")
    bottom.set_ylabel("GPUs held (% of those up)")
    bottom.set_xlabel("time (h)")
    figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=4,
                  fontsize=8, frameon=False)
    return figure


def timeline_of(outcome: Outcome) -> Any:
    """GPUs against time coloured by job, with the key curves beneath."""
    drawn = replace(outcome.digest.timeline, title=f"{outcome.contender} on {outcome.window}")
    return timeline_figure(drawn, 10.5, 7.0)
