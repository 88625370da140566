"""Pictures and screens of a run: workers and links against time, memory and tasks beneath."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs.core.drawing import Timeline, ansi_table
from envs.dag.metrics import per_unit, ran
from envs.dag.units import NEVER

if TYPE_CHECKING:
    from envs.dag.simulate import Run

MOST_SPANS = 20_000         # more cannot be told apart, and drawing takes long
MOST_JOBS = 16              # hues of jobs, after which they repeat
POINTS = 400                # of a curve over time
MOVES = ("fetch", "stage", "write-back")
STALL = "waits for data"
Spans = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]       # row, begin, end, kind


def timeline(run: Run, title: str = "which worker runs what, which link moves what") -> Timeline:
    """A row per worker and per link in use; tasks coloured by kind, in streams by job."""
    kinds, of_task = _kinds(run)
    rows = [*worker_names(run), *(name for name, _, _ in _links(run))]
    row, begin, end, kind = _shown([
        _runs(run, of_task), _stalls(run, len(kinds) - 1), *_moves(run, len(kinds) - 4)])
    unit, until = per_unit(run), end_of(run)
    edges = np.linspace(0, until, POINTS + 1)
    return Timeline(
        title=title, row=row, begin=begin / unit, end=end / unit, kind=kind, kinds=kinds,
        rows=rows, times=edges[1:] / unit, unit=unit_name(run), until=until / unit,
        note="jobs by number" if len(run.jobs) > 1 else "",
        curves={**memory_curves(run, edges[1:]), **task_curves(run, edges)})


def worker_names(run: Run) -> list[str]:
    """`gpu 0`, `gpu 1`, `cpu 2`: type and number of every worker."""
    machine = run.system.scenario.machine
    return [f"{machine.types[y]} {w}" for w, y in enumerate(machine.type_of)]


def node_names(run: Run) -> list[str]:
    """`host`, then the worker of every own memory."""
    node_of, names = run.system.scenario.machine.node_of, worker_names(run)
    return ["host", *(name for name, node in zip(names, node_of, strict=True) if node)]


def unit_name(run: Run) -> str:
    """The machine's unit of time as axes name it."""
    unit = run.system.scenario.machine.unit
    return "units" if unit == "1" else unit


def end_of(run: Run) -> int:
    """The last instant of the run that is known, at least 1 tick."""
    known = [1, int(ran(run)["finish"].max(initial=0)), int(run.transfers["end"][
        run.transfers["end"] < NEVER].max(initial=0)), int(run.memory["time"].max(initial=0))]
    return max(known)


def _kinds(run: Run) -> tuple[list[str], np.ndarray]:
    """Names of what is drawn, transfers and stalls last; the place of every task in them."""
    if len(run.jobs) > 1:
        names = [f"{j}" if len(run.jobs) <= MOST_JOBS else f"{j}, {j + MOST_JOBS}, ..."
                 for j in range(min(MOST_JOBS, len(run.jobs)))]
        return [*names, *MOVES, STALL], run.tasks["job"] % MOST_JOBS
    graph = run.trace.jobs[0].graph
    kind = np.where(graph.kind < 0, len(graph.kinds), graph.kind)
    return [*graph.kinds, "task", *MOVES, STALL], kind[run.tasks["task"]]


def _runs(run: Run, of_task: np.ndarray) -> Spans:
    tasks = run.tasks
    mine = (tasks["worker"] >= 0) & (tasks["start"] >= 0) & (tasks["start"] < NEVER)
    end = np.where((tasks["finish"] < 0) | (tasks["finish"] >= NEVER), end_of(run),
                   tasks["finish"])
    return tasks["worker"][mine], tasks["start"][mine], end[mine], of_task[mine]


def _stalls(run: Run, kind: int) -> Spans:
    """From assignment, or the end of the task before it on the worker, to the start."""
    tasks = ran(run)
    tasks = tasks[np.lexsort((tasks["start"], tasks["worker"]))]
    before = np.concatenate([[0], tasks["finish"][:-1]])
    before[np.concatenate([[True], np.diff(tasks["worker"]) != 0])[:len(before)]] = 0
    begin = np.maximum(tasks["assigned"], before[:len(tasks)])
    late = tasks["start"] > begin
    return (tasks["worker"][late], begin[late], tasks["start"][late],
            np.full(int(late.sum()), kind))


