"""Pictures and screens of a run: GPUs against time coloured by job, queue and use beneath."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs.cluster.metrics import changes, held
from envs.cluster.rules.measure import HOLD, STATE
from envs.cluster.state import FINISHED, FUTURE, HELD, RUNNING, WAITING
from envs.core.drawing import Timeline, ansi_table

if TYPE_CHECKING:
    from envs.cluster.simulate import Run

HOUR = 3.6e9                # us
HUES, SHADES = 16, 3        # colours of jobs: neighbours by number differ in hue
MOST_SPANS = 20_000         # more cannot be told apart, and drawing takes long
MOST_GPUS = 512             # rows
POINTS = 240                # of a curve over time
QUEUE = 12                  # waiting jobs on a screen


def timeline(run: Run, title: str = "which job holds which GPU") -> Timeline:
    """One row per GPU, grouped by node; colours repeat after HUES * SHADES jobs."""
    rows, begin, end, job = _spans(run)
    until = max(run.end_us, int(run.jobs["finish_us"].max(initial=0)), 1)
    edges = np.linspace(0, until, POINTS + 1)
    kinds = [f"{k % HUES}/{k // HUES}" for k in range(HUES * SHADES)]
    nodes = np.repeat(np.arange(len(run.system.node_gpus)), run.system.node_gpus)[:MOST_GPUS]
    return Timeline(
        title=title, row=rows, begin=begin / HOUR, end=end / HOUR, kind=job % len(kinds),
        kinds=kinds, rows=[_name(run, n) for n in nodes], times=edges[1:] / HOUR, unit="h",
        curves=curves(run, edges), until=until / HOUR, named=False)


def _name(run: Run, node: int) -> str:
    kind = run.system.types[run.system.node_type[node]] if len(run.system.types) > 1 else "node"
    return f"{kind} {node}"


def _spans(run: Run) -> tuple[np.ndarray, ...]:
    """Row, begin, end, job of every GPU of every segment that is drawn, lowest free GPU first."""
    segment, piece = held(run)
    begin = run.segments["start_us"][segment]
    end = run.segments["end_us"][segment]
    end = np.where(end < 0, max(run.end_us, int(begin.max(initial=0))), end)
    shown = np.flatnonzero(end > begin)
    shown = shown[np.argsort(begin[shown], kind="stable")][:MOST_SPANS]
    offset = np.concatenate([[0], np.cumsum(run.system.node_gpus)])
    free_at = np.zeros(offset[-1], np.int64)        # when each GPU is free again
    found = []
    for i in shown:
        first, last = offset[piece["node"][i]], offset[piece["node"][i] + 1]
        mine = first + np.flatnonzero(free_at[first:last] <= begin[i])[:piece["gpus"][i]]
        free_at[mine] = end[i]
        found.append(mine)
    row = np.concatenate([*found, np.zeros(0, np.int64)])
    which = np.repeat(shown, [len(mine) for mine in found]).astype(np.int64)
    kept = row < MOST_GPUS
    which = which[kept]
    return row[kept], begin[which], end[which], run.segments["job"][segment[which]]


def curves(run: Run, edges: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Means between edges (us): waiting jobs, and the share of up GPUs that is held."""
    jobs, s = run.jobs, run.segments
    here = _counted(run.system.arrival_us, jobs["finish_us"][jobs["finish_us"] >= 0], edges)
    running = _counted(s["start_us"], s["end_us"][s["end_us"] >= 0], edges)
    busy, up = gpu_curves(run, edges)
    share = np.divide(busy, up, out=np.zeros(len(busy)), where=up > 0)
    return {"jobs": {"waiting": np.maximum(0, here - running), "running": running},
            "GPUs (%)": {"held": 100 * share}}


def gpu_curves(run: Run, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean number of held GPUs and of up GPUs between edges (us)."""
    found, system = changes(run), run.system
    hold, state = found[found["kind"] == HOLD], found[found["kind"] == STATE]
    gpus = system.node_gpus.astype(np.int64)
    sign = np.where(state["amount"] > 0, 1, -1)
    return (_means(hold["time"], hold["amount"], edges),
            _means(state["time"], sign * gpus[state["node"]], edges, gpus[system.starts_up].sum()))


def _counted(come: np.ndarray, gone: np.ndarray, edges: np.ndarray) -> np.ndarray:
    time = np.concatenate([come, gone])
    step = np.concatenate([np.ones(len(come), int), -np.ones(len(gone), int)])
    order = np.argsort(time, kind="stable")
    return _means(time[order], step[order], edges)


def _means(time: np.ndarray, step: np.ndarray, edges: np.ndarray, start: float = 0) -> np.ndarray:
    """Mean between edges of what is `start` at first and changes by `step` at each time."""
    knots = np.concatenate([[min(0.0, edges[0])], time, [max(edges[-1], time.max(initial=0))]])
    level = start + np.concatenate([[0], np.cumsum(step)])
    area = np.concatenate([[0.0], np.cumsum(level * np.diff(knots))])
    return np.diff(np.interp(edges, knots, area)) / np.diff(edges)


def screen(run: Run) -> str:
    """GPUs by type, jobs by state, and the head of the queue, at the end of what was played."""
    now, system, status = run.end_us, run.system, run.jobs["status"]
    count = {name: int((status == code).sum()) for name, code in (
        ("to come", FUTURE), ("held", HELD), ("waiting", WAITING), ("running", RUNNING),
        ("finished", FINISHED))}
    title = f"{now / HOUR:g} h: " + ", ".join(f"{n} {name}" for name, n in count.items())
    return "\n\n".join([
        ansi_table(title, ["GPUs", "up", "held", "free"], _types(run)),
        ansi_table("waiting", ["job", "gpus", "since (h)", "service (h)", "preemptions"],
                   [[f"job {i}", int(system.gpus[i]), float(now - system.arrival_us[i]) / HOUR,
                     float(run.jobs["wall_us"][i]) / HOUR, int(run.jobs["preemptions"][i])]
                    for i in np.flatnonzero(status == WAITING)[:QUEUE]])])


def _types(run: Run) -> list[list[object]]:
    system, up = run.system, run.system.starts_up.copy()
    up[run.node_log["node"]] = run.node_log["up"]       # in order of time: the last one stays
    segment, piece = held(run)
    now = piece[run.segments["end_us"][segment] < 0]
    busy = np.bincount(now["node"], now["gpus"], len(up))
    rows = []
    for kind, name in enumerate(system.types):
        nodes = (system.node_type == kind) & up
        gpus, taken = int(system.node_gpus[nodes].sum()), int(busy[nodes].sum())
        rows.append([name, gpus, taken, gpus - taken])
    return rows
