"""Replay: instant after instant, until the end or until the host must act."""
from envs.cluster.rules.admission import admit, upkeep
from envs.cluster.rules.arrivals import arrive, complete, count_missed, turn_nodes
from envs.cluster.rules.choices import can_choose
from envs.cluster.rules.instants import next_boundary, next_event
from envs.cluster.rules.optimus import optimus
from envs.cluster.rules.placement import CONSOLIDATED, SCATTER_EXACT
from envs.cluster.rules.realise import realise, repack
from envs.cluster.rules.shares import must_deal, serve_shares
from envs.cluster.rules.walk import OFF, REPACK, RESERVE, SKIP, walk
from envs.cluster.state import (
    ADMIT,
    ALLOCATE,
    BEGIN,
    CHOOSE,
    CLOSE,
    DECIDE,
    LOG_FULL,
    NEVER,
    OVER,
    READY,
    SETTLE,
    SWITCH,
    Replica,
)
from envs.cluster.work import CONTROL, DEALING
from envs.core.jit import driver, rule

WALK, SHARES, OPTIMUS, SIA = range(len(DEALING))
ITSELF, PICK, POLICY, RESIZE = range(len(CONTROL))


@rule
def replica(state, e):
    """Row `e` of the batch."""
    return Replica(state.run[e:e + 1], state.job[e], state.free[e], state.total[e], state.up[e],
                   state.taken[e], state.waiting[e], state.running[e], state.held[e],
                   state.launch[e], state.victim[e], state.order[e], state.piece[e],
                   state.pair[e], state.sorted[e], state.tenant[e], state.segment[e],
                   state.slice[e], state.turn[e])


@rule
def _log_is_full(s, w):
    """Whether one more instant might not fit into the log."""
    run = s.run[0]
    gpus = len(s.running)
    return (run.segments + 2 * gpus + 2 > len(s.segment)
            or run.slices + 3 * gpus + 2 > len(s.slice)
            or run.turns + len(w.event) + 2 > len(s.turn))


@rule
def _begin(s, w):
    """Steps 1 to 3."""
    run = s.run[0]
    t = run.now
    complete(s, w, t)
    turn_nodes(s, w, t)
    arrive(s, w, t)
    if w.rules[run.rules].slo:
        count_missed(s, t)


@rule
def _is_calm(s, rules):
    """Whether the same decision at the next boundary would change nothing."""
    if rules.dealing != WALK or rules.preempt != OFF or rules.misfit == RESERVE:
        return False
    if rules.placement == SCATTER_EXACT:
        return False
    if rules.placement == CONSOLIDATED and rules.relax_after < NEVER:
        return False
    return rules.misfit == SKIP or not rules.moving


@rule
def _decide(s, w):
    """Step 7 by the rules in force."""
    run = s.run[0]
    rules = w.rules[run.rules]
    t = run.now
    if rules.dealing == SHARES:
        serve_shares(s, w, t)
    elif rules.dealing == OPTIMUS:
        optimus(s, w, t)
    elif rules.dealing == SIA:
        realise(s, w, s.order, run.chosen, t)
    elif rules.preempt == REPACK:
        repack(s, w, t)
    elif run.waiting > 0:
        walk(s, w, t)
    run.calm = _is_calm(s, rules)


@driver
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


@driver
def _needs_host(s, w):
    """The code with which the kernel asks for a decision, READY if it decides itself."""
    run = s.run[0]
    rules = w.rules[run.rules]
    active = run.waiting + run.running
    if rules.dealing == SHARES and active > 0 and must_deal(s, w, run.now):
        return ALLOCATE
    if rules.dealing == SIA and active > 0:
        return ALLOCATE
    if (rules.control == PICK or rules.control == RESIZE) and can_choose(s, w, run.now):
        return CHOOSE
    return READY


@driver
def advance(s, w):
    """Replay one replica until the host must act; why it stopped."""
    run = s.run[0]
    while True:
        rules = w.rules[run.rules]
        if run.phase == BEGIN:
            if rules.recorded and _log_is_full(s, w):
                return LOG_FULL
            _begin(s, w)
            run.phase = ADMIT
            if run.present > 0 and run.now >= run.next_switch:
                return SWITCH
        if run.phase == ADMIT:
            admit(s, w, run.now)
            upkeep(s, w, run.now)
            run.phase = DECIDE
            run.chosen = 0
        if run.phase == DECIDE:
            code = _needs_host(s, w)
            if code != READY:
                return code
            run.phase = SETTLE
        if run.phase == SETTLE:
            if rules.control == ITSELF or rules.control == POLICY:
                _decide(s, w)
            run.phase = CLOSE
        if run.phase == CLOSE:
            if not close_instant(s, w):
                return OVER
            run.phase = BEGIN


@driver
def run_batch(state, w, active):
    """Replay the replicas marked in `active` until each needs the host or is over."""
    for e in range(len(active)):
        if active[e] and state.run[e].code != OVER:
            s = replica(state, e)
            s.run[0].code = advance(s, w)
