"""Pictures and screens of a run: the stages of the network against the budget clock, curves."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from envs.core.drawing import Timeline, ansi_table
from envs.net2net.cells import Architecture, Cell, action_names
from envs.net2net.tree import after

if TYPE_CHECKING:
    from envs.net2net.simulate import Run


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
    cell, states = run.case.cell, run.states
    nets = architectures(cell, run.taken)
    edges = np.concatenate([[0.0], states["clock"]])
    nets = [nets[0], *nets[:len(states) - 1]] if len(nets) < len(edges) - 1 else nets
    forms = sorted({stage for net in nets for stage in net})
    stages, segments = cell.stages, len(edges) - 1
    return Timeline(
        title=title or f"{run.case.name}: {told(cell, run.taken)}",
        row=np.tile(np.arange(stages), segments), begin=np.repeat(edges[:-1], stages),
        end=np.repeat(edges[1:], stages),
        kind=np.array([forms.index(stage) for net in nets[:segments] for stage in net]),
        kinds=[shape(form) for form in forms], rows=[f"stage {s}" for s in range(stages)],
        times=states["clock"], until=cell.budget_ms, unit="ms", note="layers x width, kernel",
        curves={"accuracy": {"validation": states["val_accuracy"]},
                "ms of a step": {"": states["step_ms"]}})


def told(cell: Cell, actions: Sequence[int]) -> str:
    """The actions by name."""
    names = action_names(cell.action_set, cell.stages)
    return ", ".join(names[int(a)] for a in actions)


def screen(run: Run) -> str:
    """A line per decision and one for the end."""
    cell, states = run.case.cell, run.states
    names = [*told(cell, run.taken).split(", ")] if len(run.taken) else []
    nets = architectures(cell, run.taken)
    rows = []
    for j, state in enumerate(states):
        last = j == cell.depth_of_tree
        accuracy = state["val_accuracy"]
        rows.append(["end" if last else f"decision {j}", float(state["clock"]),
                     None if np.isnan(accuracy) else float(accuracy), int(state["gpus"]),
                     int(state["parameters"]), " ".join(f"[{shape(s)}]" for s in nets[j]),
                     names[j] if j < len(names) else ""])
    columns = ("at", "clock ms", "val accuracy", "GPUs", "parameters", "stages", "action")
    return ansi_table(run.case.name, columns, rows)
