"""Pictures of any domain, and the one look of a contender in all of them.

A figure is a matplotlib Figure without pyplot, so nothing needs a screen or is kept open.
"""
from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.domains import Column, Domain
from agents.evaluation import intervals

if TYPE_CHECKING:
    from agents.evaluation.standings import Comparison

# Kelly's colours of maximal contrast without the pale ones, then darker mixes of them.
COLOURS = (
    "#875692", "#f38400", "#5b9bd5", "#be0032", "#a89a5b", "#848482", "#008856", "#e68fac",
    "#0067a5", "#f99379", "#604e97", "#d4a017", "#b3446c", "#8db600", "#654522", "#e25822",
    "#2b3d26", "#3a9e9e", "#7a1f3d", "#4d6fd0", "#9b7653", "#5f8d4e",
    "#a6761d", "#666699", "#cc79a7", "#556b2f",
)
OWN = ("#d40000", "#000000", "#0a5f0a", "#7a00c8", "#0033cc", "#c86400")   # learned and user's
MARKERS = "osD^vP<>XphH"
LINES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))


@dataclass(frozen=True)
class Style:
    """How a contender looks in every picture."""

    colour: str
    marker: str
    line: Any


def style(name: str, domain: Domain) -> Style:
    """Fixed by the place in the table of baselines, or by the name of a policy."""
    table = sorted(domain.baselines(), key=lambda n: n.endswith("_tuned"))  # tuned forms come last
    if name in table:
        i = table.index(name)
        return Style(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], LINES[i % len(LINES)])
    i = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    return Style(OWN[i % len(OWN)], "*", "-")


def shown(comparison: Comparison, references: Sequence[str], most: int = 8) -> list[str]:
    """Policies of our own, the strongest baseline, the bound, then well-known references."""
    present = [s.contender for s in comparison.standings()]
    names = {c.name for c in present}
    own = [c.name for c in present if c.kind != "baseline"][:3]
    wanted = [*own, comparison.strongest, comparison.bound, *(r for r in references if r in names),
              *(c.name for c in present)]
    return list(dict.fromkeys(n for n in wanted if n))[:most]


