"""The pictures of a `net2net` comparison."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agents.evaluation.facts_net2net import by_cell, mean_reference
from agents.evaluation.figures import blank, boxes, ranking, shown, style
from agents.evaluation.standings import Comparison, Outcome
from envs.core.drawing import timeline_figure
from envs.net2net.cells import Cell
from envs.net2net.metrics import edit_count
from envs.net2net.players.values import values_of

REFERENCES = ("never", "best_constant", "planner", "held_out_oracle", "always(3)")
MOST_PANELS = 6
MOST_TIMELINES = 4


def figures(comparison: Comparison) -> list[tuple[str, str, Any]]:
    """File stem, caption and figure."""
    chosen = shown(comparison, REFERENCES)
    found = [
        ("ranking", "Normalised score: 0 the mean of all sequences, 1 the best; right is better",
         ranking(comparison)),
        ("heat_map", "Normalised score by budget and task", heat_maps(comparison, chosen[:4])),
        ("learning_curves", "Validation accuracy along the budget clock of the first seed of each "
         "cell; a mark at every edit", learning_curves(comparison, chosen[:5])),
        ("edits", "Score against number of edits: line, the mean of all sequences with so many",
         edit_curves(comparison, chosen)),
        ("boxes", "Normalised score of all cases: box from quartile to quartile, median, whiskers "
         "to the farthest within 1.5 boxes", boxes(comparison, comparison.domain.main)),
    ]
    transfer = sequence_transfer(comparison)
    if len(transfer) > 1:
        names = [cell.name for cell in by_cell(comparison)]
        found.append(("transfer", "Normalised score of the best sequence of one cell on another",
                      matrix(transfer, names, names, "played on", "best on")))
    for name in chosen[:MOST_TIMELINES]:
        outcome = comparison.of(name)[0]
        found.append((f"timeline_{stem(name)}", f"The network under {name}, {outcome.window}",
                      timeline_of(outcome)))
    return found


def stem(name: str) -> str:
    """A name as part of a file name."""
    return re.sub(r"\W+", "_", name).strip("_")


def learning_curves(comparison: Comparison, names: Sequence[str]) -> Any:
    """A panel per cell: validation accuracy at decisions and at the end, edits marked."""
    firsts = [cases[0] for cases in by_cell(comparison).values()][:MOST_PANELS]
    figure, axes = blank(4.2 * min(3, len(firsts)) + 1.6, 3.4 * -(-len(firsts) // 3),
                         -(-len(firsts) // 3), min(3, len(firsts)))
    for ax, case in zip(axes.flat, firsts, strict=False):
        for name in names:
            outcome = next(o for o in comparison.of(name) if o.digest.case.name == case.name)
            _curve(ax, outcome, style(name, comparison.domain))
        ax.set_title(case.name, fontsize=9)
        ax.set_xlabel("budget clock (ms)")
        ax.set_ylabel("validation accuracy")
    _finish(axes, len(firsts))
    return figure


def _finish(axes: Any, used: int) -> None:
    """Hide the panels beyond those in use; one legend beside all of them."""
    for ax in axes.flat[used:]:
        ax.set_axis_off()
    axes[0, -1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)


def _curve(ax: Any, outcome: Outcome, look: Any) -> None:
    states, taken = outcome.digest.states, np.array(outcome.digest.taken)
    clock, accuracy = states["clock"], states["val_accuracy"]
    ax.plot(clock, accuracy, linestyle=look.line, color=look.colour, linewidth=1.4,
            label=outcome.contender)
    edits = np.flatnonzero(taken)
    ax.plot(clock[edits], accuracy[edits], "^", color=look.colour, markersize=8,
            markeredgecolor="black", markeredgewidth=0.5)
    ax.plot(clock[-1], accuracy[-1], look.marker, color=look.colour, markersize=5)


def heat_maps(comparison: Comparison, names: Sequence[str]) -> Any:
    """A panel per contender: budgets down, tasks across."""
    places = {cell: place(cell) for cell in by_cell(comparison)}
    rows = list(dict.fromkeys(row for row, _ in places.values()))
    columns = list(dict.fromkeys(column for _, column in places.values()))
    figure, axes = blank(1.2 + len(names) * (0.9 + 0.9 * len(columns)), 1.6 + 0.6 * len(rows), 1,
                         len(names), sharey=True)
    for ax, name in zip(axes[0], names, strict=True):
        values = np.full((len(rows), len(columns)), np.nan)
        for cell, (row, column) in places.items():
            values[rows.index(row), columns.index(column)] = mean_score(comparison, name, cell)
        draw_matrix(ax, values, rows, columns)
        ax.set_title(name, fontsize=9)
        ax.set_xlabel("task")
    axes[0, 0].set_ylabel("opening" if next(iter(places)).published else "budget")
    return figure


def place(cell: Cell) -> tuple[str, str]:
    """Row and column of a cell: budget and task; the opening of a published one."""
    if cell.published:
        return cell.name.partition("/")[2], cell.task
    return f"{cell.budget_ms:g} ms", cell.task


def mean_score(comparison: Comparison, name: str, cell: Cell) -> float:
    """Mean of the main metric over the seeds of a cell; nan where there is none."""
    found = [o.metrics[comparison.domain.main.metric] for o in comparison.of(name)
             if o.digest.case.cell == cell]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else float("nan")


def matrix(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], across: str,
           down: str) -> Any:
    """A matrix of scores, (rows, columns): a transfer matrix, for one."""
    figure, axes = blank(2.4 + 0.95 * len(columns), 2.0 + 0.5 * len(rows))
    draw_matrix(axes[0, 0], values, rows, columns)
    axes[0, 0].set_xlabel(across)
    axes[0, 0].set_ylabel(down)
    return figure


def draw_matrix(ax: Any, values: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Cells coloured from -1 to 1 with their numbers; gaps stay white."""
    ax.imshow(np.ma.masked_invalid(values), cmap="RdYlGn", vmin=-1, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns, fontsize=8, rotation=30, ha="right")
    ax.set_yticks(range(len(rows)), rows, fontsize=8)
    ax.grid(False)
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8,
                    color="white" if abs(value) > 0.8 else "black")


