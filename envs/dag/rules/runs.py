"""Drivers: go on with every replica of a batch."""
from envs.core.jit import driver
from envs.dag.rules.resets import replica
from envs.dag.rules.rounds import play
from envs.dag.state import OVER


@driver
def run_batch(state, w, active):
    """Go on with the replicas marked in `active` until each needs the host or is over."""
    for e in range(len(active)):
        if active[e] and state.run[e].code != OVER:
            play(replica(state, e), w)
