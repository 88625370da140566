"""The timeline that every `render()` shows: who did what when, and curves beneath.

matplotlib is imported on the first picture; nothing here needs a screen.
"""
from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

GOLDEN = 0.61803398875
LINES = ("-", "--", ":", "-.")
INK = "#333333"
CURVES = ("#1f4e79", "#c1440e", "#5b8c2a", "#777777")


@dataclass(frozen=True)
class Timeline:
    """Spans of time on rows (devices, workers), each of a kind (variant, job); -1 is not drawn."""

    title: str
    row: np.ndarray                      # (n,) row of the span
    begin: np.ndarray                    # (n,) times in `unit`, like all that follow
    end: np.ndarray                      # (n,)
    kind: np.ndarray                     # (n,) index into `kinds`
    kinds: Sequence[str]                 # names; "group/member" shares the hue of its group
    rows: Sequence[str]                  # name of each row; equal neighbours are labelled once
    curves: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    times: np.ndarray | None = None      # (m,) of the curves' points
    shade: np.ndarray | None = None      # (kinds,) darker where larger
    note: str = ""                       # what shade means
    until: float = 0.0                   # right edge, at least the last span
    unit: str = "s"
    named: bool = True                   # legend and letters; False: too many kinds to name


def spans(cells: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, ...]:
    """(time, row) codes -> row, begin, end, kind of every run of equal codes."""
    steps, rows = cells.shape
    change = np.ones((steps, rows), bool)
    change[1:] = cells[1:] != cells[:-1]
    row, first = np.nonzero(change.T)
    last = np.full(len(first), steps)
    within = row[1:] == row[:-1]
    last[:-1][within] = first[1:][within]
    return row, edges[first], edges[last], cells[first, row]


def palette(kinds: Sequence[str], shade: np.ndarray | None = None) -> list[tuple]:
    """A hue for each group; its members from light to dark, so grey works too.

    `shade` gives each kind a number to order it by within its group, default its place.
    """
    groups = [k.split("/")[0] for k in kinds]
    order = list(dict.fromkeys(groups))
    values = np.arange(len(kinds)) if shade is None else np.asarray(shade)
    colours = []
    for kind, group in enumerate(groups):
        rivals = sorted(values[i] for i, g in enumerate(groups) if g == group)
        place = rivals.index(values[kind]) / max(1, len(rivals) - 1)
        hue = (0.58 + order.index(group) * GOLDEN) % 1
        colours.append(colorsys.hls_to_rgb(hue, 0.78 - 0.43 * place, 0.55))
    return colours


def draw_timeline(timeline: Timeline, width: int = 960, height: int = 640) -> np.ndarray:
    """The picture as (height, width, 3) uint8."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = timeline_figure(timeline, width / 100, height / 100)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def show(image: np.ndarray) -> None:
    """Put a picture on the screen, in the window of the last one; without a screen do nothing."""
    import matplotlib
    from matplotlib import pyplot

    if matplotlib.get_backend().lower() not in matplotlib.backends.backend_registry.list_builtin(
            matplotlib.backends.BackendFilter.INTERACTIVE):
        return
    height, width = image.shape[:2]
    figure = pyplot.figure("timeline", (width / 100, height / 100), dpi=100)
    figure.clear()
    figure.figimage(image)
    pyplot.pause(0.001)


@contextmanager
def names_as_they_are() -> Iterator[None]:
    """Texts made meanwhile are no formulas: a `$` in a name is drawn."""
    import matplotlib

    with matplotlib.rc_context({"text.parse_math": False}):
        yield


@names_as_they_are()
def timeline_figure(timeline: Timeline, width: float = 9.6, height: float = 6.4) -> Any:
    """The picture as a matplotlib Figure, sizes in inches at 100 dots each."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=100, layout="constrained")
    heights = [2.6] + [1.0] * len(timeline.curves)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    _draw_spans(axes[0], timeline)
    for ax, (label, series) in zip(axes[1:], timeline.curves.items(), strict=True):
        _draw_curves(ax, label, series, timeline.times)
    axes[-1].set_xlabel(f"time ({timeline.unit})")
    axes[0].set_xlim(0, max(timeline.until, timeline.end.max(initial=0.0)) or 1.0)
    return figure


