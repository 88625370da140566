"""The pictures of a `blis` comparison."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agents.evaluation.figures import blank, differences, ranking, shown, style, trade_off
from agents.evaluation.standings import Comparison, Outcome
from envs.blis.drawing import timeline
from envs.core.drawing import timeline_figure
from envs.core.records import pooled_cdf

REFERENCES = ("infaas", "proteus", "clipper_ht", "load_proportional_wc", "random_wc")
SMOOTH = 5      # windows of the moving mean in curves over time


def figures(comparison: Comparison) -> list[tuple[str, str, Any]]:
    """File stem, caption and figure."""
    columns = {c.metric: c for c in comparison.domain.columns}
    slo, accuracy = columns["slo_attainment"], columns["effective_accuracy"]
    chosen, first = shown(comparison, REFERENCES, 6), comparison.windows[0].name
    found = [
        ("ranking", "Accuracy per request; a missed request is worth 0", ranking(comparison)),
        ("trade_off", "Deadlines against accuracy: up and to the right is better",
         trade_off(comparison, accuracy, slo)),
        ("latency_cdf", "Latency of answered requests, all windows; the line marks the allowance",
         latency_cdf(comparison, chosen)),
        ("over_time", f"Window {first}: arrivals, answers in time, violations, accuracy, "
         f"means over {SMOOTH} control windows", over_time(comparison, chosen)),
    ]
    if "infaas" in [c.name for c in comparison.contenders] and len(comparison.contenders) > 1:
        found.append(("against_infaas", "Paired differences to INFaaS with 95 % intervals",
                      differences(comparison, "infaas", (comparison.domain.main, slo, accuracy))))
    for name in chosen[:2]:
        found.append((f"timeline_{name}", f"What each device hosts under {name}, window {first}",
                      timeline_of(comparison.of(name)[0])))
    return found


def latency_cdf(comparison: Comparison, names: Sequence[str]) -> Any:
    """A panel per family."""
    system = comparison.outcomes[0].digest.system
    columns = min(3, len(system.families))
    rows = -(-len(system.families) // columns)
    figure, axes = blank(3.4 * columns, 2.1 * rows + 0.7, rows, columns, sharey=True)
    for k, (ax, family) in enumerate(zip(axes.flat, system.families, strict=False)):
        for name in names:
            look = style(name, comparison.domain)
            curves = [o.digest.latency[family] for o in comparison.of(name)]
            x, y = pooled_cdf(curves)
            ax.plot(x, y, color=look.colour, linestyle=look.line, linewidth=1.4, label=name)
        ax.axvline(system.slo_ms[k], color="black", linewidth=0.8)
        ax.set_title(family, fontsize=9)
        ax.set_ylim(0, 1)
        ax.set_xlim(0, 1.3 * system.slo_ms[k])
    for ax in axes.flat[len(system.families):]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("share of answers", fontsize=8)
    for k in range(len(system.families)):
        if k + columns >= len(system.families):
            axes.flat[k].set_xlabel("latency (ms)", fontsize=8)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center",
                  ncols=min(4, len(names)), fontsize=8, frameon=False)
    return figure


def over_time(comparison: Comparison, names: Sequence[str]) -> Any:
    """Throughput in time, violations and accuracy on the first window."""
    figure, axes = blank(9.6, 6.4, 3, 1, sharex=True)
    top, middle, bottom = axes[:, 0]
    for name in names:
        look = style(name, comparison.domain)
        times, arrivals, met, failed, accuracy = series(comparison.of(name)[0].digest)
        drawn = dict(color=look.colour, linestyle=look.line, linewidth=1.3)
        if name == names[0]:
            top.fill_between(times, smooth(arrivals), color="0.85", label="arrivals")
        top.plot(times, smooth(met), **drawn, label=name)
        middle.plot(times, 100 * smooth(failed) / np.maximum(smooth(arrivals), 1e-9), **drawn)
        bottom.plot(times, smooth(accuracy) / np.maximum(smooth(met), 1e-9), **drawn)
    top.set_ylabel("answers in time\n(requests/s)", fontsize=8)
    middle.set_ylabel("late or dropped\n(% of arrivals)", fontsize=8)
    bottom.set_ylabel("accuracy of answers\nin time (%)", fontsize=8)
    bottom.set_xlabel("time (s)")
    figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=4,
                  fontsize=8, frameon=False)
    return figure


def series(digest: Any) -> tuple[np.ndarray, ...]:
    """Seconds at the middle of each window, then per second: arrivals, met, failed, accuracy."""
    seconds = digest.system.scenario.options.window_ms / 1000
    times = (np.arange(len(digest.windows)) + 0.5) * seconds
    arrivals, met, late, dropped, accuracy = (
        digest.windows[name].sum(axis=1) / seconds
        for name in ("arrivals", "met", "late", "dropped", "accuracy_met"))
    return times, arrivals, met, late + dropped, accuracy


def smooth(values: np.ndarray) -> np.ndarray:
    """Moving mean over up to SMOOTH windows, shorter at the ends."""
    kernel = np.ones(min(SMOOTH, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")


def timeline_of(outcome: Outcome) -> Any:
    """What every device hosts, with the key curves beneath."""
    digest = outcome.digest
    rows = list(zip(digest.windows, digest.windows, digest.target, strict=True))
    drawn = replace(timeline(digest.system, rows), title=f"{outcome.contender} on {outcome.window}")
    return timeline_figure(drawn, 10.5, 7.0)
