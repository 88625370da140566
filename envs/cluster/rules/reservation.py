"""EASY backfilling: the reservation of the first job that does not fit."""
from envs.cluster.rules.decision import copy_layer
from envs.cluster.rules.pieces import forget, give, is_free, level_of, take
from envs.cluster.rules.placement import find
from envs.cluster.rules.quantities import overhead_of, planned_left, rate_of
from envs.cluster.rules.segments import expected_end
from envs.cluster.state import (
    LAUNCH,
    NEVER,
    NONE,
    PLAN,
    RUN,
    RUNNING,
    SHADOW,
    VICTIM,
)
from envs.core.jit import part, rule


@rule
def _end_of_running(s, w, rules, job, t):
    return expected_end(s, w, rules, t, max(t, job.ready), planned_left(job, rules, t), job.rate)


@part
def end_of_launch(s, w, i, kind, gpus, piece, nodes, t):
    """Expected end of job i if it starts on this place at t."""
    rules, job = w.rules[s.run[0].rules], s.job[i]
    level = level_of(s, piece, kind, gpus, nodes)
    rate = rate_of(job, w, gpus, kind, level, nodes)
    return expected_end(s, w, rules, t, t + overhead_of(job, w), planned_left(job, rules, t), rate)


@rule
def _gather(s, w, t):
    """Running jobs and planned launches with their expected ends, ascending, in `victim`."""
    run, rules = s.run[0], w.rules[s.run[0].rules]
    for k in range(run.running):
        job = s.job[s.lists[RUN, k]]
        job.expected = _end_of_running(s, w, rules, job, t)
        s.lists[VICTIM, k] = s.lists[RUN, k]
    for k in range(run.launches):
        i = s.lists[LAUNCH, k]
        job = s.job[i]
        job.expected = end_of_launch(s, w, i, job.plan_type, job.plan_gpus, job.plan_piece,
                                     job.plan_nodes, t)
        s.lists[VICTIM, run.running + k] = i
    count = run.running + run.launches
    for k in range(1, count):
        moving, place = s.lists[VICTIM, k], k
        while place > 0 and s.job[moving].expected < s.job[s.lists[VICTIM, place - 1]].expected:
            s.lists[VICTIM, place] = s.lists[VICTIM, place - 1]
            place -= 1
        s.lists[VICTIM, place] = moving
    return count


@part
def reserve(s, w, i, t):
    """Release GPUs in groups of equal expected end until job i has a place; that end, or never.

    The place is taken from the layer SHADOW.
    """
    run = s.run[0]
    copy_layer(s, PLAN, SHADOW)
    count = _gather(s, w, t)
    k = 0
    while k < count:
        end = s.job[s.lists[VICTIM, k]].expected
        while k < count and s.job[s.lists[VICTIM, k]].expected == end:
            job = s.job[s.lists[VICTIM, k]]
            give(s, SHADOW, job.piece if job.status == RUNNING else job.plan_piece)
            k += 1
        if find(s, w, SHADOW, i, s.job[i].gpus, t) != NONE:
            forget(s, run.found)
            return end
    return NEVER


@part
def fits_beside(s, w, i, kind, t, limit):
    """Whether job i may use the place found last; if not, the place is given back."""
    if limit == NEVER:
        return True
    run = s.run[0]
    gpus = s.job[i].gpus
    if end_of_launch(s, w, i, kind, gpus, run.found, run.found_nodes, t) <= limit:
        return True
    if is_free(s, SHADOW, run.found):
        take(s, SHADOW, run.found)
        return True
    give(s, PLAN, run.found)
    forget(s, run.found)
    return False
