"""Drivers of the environment: what a batch shows, and what a policy would answer."""
from envs.core.jit import driver
from envs.dag.rules.choices import choose, first_eligible, may_wait
from envs.dag.rules.nodes import show_graph
from envs.dag.rules.observe import show_all
from envs.dag.rules.resets import replica
from envs.dag.state import ASKS, WAIT


@driver
def see_batch(state, w, codes, active, slots, workers, whole, mask, picks, nodes, edges, listed):
    """Observations of the active replicas that ask; `nodes` (E, 0, ...) leaves the graph out."""
    for e in range(len(active)):
        if active[e] and state.run[e].code == ASKS:
            s = replica(state, e)
            show_all(s, w, codes, slots[e], workers[e], whole[e], mask[e], picks[e])
            if nodes.shape[1] > 0:
                show_graph(s, w, codes, picks.shape[1], nodes[e], edges[e], listed[e])


@driver
def advise_batch(state, w, picks, policy, advice):
    """The action that a policy without queues would take in every replica that asks; where its
    task is not among the slots, the first slot."""
    slots = picks.shape[1]
    for e in range(len(advice)):
        if state.run[e].code != ASKS:
            continue
        s = replica(state, e)
        p = s.run[0].asking
        answer = choose(s, w, p, policy)
        if answer == WAIT and not may_wait(s, w, p):
            answer = first_eligible(s, w, p)
        advice[e] = slots if answer == WAIT else 0
        for k in range(slots):
            if answer != WAIT and picks[e, k] == answer:
                advice[e] = k
