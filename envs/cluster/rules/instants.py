"""When something happens next, and when nothing does any more."""
from envs.cluster.rules.admission import promotion_wait, queue_of
from envs.cluster.rules.order import GITTINS, PRIORITY, TIRESIAS
from envs.cluster.rules.placement import CONSOLIDATED, must_consolidate
from envs.cluster.rules.quantities import attained_gpu, ceil_div, waited
from envs.cluster.state import (
    NEVER,
    RUN,
    WAIT,
)
from envs.core.jit import part, rule


@rule
def _sooner(best, when, t):
    """The earlier of two times, if the second lies ahead."""
    if t < when < best:
        return when
    return best


@part
def next_timer(s, w, t):
    """The first timer of a waiting job later than t."""
    run = s.run[0]
    rules = w.rules[run.rules]
    best = NEVER
    boosting, relaxing = rules.boost_after < NEVER, rules.relax_after < NEVER
    relaxing = relaxing and rules.placement == CONSOLIDATED
    promoting = rules.order == TIRESIAS and rules.promote < NEVER
    if not (boosting or relaxing or promoting):
        return best
    for k in range(run.waiting):
        i = s.lists[WAIT, k]
        job = s.job[i]
        if boosting and not job.boosted:
            best = _sooner(best, job.z + rules.boost_after, t)
        if promoting and job.queue > 0:
            best = _sooner(best, job.z + promotion_wait(rules, job), t)
        if relaxing and must_consolidate(s, w, rules, i, t):
            best = _sooner(best, job.z + rules.relax_after, t)
    return best


@rule
def _next_limit(w, job, t):
    """When a running job reaches its next queue limit."""
    queue = queue_of(w, attained_gpu(job, t) - job.base_gatt)
    if queue == len(w.limits):
        return NEVER
    return job.start + ceil_div(w.limits[queue] - (job.gatt - job.base_gatt), job.held)


@rule
def _next_quantum(rules, job, t):
    """When a running job reaches the next multiple of the Gittins quantum."""
    ahead = (attained_gpu(job, t) // rules.delta + 1) * rules.delta
    return job.start + ceil_div(ahead - job.gatt, job.held)


@part
def _next_turn(s, w, t):
    """Timers that count while at least one job runs."""
    run = s.run[0]
    rules = w.rules[run.rules]
    best = NEVER
    for k in range(run.running):
        job = s.job[s.lists[RUN, k]]
        if rules.order == TIRESIAS:
            best = _sooner(best, _next_limit(w, job, t), t)
        elif rules.order == GITTINS:
            best = _sooner(best, _next_quantum(rules, job, t), t)
    if run.waiting > 0 and rules.quantum < NEVER:
        best = _sooner(best, t + rules.quantum, t)
    if rules.order == PRIORITY and rules.age < NEVER:
        for k in range(run.waiting):
            job = s.job[s.lists[WAIT, k]]
            best = _sooner(best, job.z + rules.age * (waited(job, t) // rules.age + 1), t)
    return best


@rule
def next_arrival(s):
    """Arrival time of the next job, or never."""
    run = s.run[0]
    if run.arrived < run.jobs:
        return s.job[run.arrived].arrival
    return NEVER


@rule
def next_node_event(s, w):
    """Time of the next node event, or never."""
    if s.run[0].event < len(w.event):
        return w.event[s.run[0].event].when
    return NEVER


@rule
def is_last_chance(s, w):
    """Whether nothing runs and nothing is to come: who does not launch now waits for ever."""
    return (s.run[0].running == 0 and next_arrival(s) == NEVER
            and next_node_event(s, w) == NEVER)


@rule
def first_end(s):
    """The first projected finish of a running job, or never."""
    best = NEVER
    for k in range(s.run[0].running):
        best = min(best, s.job[s.lists[RUN, k]].end)
    return best


@part
def next_event(s, w, t):
    """Event mode: the next instant, or never."""
    run = s.run[0]
    coming = min(next_arrival(s), next_node_event(s, w))
    best = min(coming, first_end(s))
    best = min(best, next_timer(s, w, t))
    if run.running > 0:
        best = min(best, _next_turn(s, w, t))
    if run.present > 0 and (run.running > 0 or coming < NEVER):
        best = min(best, max(t + 1, run.next_switch))
    return best


@rule
def boundary_after(rules, t, when):
    """The first boundary after t that is not before `when`."""
    return max(t // rules.period + 1, (when + rules.period - 1) // rules.period) * rules.period


@part
def next_boundary(s, w, t):
    """Round mode: the next instant, or never when the run has stalled."""
    run = s.run[0]
    rules = w.rules[run.rules]
    coming = min(next_arrival(s), next_node_event(s, w))
    if run.present == 0:
        if coming == NEVER:
            return NEVER
        return boundary_after(rules, t, coming)
    if run.running == 0 and coming == NEVER and next_timer(s, w, t) == NEVER:
        return NEVER
    if not run.calm:
        return t + rules.period
    when = min(min(coming, first_end(s)), run.next_switch)
    if when >= NEVER:
        return t + rules.period
    return boundary_after(rules, t, when)