def sequence_transfer(comparison: Comparison) -> np.ndarray:
    """(cell, cell) normalised score on the second of the sequence that training seeds of the
    first call best; empty where sequences do not mean the same or are too many."""
    cells = by_cell(comparison)
    known = [mean_reference(cases, comparison.scenario) for cases in cells.values()]
    if any(one is None for one in known) or len({(c.action_set, c.leaves) for c in cells}) > 1:
        return np.empty((0, 0))
    best = [int(np.nanargmax(values_of(cell, comparison.scenario).leaf)) for cell in cells]
    scores = [[one.normalised(float(one.values[leaf])) for one in known] for leaf in best]
    return np.array([[np.nan if x is None else x for x in row] for row in scores], float)


def edit_curves(comparison: Comparison, names: Sequence[str]) -> Any:
    """A panel per cell: normalised score by number of edits, of all sequences and contenders."""
    cells = dict(list(by_cell(comparison).items())[:MOST_PANELS])
    figure, axes = blank(4.0 * min(3, len(cells)) + 1.6, 3.2 * -(-len(cells) // 3),
                         -(-len(cells) // 3), min(3, len(cells)))
    for ax, (cell, cases) in zip(axes.flat, cells.items(), strict=False):
        known = mean_reference(cases, comparison.scenario)
        if known is not None:
            ax.plot(*_by_edits(cell, known), color="black", linewidth=1.2, label="all sequences")
        for name in names:
            mine = [o for o in comparison.of(name) if o.digest.case.cell == cell]
            look = style(name, comparison.domain)
            ax.plot(np.mean([o.metrics["edits"] for o in mine]), mean_score(comparison, name, cell),
                    look.marker, color=look.colour, markersize=8, markeredgecolor="black",
                    markeredgewidth=0.5, linestyle="none", label=name)
        ax.set_title(cell.name, fontsize=9)
        ax.set_xlabel("edits")
        ax.set_ylabel("normalised score")
    _finish(axes, len(cells))
    return figure


def _by_edits(cell: Cell, known: Any) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of edits, and the mean score of the sequences with so many."""
    edits = np.array([edit_count(cell, cell.sequence_of(leaf)) for leaf in range(cell.leaves)])
    there = np.unique(edits[np.isfinite(known.values)])
    means = [known.normalised(float(np.nanmean(known.values[edits == n]))) for n in there]
    return there, np.array([np.nan if m is None else m for m in means])


def timeline_of(outcome: Outcome) -> Any:
    """The stages against time, accuracy and step cost beneath."""
    drawn = replace(outcome.digest.timeline, title=f"{outcome.contender} on {outcome.window}")
    return timeline_figure(drawn, 10.5, 4.6)
