"""Runs in the form of the oracles."""

from . import policies
from .system import System


def simulate(instance, policy: str, plan=None):
    """Run an instance under a policy."""
    return policies.run(System(instance), policy, plan)


def summary(simulator) -> dict:
    """Counts and times of a run."""
    system, state = simulator.system, simulator.state
    kinds = [transfer.kind for transfer in state.transfers]
    jct = [state.finished[j] - system.arrival[j] for j in system.jobs]
    return {"makespan": max(state.finished.values()), "decisions": state.decisions,
            "waits": state.waits, **{k: kinds.count(k) for k in ("fetch", "stage", "writeback")},
            "evictions": len(state.evictions), "jct": jct, "area": sum(jct)}


def log(simulator) -> dict:
    """Tasks, transfers and evictions of a run."""
    system, state = simulator.system, simulator.state

    def tile(name):
        return f"{name[0]}/{name[1]}"

    tasks = [[i[0], system.graph[i[0]].ids[i[1]], task.worker, task.assigned, task.start,
              task.finish] for i, task in state.tasks.items() if task.worker >= 0]
    return {"tasks": sorted(tasks, key=lambda row: (row[3], row[2], row[4], row[5])),
            "transfers": [[tile(t.tile), t.source, t.target, t.start, t.end, t.kind]
                          for t in state.transfers],
            "evictions": [[time, n, tile(name), dirty] for time, n, name, dirty in state.evictions]}


def choices(simulator) -> list:
    """Decisions in order: time, worker, job, task; no task is WAIT."""
    return [[time, w, *((None, None) if i is None else i)]
            for time, w, i in simulator.state.choices]


def used(simulator) -> dict:
    """Bytes on a node at the end of each tick in which they changed."""
    return {(time, n): amount for time, n, amount in simulator.state.memory}
