"""Nodes that come and go."""

from .segments import stop


def act(system, state, event, at: int) -> None:
    """One event; `at` is the instant or boundary to which it belongs."""
    coming = event.kind == "up"
    if state.up[event.node] == coming:
        return
    if not coming:
        for number in state.running():
            if any(node == event.node for node, _ in state.progress[number].segment.places):
                stop(state, number, event.kind)
    state.up[event.node] = coming
    state.free[event.node] = system.nodes[event.node].gpus if coming else 0
    state.node_log.append((at, event.node, coming))