def _links(run: Run) -> list[tuple[str, str, int]]:
    """Name, end (`dst`: into, `src`: out of) and node of every link that moved something."""
    found = [(f"{name} {word}", end, node) for node, name in enumerate(node_names(run)) if node
             for word, end in (("in", "dst"), ("out", "src"))]
    return [link for link in found if (run.transfers[link[1]] == link[2]).any()]


def _moves(run: Run, first: int) -> list[Spans]:
    """A transfer is drawn on the link out of its source and on that into its destination."""
    found, workers = [], len(run.system.scenario.machine.type_of)
    for row, (_, end, node) in enumerate(_links(run), workers):
        moved = run.transfers[(run.transfers[end] == node) & (run.transfers["end"] < NEVER)]
        found.append((np.full(len(moved), row), moved["start"], moved["end"],
                      first + moved["kind"]))
    return found


def _shown(parts: list[Spans]) -> Spans:
    row, begin, end, kind = (np.concatenate([p[i] for p in parts]).astype(np.int64)
                             for i in range(4))
    order = np.argsort(begin, kind="stable")
    first = order[(end > begin)[order]][:MOST_SPANS]
    return row[first], begin[first], end[first], kind[first]


def memory_curves(run: Run, at: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Memory in use on every own node at each instant (ticks): %, or MB where it is unbounded."""
    found: dict[str, dict[str, np.ndarray]] = {}
    capacity = run.system.scenario.machine.capacity
    for node, name in enumerate(node_names(run)):
        mine = run.memory[run.memory["node"] == node]
        if not node or not len(mine):
            continue
        used = np.concatenate([[0], mine["used"]])[np.searchsorted(mine["time"], at, "right")]
        bounded = capacity[node] < NEVER
        label = "memory in use (%)" if bounded else "memory in use (MB)"
        found.setdefault(label, {})[name] = used * (100 / capacity[node] if bounded else 1e-6)
    return found


def task_curves(run: Run, edges: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Mean number of ready, unassigned tasks and of running ones between edges (ticks)."""
    tasks = run.tasks[run.tasks["worker"] >= 0]
    return {"tasks": {
        "ready": _between(tasks["ready"], tasks["assigned"], edges),
        "running": _between(tasks["start"], tasks["finish"], edges)}}


def _between(come: np.ndarray, gone: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean number that have come and are not gone, between edges; NEVER or negative: not yet."""
    return np.diff(_passed(come, edges) - _passed(gone, edges)) / np.diff(edges)


def _passed(steps: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Sum of max(0, at - step) over the steps that happened."""
    steps = np.sort(steps[(steps >= 0) & (steps < NEVER)]).astype(float)
    count = np.searchsorted(steps, at, "right")
    return count * at - np.concatenate([[0.0], np.cumsum(steps)])[count]


def screen(run: Run) -> str:
    """Workers with what they did, and links with what they moved, up to the end of what ran."""
    unit, until = per_unit(run), end_of(run)
    tasks = run.tasks[(run.tasks["worker"] >= 0) & (run.tasks["finish"] <= until)]
    title = (f"{until / unit:g} {unit_name(run)}: {len(tasks)} of "
             f"{int((run.tasks['worker'] >= 0).sum())} assigned tasks finished, "
             f"{run.decisions} decisions, {run.waits} waits")
    rows = []
    for w, name in enumerate(worker_names(run)):
        mine = tasks[tasks["worker"] == w]
        busy = (mine["finish"] - mine["start"]).sum()
        stall = (mine["start"] - mine["assigned"]).sum()
        rows.append([name, len(mine), 100 * float(busy) / until, float(stall) / unit])
    shown = [ansi_table(title, ["worker", "tasks", "busy (%)", f"stall ({unit_name(run)})"], rows)]
    links = [[name, int((run.transfers[end] == node).sum()),
              float(run.transfers["bytes"][run.transfers[end] == node].sum()) / 1e6]
             for name, end, node in _links(run)]
    if links:
        shown.append(ansi_table("transfers", ["link", "number", "MB"], links))
    return "\n\n".join(shown)
