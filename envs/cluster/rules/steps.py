"""Drivers of the environment: what a batch shows, and what its actions do."""
from envs.cluster.rules.choices import PICK, POLICY, RESIZE, list_jobs, place_now
from envs.cluster.rules.hosts import go_on_with
from envs.cluster.rules.instants import is_last_chance
from envs.cluster.rules.observe import show_all
from envs.cluster.rules.runs import replica
from envs.cluster.state import CLOSE, DECIDE, OVER, RANKED, READY
from envs.core.jit import driver


@driver
def see_batch(state, w, priorities, active, jobs, cluster, kinds, shown, mask, legal):
    """Observation, mask and number of legal choices of the active replicas."""
    for e in range(len(active)):
        if active[e]:
            s = replica(state, e)
            legal[e] = show_all(s, w, priorities[e, 0], priorities[e, 1], jobs[e], cluster[e],
                                kinds[e], shown[e], mask[e])


@driver
def close_batch(state, w, chosen):
    """No more launches at this instant in the chosen replicas."""
    for e in range(len(chosen)):
        if chosen[e]:
            run = state.run[e]
            run.phase, run.code = CLOSE, READY


@driver
def act_batch(state, w, interval, action):
    """One action in every replica that waits for one; an illegal one does nothing but count."""
    for e in range(len(action)):
        s = replica(state, e)
        run = s.run[0]
        control, a, t = w.rules[0].control, action[e], run.now
        if run.code == OVER:
            continue
        run.decided_at = t
        if control == POLICY:
            go_on_with(s, 1 + a, t + interval[e])
            continue
        sizes = len(w.sizes) if control == RESIZE else 1
        slot = a // sizes
        listed = list_jobs(s, w, t)
        run.phase, run.code = DECIDE, READY
        ended = a == w.rules[0].slots * sizes
        done = False
        if slot < listed:
            i = s.lists[RANKED, slot]
            want = s.job[i].gpus if control == PICK else w.sizes[a % sizes]
            done = place_now(s, w, i, want, t)
        if ended and is_last_chance(s, w):
            run.illegal += 1
        elif not done:
            run.illegal += not ended
            run.phase = CLOSE
