"""The walk: order, placement and preemption, planned on a copy of the free counts."""
from envs.cluster.rules.decision import carry_out, open_decision, plan_launch
from envs.cluster.rules.order import is_before, is_strictly_above, tidy
from envs.cluster.rules.pieces import give, is_free, take
from envs.cluster.rules.placement import find, may_use
from envs.cluster.rules.reservation import fits_beside, reserve
from envs.cluster.state import (
    NEVER,
    NONE,
    PLAN,
    RUN,
    VICTIM,
    WAIT,
)
from envs.cluster.work import MISFIT, PREEMPTION
from envs.core.jit import part, rule

STOP, SKIP, RESERVE = range(len(MISFIT))
OFF, STRICT, _, REPACK = range(len(PREEMPTION))


@rule
def is_eligible(s, rules, i, victim):
    """Whether running job `victim` may give its GPUs to job i."""
    if rules.preempt == STRICT:
        return is_strictly_above(s, i, victim)
    return is_before(s, i, victim)


@part
def could_fit(s, w, i, last):
    """Whether some type would have enough GPUs if every eligible job gave up its own."""
    rules = w.rules[s.run[0].rules]
    job = s.job[i]
    for k in range(s.kind.shape[1]):
        kind = w.place[job.cls, k].sequence
        if kind == NONE:
            return False
        if may_use(job, kind):
            gpus = s.kind[PLAN, kind].free
            place = last
            while gpus < job.gpus and place >= 0:
                victim = s.lists[RUN, place]
                if not is_eligible(s, rules, i, victim):
                    break
                if not s.job[victim].stopped and s.job[victim].gpu_type == kind:
                    gpus += s.job[victim].held
                place -= 1
            if gpus >= job.gpus:
                return True
    return False


@rule
def _stop(s, w, place):
    """The running job at `place` of the list gives up its GPUs."""
    run, victim = s.run[0], s.lists[RUN, place]
    s.job[victim].stopped = 1
    give(s, PLAN, s.job[victim].piece)
    s.lists[VICTIM, run.victims] = victim
    run.victims += 1
    run.stops += 1
    run.pending = min(run.pending, place)


@rule
def _keep(s, w, victim):
    """The job keeps its GPUs as if nothing had happened."""
    take(s, PLAN, s.job[victim].piece)
    s.job[victim].stopped = 0
    s.run[0].stops -= 1


@part
def evict_for(s, w, i, t):
    """Stop running jobs from the last upwards until job i has a place; its type, or -1."""
    run = s.run[0]
    rules = w.rules[run.rules]
    if not rules.eager and not could_fit(s, w, i, run.running - 1):
        return NONE
    run.victims = 0
    kind = NONE
    place = run.running - 1
    while kind == NONE and place >= 0 and is_eligible(s, rules, i, s.lists[RUN, place]):
        if not s.job[s.lists[RUN, place]].stopped:
            _stop(s, w, place)
            kind = find(s, w, PLAN, i, s.job[i].gpus, t)
        place -= 1
    if not rules.eager:
        for k in range(run.victims - 1, -1, -1):
            victim = s.lists[VICTIM, k]
            if kind == NONE or is_free(s, PLAN, s.job[victim].piece):
                _keep(s, w, victim)
    return kind


@rule
def _next_job(s):
    """The next job of the walk: waiting, or stopped by it; -1 at the end."""
    run = s.run[0]
    i = NONE
    if run.cursor < run.waiting:
        i = s.lists[WAIT, run.cursor]
    if run.stops == 0:
        return i
    while run.pending < run.running and not s.job[s.lists[RUN, run.pending]].stopped:
        run.pending += 1
    if run.pending < run.running:
        victim = s.lists[RUN, run.pending]
        if i == NONE or is_before(s, victim, i):
            return victim
    return i


@rule
def _pass(s, i):
    """Step over job i in its list."""
    run = s.run[0]
    if s.job[i].stopped:
        run.pending += 1
    else:
        run.cursor += 1


@rule
def _has_room(s):
    for kind in range(s.kind.shape[1]):
        if s.kind[PLAN, kind].free > 0:
            return True
    return False


@rule
def _has_victim(s, rules, i):
    """Whether some running job may give its GPUs to job i: if any may, the last may."""
    if rules.preempt == OFF:
        return False
    place = s.run[0].running - 1
    while place >= 0 and s.job[s.lists[RUN, place]].stopped:
        place -= 1
    return place >= 0 and is_eligible(s, rules, i, s.lists[RUN, place])


@rule
def _has_count(s, w, i):
    """Whether a type that job i may use has enough free GPUs, wherever they are."""
    job = s.job[i]
    for kind in range(s.kind.shape[1]):
        if s.kind[PLAN, kind].free >= job.gpus and may_use(job, kind):
            return True
    return False


@part
def walk(s, w, t):
    """Go through the order from the top and carry out what was planned."""
    run = s.run[0]
    rules = w.rules[run.rules]
    open_decision(s)
    run.cursor = 0
    run.pending = run.running
    if rules.preempt != OFF:
        tidy(s, RUN, run.running)
    limit = NEVER
    reserved = False
    while True:
        i = _next_job(s)
        if i == NONE:
            break
        evicting = _has_victim(s, rules, i)
        if not evicting and not _has_room(s):
            break
        _pass(s, i)
        kind = NONE
        if _has_count(s, w, i):
            kind = find(s, w, PLAN, i, s.job[i].gpus, t)
        if kind == NONE and evicting:
            kind = evict_for(s, w, i, t)
        if kind != NONE:
            if not reserved or fits_beside(s, w, i, kind, t, limit):
                plan_launch(s, i, kind, s.job[i].gpus)
        elif rules.misfit == STOP:
            break
        elif rules.misfit == RESERVE and not reserved:
            limit = reserve(s, w, i, t)
            reserved = True
    carry_out(s, w, t)
