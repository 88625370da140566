"""Least makespan over all legal answers (section 12.3)."""

from dataclasses import dataclass, field

from .simulator import Simulator


@dataclass
class Found:
    """The best makespan and its answers; `complete` if no limit was met."""

    value: float = float("inf")
    decisions: list = field(default_factory=list)
    nodes: int = 0
    complete: bool = True


def search(system, max_nodes: int = 10**6, state=None) -> Found:
    """Depth first: eligible tasks by rseq, then WAIT."""
    found = Found()
    _visit(Simulator(system, state, actual=True), found, max_nodes)
    return found


def cut(simulator) -> int:
    """No schedule from here ends earlier."""
    state, system = simulator.state, simulator.system
    bounds = [state.now]
    for i in [*state.ready, *(i for held in state.held for i in held)]:
        task, ahead = state.tasks[i], system.ahead(i, float("inf"), True)
        if task.finish is None:
            bounds.append(state.now + ahead)
        else:
            bounds.append(task.finish + ahead - system.least(i, True))
    return max(bounds)


def _visit(simulator, found: Found, max_nodes: int) -> None:
    if simulator.pending() is None:
        end = max(simulator.state.finished.values())
        if end < found.value:
            found.value, found.decisions = end, simulator.state.choices
        return
    if cut(simulator) >= found.value:
        return
    if found.nodes >= max_nodes:
        found.complete = False
        return
    found.nodes += 1
    answers = simulator.eligible(simulator.state.asking)
    for i in [*answers, None] if simulator.may_wait() else answers:
        branch = Simulator(simulator.system, simulator.state.copy(), actual=True)
        branch.answer(i)
        _visit(branch, found, max_nodes)
