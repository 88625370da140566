"""Drivers of the environments: actions of a batch, and what it shows."""
from envs.blis.rules.actions import set_counts, set_variants, write_mask
from envs.blis.rules.observe import observe_counts, observe_variants
from envs.blis.rules.runs import replica
from envs.blis.rules.windows import nothing_left
from envs.core.jit import driver


@driver
def act_counts(state, work, action):
    """`sched/Blis-v0`: one action on every pending plan."""
    for e in range(len(action)):
        s = replica(state, e)
        set_counts(s, work, action[e])
        s.run[0].turn += 1


@driver
def act_variants(state, work, action):
    """`sched/BlisAccuracy-v0`: the pending plan of every replica."""
    for e in range(len(action)):
        set_variants(replica(state, e), work, action[e])


@driver
def see_counts(state, work, observation):
    """What every replica of `sched/Blis-v0` shows now."""
    for e in range(len(observation)):
        observe_counts(replica(state, e), work, observation[e])


@driver
def see_variants(state, work, observation, mask):
    """What every replica of `sched/BlisAccuracy-v0` shows now, and its mask."""
    for e in range(len(observation)):
        observe_variants(replica(state, e), work, observation[e])
        write_mask(replica(state, e), work, mask[e])


@driver
def ended(state, over, idle):
    """Whether the last window is done, and whether nothing can happen any more."""
    for e in range(len(over)):
        s = replica(state, e)
        run = s.run[0]
        over[e] = False
        idle[e] = False
        if run.closed and run.turn == 0:
            over[e] = run.windows >= 0 and run.window + 1 >= run.windows
            idle[e] = nothing_left(s)
