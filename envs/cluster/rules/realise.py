"""Choices of (type, size) per job made from scratch, and how they become places."""
from envs.cluster.rules.decision import carry_out, open_decision, plan_launch
from envs.cluster.rules.order import is_before, tidy
from envs.cluster.rules.pieces import give
from envs.cluster.rules.placement import may_use, place_on
from envs.cluster.state import (
    NONE,
    PLAN,
    RANKED,
    RUN,
    VICTIM,
    WAIT,
)
from envs.cluster.work import MISFIT
from envs.core.jit import part, rule

STOP = MISFIT.index("stop")


@part
def merge_active(s):
    """All active jobs in order, in `order`; how many."""
    run = s.run[0]
    tidy(s, RUN, run.running)
    a, b = 0, 0
    while a < run.waiting or b < run.running:
        if b == run.running or (a < run.waiting
                                and is_before(s, s.lists[WAIT, a], s.lists[RUN, b])):
            s.lists[RANKED, a + b] = s.lists[WAIT, a]
            a += 1
        else:
            s.lists[RANKED, a + b] = s.lists[RUN, b]
            b += 1
    return a + b


@part
def clear_choices(s):
    """Nobody is given anything."""
    run = s.run[0]
    for k in range(run.waiting):
        s.job[s.lists[WAIT, k]].plan_gpus = 0
    for k in range(run.running):
        s.job[s.lists[RUN, k]].plan_gpus = 0


@rule
def _stop_movers(s, w):
    """Holders keep just what they were given, or stop."""
    run = s.run[0]
    for k in range(run.running):
        job = s.job[s.lists[RUN, k]]
        if job.plan_gpus != job.held or job.plan_type != job.gpu_type:
            job.stopped = 1
            run.stops += 1
            give(s, PLAN, job.piece)


@rule
def _is_larger(s, a, b):
    return s.job[a].plan_gpus > s.job[b].plan_gpus


@part
def realise(s, w, count, t):
    """Give the first `count` jobs of `order` what `plan_type` and `plan_gpus` say."""
    run = s.run[0]
    open_decision(s)
    _stop_movers(s, w)
    fresh = 0
    for k in range(count):
        i = s.lists[RANKED, k]
        if s.job[i].held == 0 or s.job[i].stopped:
            place = fresh
            while place > 0 and _is_larger(s, i, s.lists[VICTIM, place - 1]):
                s.lists[VICTIM, place] = s.lists[VICTIM, place - 1]
                place -= 1
            s.lists[VICTIM, place] = i
            fresh += 1
    for k in range(fresh):
        i = s.lists[VICTIM, k]
        job = s.job[i]
        gpus = job.plan_gpus
        if place_on(s, w, PLAN, i, job.plan_type, gpus, t):
            plan_launch(s, i, job.plan_type, gpus)
        else:
            job.plan_gpus = 0
    carry_out(s, w, t)
    for k in range(run.running):
        s.job[s.lists[RUN, k]].plan_gpus = 0


@part
def repack(s, w, t):
    """Each job of the order takes the first type of its list with enough untaken GPUs."""
    rules = w.rules[s.run[0].rules]
    active = merge_active(s)
    clear_choices(s)
    for kind in range(s.kind.shape[1]):
        s.kind[PLAN, kind].free = 0
    for node in range(s.node.shape[1]):
        if s.node[0, node].up:
            s.kind[PLAN, s.node[0, node].kind].free += s.node[0, node].gpus
    chosen = 0
    for k in range(active):
        i = s.lists[RANKED, k]
        job = s.job[i]
        for place in range(s.kind.shape[1]):
            kind = w.place[job.cls, place].sequence
            if kind == NONE:
                break
            if may_use(job, kind) and s.kind[PLAN, kind].free >= job.gpus:
                s.kind[PLAN, kind].free -= job.gpus
                job.plan_type, job.plan_gpus = kind, job.gpus
                s.lists[RANKED, chosen] = i
                chosen += 1
                break
        if job.plan_gpus == 0 and rules.misfit == STOP:
            break
    realise(s, w, chosen, t)
