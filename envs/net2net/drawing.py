"""Pictures and screens of a run: the stages of the network against the budget clock, curves."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from envs.core.drawing import Timeline, ansi_table
from envs.net2net.cells import Architecture, Cell, action_names
from envs.net2net.tree import after

if TYPE_CHECKING:
    from envs.net2net.recorder import Run


def architectures(cell: Cell, actions: Sequence[int]) -> list[Architecture]:
    """The network before each action and after the last; the actions were legal."""
    history = (cell.network.base,)
    found = [history[-1]]
    for action in actions:
        history = after(cell, history, int(action))
        found.append(history[-1])
    return found


def shape(stage: tuple[int, int, int]) -> str:
    """`2x16 k3`: layers, width and kernel of a stage."""
    depth, width, kernel = stage
    return f"{depth}x{width} k{kernel}"


def timeline(run: Run, title: str = "") -> Timeline:
    """A row per stage, coloured by its form; accuracies and the cost of a step beneath."""
    cell, clock = run.case.cell, run.states["clock"]
    nets = architectures(cell, _so_far(run))
    forms = sorted({stage for net in nets for stage in net})
    edges = np.concatenate([[0.0], clock])
    rows = np.arange(cell.stages)
    return Timeline(
        title=title or f"{run.case.name}: {', '.join(told(cell, _so_far(run)))}",
        row=np.tile(rows, len(nets)), begin=np.repeat(edges[:-1], len(rows)),
        end=np.repeat(edges[1:], len(rows)),
        kind=np.array([forms.index(stage) for net in nets for stage in net], int),
        kinds=[f"{chr(ord('A') + i % 26)}: {shape(form)}" for i, form in enumerate(forms)],
        rows=[f"stage {s}" for s in rows], times=np.sort(np.concatenate([edges[:-1], clock])),
        until=cell.budget_ms, unit="ms", note="layers x width, kernel", curves=_curves(run))


def _curves(run: Run) -> dict[str, dict[str, np.ndarray]]:
    """Values at both ends of every segment: steps cost the same all along it."""
    states = run.states
    accuracy, found = states["val_accuracy"], {}
    if np.isfinite(accuracy).sum() > 1:
        before = np.concatenate([[np.nan], accuracy[:-1]])
        found["accuracy"] = {"validation": np.stack([before, accuracy], 1).ravel()}
    return {**found, "ms of a step": {"present network": np.repeat(states["step_ms"], 2)}}


def told(cell: Cell, actions: Sequence[int]) -> list[str]:
    """The actions by name."""
    names = action_names(cell.action_set, cell.stages)
    return [names[int(a)] for a in actions]


def screen(run: Run) -> str:
    """A line per decision so far and one for the end."""
    cell, states = run.case.cell, run.states
    actions = [*told(cell, _so_far(run)), ""]
    nets = architectures(cell, _so_far(run))
    rows = []
    for j, state in enumerate(states):
        accuracy = float(state["val_accuracy"])
        rows.append(["end" if j == cell.depth_of_tree else f"decision {j}", float(state["clock"]),
                     None if np.isnan(accuracy) else accuracy, int(state["gpus"]),
                     int(state["parameters"]), " ".join(f"[{shape(s)}]" for s in nets[j]),
                     actions[j]])
    columns = ("at", "clock ms", "val accuracy", "GPUs", "parameters", "stages", "action")
    return ansi_table(run.case.name, columns, rows)


def _so_far(run: Run) -> Sequence[int]:
    """Actions whose outcome is known; a run may still be under way."""
    return run.taken[:len(run.states) - 1]
