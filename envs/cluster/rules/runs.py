"""Replay: instant after instant, until the end or until the host must act."""
from envs.cluster.rules.admission import admit, upkeep
from envs.cluster.rules.arrivals import arrive, complete, count_missed, turn_nodes
from envs.cluster.rules.decision import open_decision
from envs.cluster.rules.instants import next_boundary, next_event
from envs.cluster.rules.optimus import optimus
from envs.cluster.rules.order import TIRESIAS, tidy
from envs.cluster.rules.placement import CONSOLIDATED, SCATTER_EXACT
from envs.cluster.rules.realise import realise, repack
from envs.cluster.rules.shares import must_deal, serve_shares
from envs.cluster.rules.walk import OFF, REPACK, RESERVE, SKIP, could_fit, walk
from envs.cluster.state import (
    ADMIT,
    ALLOCATE,
    BEGIN,
    CHOOSE,
    DECIDE,
    LOG_FULL,
    NEVER,
    NONE,
    OVER,
    READY,
    RUN,
    SETTLE,
    SWITCH,
    WAIT,
    Replica,
)
from envs.cluster.work import CONTROL, DEALING
from envs.core.jit import driver, rule

WALK, SHARES, OPTIMUS, SIA = range(len(DEALING))
ITSELF, PICK, POLICY, RESIZE = range(len(CONTROL))


@rule
def replica(state, e):
    """Row `e` of the batch."""
    return Replica(state.run[e:e + 1], state.job[e], state.node[e], state.kind[e],
                   state.lists[e], state.piece[e], state.pair[e], state.tenant[e], state.log[e])


@rule
def _log_is_full(s, w):
    """Whether one more instant might not fit into the log."""
    run = s.run[0]
    return run.logged + 2 * len(s.piece) + len(w.event) > len(s.log)


@rule
def _is_calm(s, rules):
    """Whether the same decision at the next boundary would change nothing."""
    if rules.dealing != WALK or rules.preempt != OFF or rules.misfit == RESERVE:
        return False
    if rules.placement == SCATTER_EXACT or rules.order == TIRESIAS:
        return False
    if rules.placement == CONSOLIDATED and rules.relax_after < NEVER:
        return False
    return rules.misfit == SKIP or not rules.moving


@rule
def close_instant(s, w):
    """Go to the next instant; whether there is one."""
    run = s.run[0]
    rules = w.rules[run.rules]
    t = run.now
    run.instants += 1
    run.last_instant = t
    if run.tracked_left == 0 or (run.present == 0 and run.arrived == run.jobs):
        return False
    following = next_event(s, w, t) if rules.events else next_boundary(s, w, t)
    if following == NEVER:
        run.stalled = 1
        return False
    if following > run.until:
        return False
    if run.present > 0 and not rules.events:
        run.rounds += (following - t) // rules.period
    _integrate(s, t, following)
    run.now = following
    return True


@rule
def _integrate(s, t, following):
    """Job time until the next instant, as if nobody finished before it."""
    run = s.run[0]
    span = float(following - t)
    run.presence += span * run.counted
    run.slowness += span * run.weight


@rule
def _may_place(s, w, rules):
    """Whether the counts of GPUs leave room for a listed job; where they lie is not looked at."""
    run = s.run[0]
    listed = min(run.waiting, rules.slots)
    if listed == 0:
        return False
    open_decision(s)
    last = NONE
    if rules.preempt != OFF:
        tidy(s, RUN, run.running)
        last = run.running - 1
    for k in range(listed):
        if could_fit(s, w, s.lists[WAIT, k], last):
            return True
    return False


@rule
def _needs_host(s, w):
    """The code with which the kernel asks for a decision, READY if it decides itself."""
    run = s.run[0]
    rules = w.rules[run.rules]
    active = run.waiting + run.running
    if rules.dealing == SHARES and active > 0 and must_deal(s, w, run.now):
        return ALLOCATE
    if rules.dealing == SIA and active > 0:
        return ALLOCATE
    if rules.control == PICK and _may_place(s, w, rules):
        return CHOOSE
    if rules.control == RESIZE and active > 0:
        return CHOOSE
    return READY


@driver
def run_batch(state, w, active):
    """Replay the replicas marked in `active` until each needs the host or is over.

    One function for all: every function that is compiled optimises what it calls once more.
    """
    for e in range(len(active)):
        if not active[e] or state.run[e].code == OVER:
            continue
        s = replica(state, e)
        run = s.run[0]
        run.code = READY
        while run.code == READY:
            rules = w.rules[run.rules]
            t = run.now
            if run.phase == BEGIN:
                if rules.recorded and _log_is_full(s, w):
                    run.code = LOG_FULL
                    break
                complete(s, w, t)
                turn_nodes(s, w, t)
                arrive(s, w, t)
                if rules.slo:
                    count_missed(s, t)
                run.phase = ADMIT
                if run.present > 0 and t >= run.next_switch:
                    run.code = SWITCH
            elif run.phase == ADMIT:
                admit(s, w, t)
                upkeep(s, w, t)
                run.phase = DECIDE
                run.chosen = 0
            elif run.phase == DECIDE:
                run.code = _needs_host(s, w)
                if run.code == READY:
                    run.phase = SETTLE
            else:
                if run.phase == SETTLE and (rules.control == ITSELF or rules.control == POLICY):
                    if rules.dealing == SHARES:
                        serve_shares(s, w, t)
                    elif rules.dealing == OPTIMUS:
                        optimus(s, w, t)
                    elif rules.dealing == SIA:
                        realise(s, w, run.chosen, t)
                    elif rules.preempt == REPACK:
                        repack(s, w, t)
                    elif run.waiting > 0:
                        walk(s, w, t)
                    run.calm = _is_calm(s, rules)
                run.phase = BEGIN
                if not close_instant(s, w):
                    run.code = OVER