def blank(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> Any:
    """A figure and its (rows, columns) axes, sizes in inches."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=110, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for ax in axes.flat:
        ax.grid(alpha=0.3)
        ax.tick_params(labelsize=8)
    return figure, axes


def spread(axis: Any, values: Sequence[float]) -> None:
    """A logarithmic axis where positive values differ by more than an order of magnitude."""
    from matplotlib.ticker import LogLocator, NullFormatter

    known = np.array([v for v in values if np.isfinite(v)])
    if len(known) and known.min() > 0 and known.max() > 10 * known.min():
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def trade_off(comparison: Comparison, x: Column, y: Column) -> Any:
    """Every contender at its mean of two metrics, over its windows."""
    figure, axes = blank(8.6, 5.6)
    ax = axes[0, 0]
    points = []
    for contender in comparison.contenders:
        xs, ys = comparison.scores(contender.name, x), comparison.scores(contender.name, y)
        known = np.isfinite(xs) & np.isfinite(ys)
        if known.any():
            look = style(contender.name, comparison.domain)
            ax.plot(xs[known], ys[known], look.marker, color=look.colour, alpha=0.25, markersize=4)
            points.append((float(xs[known].mean()), float(ys[known].mean()), contender))
    for px, py, contender in points:
        look = style(contender.name, comparison.domain)
        size = 13 if look.marker == "*" else 8
        ax.plot(px, py, look.marker, color=look.colour, markersize=size, markeredgecolor="black",
                fillstyle="none" if contender.privileged else "full", linestyle="none",
                markeredgewidth=1.6 if contender.privileged else 0.5,
                label=contender.name + (" (bound)" if contender.privileged else ""))
    spread(ax.xaxis, [p[0] for p in points])
    spread(ax.yaxis, [p[1] for p in points])
    ax.set_xlabel(x.heading)
    ax.set_ylabel(y.heading)
    ax.set_title("large: mean, small: single windows", fontsize=8, loc="right")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    return figure


def ranking(comparison: Comparison) -> Any:
    """Interquartile means of the main metric with intervals, best on top."""
    standings = comparison.standings()
    figure, axes = blank(7.6, 0.9 + 0.27 * len(standings))
    ax = axes[0, 0]
    for i, s in enumerate(standings):
        look = style(s.contender.name, comparison.domain)
        ax.plot([s.iqm.low, s.iqm.high], [i, i], color=look.colour, linewidth=3, alpha=0.5)
        ax.plot(s.iqm.value, i, look.marker, color=look.colour, markeredgecolor="black",
                markeredgewidth=0.5, fillstyle="none" if s.contender.privileged else "full")
    marks = {comparison.strongest: " (strongest baseline)", comparison.bound: " (bound)"}
    names = [s.contender.name + marks.get(s.contender.name, "") for s in standings]
    ax.set_yticks(range(len(standings)), names, fontsize=8)
    ax.invert_yaxis()
    spread(ax.xaxis, [limit for s in standings for limit in (s.iqm.low, s.iqm.high)])
    ax.set_xlabel(f"{comparison.domain.main.heading}: interquartile mean, 95 % interval")
    return figure


def boxes(comparison: Comparison, column: Column) -> Any:
    """A box per contender over all its cases, best mean first."""
    standings = comparison.standings()
    figure, axes = blank(1.6 + 0.33 * len(standings), 5.2)
    ax = axes[0, 0]
    scores = [comparison.scores(s.contender.name, column) for s in standings]
    values = [v[np.isfinite(v)] for v in scores]
    drawn = ax.boxplot(values, widths=0.6, patch_artist=True, manage_ticks=False,
                       flierprops={"markersize": 3}, medianprops={"color": "black"})
    for box, s in zip(drawn["boxes"], standings, strict=True):
        box.set_facecolor(style(s.contender.name, comparison.domain).colour)
        box.set_alpha(0.4 if s.contender.privileged else 0.8)
    ax.set_xticks(range(1, 1 + len(standings)),
                  [s.contender.name + " (bound)" * s.contender.privileged for s in standings],
                  fontsize=8, rotation=90)
    spread(ax.yaxis, np.concatenate(values))
    ax.set_ylabel(column.heading)
    return figure


def differences(comparison: Comparison, rival: str, columns: Sequence[Column]) -> Any:
    """Paired differences to one contender, a panel per metric, with intervals."""
    names = [s.contender.name for s in comparison.standings() if s.contender.name != rival]
    figure, axes = blank(9.6, 1.0 + 0.25 * len(names), 1, len(columns), sharey=True)
    for ax, column in zip(axes[0], columns, strict=True):
        for i, name in enumerate(names):
            gain = comparison.scores(name, column) - comparison.scores(rival, column)
            found, look = comparison.interval(gain, intervals.mean), style(name, comparison.domain)
            ax.plot([found.low, found.high], [i, i], color=look.colour, linewidth=3, alpha=0.5)
            ax.plot(found.value, i, look.marker, color=look.colour, markeredgecolor="black",
                    markeredgewidth=0.5)
        ax.axvline(0, color="black", linewidth=1)
        ax.set_xlabel(f"{column.heading}\nminus that of {rival}", fontsize=8)
    axes[0, 0].set_yticks(range(len(names)), names, fontsize=8)
    axes[0, 0].invert_yaxis()
    return figure


def sweep(label: str, points: Mapping[float, Comparison], names: Sequence[str],
          columns: Sequence[Column], ticks: Sequence[str] | None = None) -> Any:
    """Metrics against a swept quantity, a panel per metric, intervals as bars."""
    figure, axes = blank(4.2 * len(columns) + 1.8, 4.2, 1, len(columns))
    for ax, column in zip(axes[0], columns, strict=True):
        drawn: list[float] = []
        for name in names:
            at = {x: c for x, c in points.items() if c.of(name)}
            found = [c.interval(c.scores(name, column), intervals.mean) for c in at.values()]
            look = style(name, next(iter(points.values())).domain)
            drawn += [f.value for f in found]
            limits = [[f.value - f.low for f in found], [f.high - f.value for f in found]]
            ax.errorbar(list(at), [f.value for f in found], np.maximum(limits, 0),
                        color=look.colour, marker=look.marker, markersize=5, linewidth=1.4,
                        linestyle=look.line, capsize=2, label=name)
        spread(ax.yaxis, drawn)
        ax.set_xlabel(label)
        ax.set_ylabel(column.heading)
        ax.set_xticks(list(points), ticks or [f"{x:g}" for x in points])
    axes[0, -1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    return figure