def _draw_spans(ax: Any, timeline: Timeline) -> None:
    from matplotlib.collections import PolyCollection

    shown = timeline.kind >= 0
    row, kind = timeline.row[shown], timeline.kind[shown]
    low, high = row + 0.06, row + 0.94
    begin, end = timeline.begin[shown], timeline.end[shown]
    corners = np.stack([np.stack([begin, end, end, begin], 1),
                        np.stack([low, low, high, high], 1)], 2)
    colours = palette(timeline.kinds, timeline.shade)
    ax.add_collection(PolyCollection(corners, facecolors=[colours[k] for k in kind]))
    ax.set_ylim(max(1, len(timeline.rows)), 0)
    ax.set_title(timeline.title, fontsize=10, loc="left")
    _label_rows(ax, timeline.rows)
    if timeline.named:
        _letter_spans(ax, timeline, shown, colours)
        _legend(ax, timeline, colours)


def _label_rows(ax: Any, rows: Sequence[str]) -> None:
    starts = [i for i, name in enumerate(rows) if i == 0 or rows[i - 1] != name]
    ends = [*starts[1:], len(rows)]
    ax.set_yticks([(a + b) / 2 for a, b in zip(starts, ends, strict=True)],
                  [rows[a] for a in starts], fontsize=8)
    ax.tick_params(axis="y", length=0)
    for a in starts[1:]:
        ax.axhline(a, color="black", linewidth=1.2)


def letters(groups: Sequence[str]) -> dict[str, str]:
    """A short mark for each group: letters that tell it apart without colour."""
    marks: dict[str, str] = {}
    for group in groups:
        choices = [group[:1], *(group[0] + c for c in group[1:]), group]
        marks[group] = next((c for c in choices if c and c not in marks.values()), group)
    return marks


def _letter_spans(ax: Any, timeline: Timeline, shown: np.ndarray, colours: Sequence) -> None:
    """Marks on spans with room for them, at most a few hundred, or drawing takes seconds."""
    if len(timeline.rows) > 60:
        return
    marks = letters(list(dict.fromkeys(k.split("/")[0] for k in timeline.kinds)))
    wide = timeline.end - timeline.begin
    room = shown & (wide > 0.025 * (timeline.end.max(initial=1.0)))
    for i in np.flatnonzero(room)[:600]:
        name = timeline.kinds[timeline.kind[i]].split("/")[0]
        dark = sum(colours[timeline.kind[i]]) < 1.5
        ax.text((timeline.begin[i] + timeline.end[i]) / 2, timeline.row[i] + 0.52, marks[name],
                ha="center", va="center", color="white" if dark else INK, clip_on=True,
                fontsize=min(8.0, 220 / max(1, len(timeline.rows))))


def _legend(ax: Any, timeline: Timeline, colours: Sequence) -> None:
    from matplotlib.patches import Patch

    used = {timeline.kinds[k].split("/")[0] for k in np.unique(timeline.kind) if k >= 0}
    groups = [g for g in dict.fromkeys(k.split("/")[0] for k in timeline.kinds) if g in used]
    marks = letters(list(dict.fromkeys(k.split("/")[0] for k in timeline.kinds)))
    shade = {k.split("/")[0]: c for k, c in zip(timeline.kinds, colours, strict=True)}
    handles = [Patch(color=shade[g], label=g if g.split(":")[0] == marks[g] else f"{marks[g]}  {g}")
               for g in groups[:24]]
    if handles:
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8,
                  frameon=False, title=timeline.note or None, title_fontsize=7)


def _draw_curves(ax: Any, label: str, series: Mapping[str, np.ndarray], times: np.ndarray) -> None:
    for i, (name, values) in enumerate(series.items()):
        ax.plot(times, values, LINES[i % len(LINES)], color=CURVES[i % len(CURVES)],
                linewidth=1.3, label=name)
    ax.set_ylabel(label, fontsize=8)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.3)
    low, high = ax.dataLim.intervaly
    if 0 <= low <= high / 2:
        ax.set_ylim(bottom=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)


def ansi_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Aligned plain text: the first column to the left, numbers to the right."""
    cells = [list(columns)] + [[_cell(v) for v in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = ["  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                       for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip()
             for row in cells]
    return "\n".join([title, lines[0], "-" * len(lines[0]), *lines[1:]])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
