"""What a comparison leaves behind: a table, results.csv, report.html, pictures."""
from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.evaluation.intervals import Interval, mean
from agents.evaluation.standings import Comparison, Standing, joined
from envs.core.files import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from agents.domains import Sweep

SOLVED = ("solves", "optimal (%)", "worst gap", "mean (ms)", "max (ms)")
MOST_COLUMNS = 6        # metrics beside the statistics
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;font-size:13px;margin:1em 0}
td,th{padding:.25em .7em;border-bottom:1px solid #ccc;text-align:right;white-space:nowrap}
td:first-child,th:first-child{text-align:left}tr.own{font-weight:bold}tr.bound{font-style:italic}
div{overflow-x:auto}img{max-width:100%}pre{background:#f4f4f4;padding:1em;overflow-x:auto}"""


@dataclass
class Table:
    """Headings and cells of text; `marks` says of each row: own, bound, strongest or nothing."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    marks: Sequence[str] = field(default_factory=list)


def printed_tables(comparison: Comparison, label: str = "") -> list[Table]:
    """The standings; metrics that are too many for one line have a table of their own."""
    brief = [c for c in comparison.domain.columns if c.brief]
    if len(brief) <= MOST_COLUMNS:
        return [standings_table(comparison, label)]
    rows = [[_name(s, comparison), *(_number(s.mean[c.metric], c.digits) for c in brief)]
            for s in comparison.standings()]
    marks = [_mark(s, comparison) for s in comparison.standings()]
    headings = ["contender", *(c.heading for c in brief)]
    return [_standings(comparison, label, []), Table("means", headings, rows, "", marks)]


def standings_table(comparison: Comparison, label: str = "", brief: bool = True) -> Table:
    """Best first; `brief` leaves out what is of second interest."""
    return _standings(comparison, label, [c for c in comparison.domain.columns[1:]
                                          if c.brief or not brief])


def _standings(comparison: Comparison, label: str, columns: Sequence[Any]) -> Table:
    d = comparison.domain
    standings = comparison.standings()
    headings = ["contender", d.main.heading, "median", "IQM [95 %]",
                *(c.heading for c in columns), "P(better)", "to strongest [95 %]", "to bound",
                "s per run"]
    rows = [_row(s, comparison, columns) for s in standings]
    marks = [_mark(s, comparison) for s in standings]
    return Table(title(comparison, label), headings, rows, _note(comparison), marks)


def sweep_table(points: Mapping[str, Comparison]) -> Table:
    """The main metric of every contender at every point, best over all points first."""
    whole = joined(points)
    main, standings = whole.domain.main, whole.standings()
    rows = []
    for s in standings:
        found = [c.interval(c.scores(s.contender.name), mean) for c in points.values()]
        rows.append([_name(s, whole), *(_interval(f, main.digits) for f in found)])
    heading = main.heading.removeprefix("mean ")
    return Table(f"{title(whole)}: mean {heading} [95 %]", ["contender", *points], rows,
                 _note(whole), [_mark(s, whole) for s in standings])


def _row(s: Standing, comparison: Comparison, columns: Sequence[Any]) -> list[str]:
    main = comparison.domain.main
    cells = [_number(s.mean[c.metric], c.digits) for c in columns]
    return [_name(s, comparison), _number(s.mean[main.metric], main.digits),
            _number(s.median[main.metric], main.digits), _interval(s.iqm, main.digits), *cells,
            "-" if s.improvement is None or np.isnan(s.improvement.value)
            else _number(s.improvement.value, 2),
            "-" if s.difference is None else _interval(s.difference, main.digits, "+"),
            _number(s.gap, main.digits), _number(s.seconds, 2)]


def _name(s: Standing, comparison: Comparison) -> str:
    mark = {"strongest": " +", "bound": " !", "own": " *"}.get(_mark(s, comparison), "")
    return s.contender.name + mark


def _mark(s: Standing, comparison: Comparison) -> str:
    if s.contender.privileged:
        return "bound"
    if s.contender.kind != "baseline":
        return "own"
    return "strongest" if s.contender.name == comparison.strongest else ""


def title(comparison: Comparison, label: str = "") -> str:
    """What was compared on what."""
    d, windows = comparison.domain, comparison.windows
    extent = d.extent(comparison.window_length)
    trace = f"trace {comparison.trace}" if comparison.trace else "several traces"
    parts = [d.name, f"scenario {comparison.scenario.name}", trace, label,
             f'{_count(len(windows), f"{comparison.part} window")} {extent}'.strip(),
             _count(len(comparison.seeds), "seed")]
    return ", ".join(p for p in parts if p)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _note(comparison: Comparison) -> str:
    parts = ["* policy or contender of your own"] if any(
        c.kind != "baseline" for c in comparison.contenders) else []
    if comparison.strongest:
        parts.append("+ strongest baseline, to which P(better) and the paired difference refer"
                     + ("" if comparison.domain.main.larger_is_better else " (+: better)"))
    if comparison.bound:
        parts.append("! told the future: a bound, not a rival")
    return "; ".join([*parts, *comparison.domain.remarks(comparison), *comparison.notes])


def print_table(table: Table, console: Console | None = None) -> None:
    """One rich table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable

    console = console or Console()
    widths = [max([len(word) for word in heading.split()] + [len(row[i]) for row in table.rows])
              for i, heading in enumerate(table.headings)]
    drawn = RichTable(title=table.title, caption=table.note, box=SIMPLE_HEAD, pad_edge=False,
                      title_justify="left", caption_justify="left")
    for i, (heading, width) in enumerate(zip(table.headings, widths, strict=True)):
        drawn.add_column(heading, justify="right" if i else "left", width=width)
    looks = {"own": "bold", "bound": "italic"}
    for i, row in enumerate(table.rows):
        drawn.add_row(*row, style=looks.get(table.marks[i]) if table.marks else None)
    needed = sum(widths) + 3 * len(widths)      # a narrow terminal wraps lines, not words
    Console(file=console.file, force_terminal=console.is_terminal,
            width=max(needed, console.width if console.is_terminal else 0)).print(drawn)


def results_csv(points: Mapping[str, Comparison]) -> str:
    """One row per contender, window and seed; metrics in their own units."""
    import polars as pl

    rows = [{"contender": who.name, "kind": who.kind, "privileged": who.privileged,
             "point": label, "window": o.window, "seed": o.seed, "seconds": round(o.seconds, 4),
             **_scalars(o.metrics)}
            for label, c in points.items() for who in c.contenders for o in c.of(who.name)]
    return pl.DataFrame(rows, infer_schema_length=None).write_csv()


def _scalars(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Single numbers, mappings of reasons spelled out; lists and families are left out."""
    found: dict[str, Any] = {}
    for name, value in metrics.items():
        if name == "dropped_by":
            found.update({f"dropped_{reason}": n for reason, n in value.items()})
        elif not isinstance(value, Mapping | list):
            found[name] = value
    return found


def solver_cells(solves: Sequence[Mapping[str, Any]]) -> list[str]:
    """The cells of `SOLVED`: how often, how well and how fast programs were solved."""
    seconds = np.array([s["seconds"] for s in solves])
    optimal = np.mean([s["status"] == "optimal" for s in solves])
    gaps = [s["gap"] for s in solves if s["gap"] is not None]
    return [str(len(solves)), f"{100 * optimal:.1f}", f"{max(gaps):.1e}" if gaps else "-",
            f"{1000 * seconds.mean():.1f}", f"{1000 * seconds.max():.0f}"]


def sweep_pictures(swept: Sweep,
                   points: Mapping[str, Comparison]) -> list[tuple[str, str, Any]]:
    """Metrics along the axis of a sweep, a picture per group of points: at most eight
    contenders, best first."""
    from agents.evaluation.figures import sweep

    whole, found = joined(points), []
    names = [s.contender.name for s in whole.standings()][:8]
    for group in dict.fromkeys(p.group for p in swept.points.values()):
        here = {label: p for label, p in swept.points.items() if p.group == group}
        mine = {p.x: points[label] for label, p in here.items()}
        ticks = [p.tick or f"{p.x:g}" for p in here.values()]
        stem = f"sweep_{group}" if group else "sweep"
        found.append((stem, " ".join(["Against", swept.axis, *([f"({group})"] if group else [])]),
                      sweep(swept.axis, mine, names, whole.domain.columns[:3], ticks)))
    return found


def versions() -> str:
    """What the numbers were made with."""
    from importlib.metadata import version

    names = ("numpy", "numba", "ortools", "gymnasium", "torch")
    return "\n".join(f"{name} {version(name)}" for name in names)


def write_report(folder: Path, heading: str, tables: Sequence[Table],
                 pictures: Sequence[tuple[str, str, Any]], about: Mapping[str, str]) -> Path:
    """PNGs, and one HTML page that holds everything and opens offline."""
    parts = [f"<h1>{html.escape(heading)}</h1>", *(_html_table(t) for t in tables)]
    for stem, caption, figure in pictures:
        image = _png(figure)
        write_whole(folder / f"{stem}.png", image)
        source = base64.b64encode(image).decode()
        text = html.escape(caption)
        parts.append(f"<h2>{text}</h2><img alt='{text}' src='data:image/png;base64,{source}'>")
    parts += [f"<h2>{html.escape(k)}</h2><pre>{html.escape(v)}</pre>" for k, v in about.items()]
    page = (f"<!doctype html><html lang='en'><meta charset='utf-8'>"
            f"<title>{html.escape(heading)}</title><style>{STYLE}</style>"
            f"<body>{''.join(parts)}</body></html>")
    write_whole(folder / "report.html", page.encode())
    return folder / "report.html"


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(h)}</th>" for h in table.headings)
    marks = table.marks or [""] * len(table.rows)
    body = "".join(
        f"<tr class='{mark}'>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>"
        for row, mark in zip(table.rows, marks, strict=True))
    return (f"<h2>{html.escape(table.title)}</h2><div><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table></div><p>{html.escape(table.note)}</p>")


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _interval(found: Interval, digits: int, sign: str = "") -> str:
    if np.isnan(found.value):
        return "-"
    return f"{found.value:{sign}.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
