"""Rounds that follow shares: every pair (job, type) has a deficit, the largest goes first."""
from envs.cluster.rules.decision import open_decision
from envs.cluster.rules.placement import may_use
from envs.cluster.rules.realise import clear_choices, realise
from envs.cluster.state import (
    MILLION,
    NONE,
    PAIRS,
    PLAN,
    RANKED,
    RUN,
    RUNNING,
    WAIT,
    WAITING,
)
from envs.core.jit import part, rule


@rule
def _is_active(job):
    return job.status == WAITING or job.status == RUNNING


@rule
def _usable(s, w, i, kind):
    job = s.job[i]
    return w.place[job.cls, kind].speed > 0 and may_use(job, kind)


@part
def must_deal(s, w, t):
    """Whether shares are to be computed anew at t."""
    run = s.run[0]
    if run.dealt_at < 0:
        return True
    if t - run.dealt_at < w.rules[run.rules].realloc:
        return False
    if run.waiting + run.running != run.dealt_for:
        return True
    for k in range(run.waiting):
        if not s.job[s.lists[WAIT, k]].dealt:
            return True
    for k in range(run.running):
        if not s.job[s.lists[RUN, k]].dealt:
            return True
    for node in range(s.node.shape[1]):
        if s.node[0, node].up != s.node[0, node].dealt:
            return True
    return False


@part
def note_deal(s, t):
    """New shares are in place: served rounds count from here."""
    run = s.run[0]
    run.dealt_at = t
    run.dealt_for = run.waiting + run.running
    for node in range(s.node.shape[1]):
        s.node[0, node].dealt = s.node[0, node].up
    for i in range(run.oldest, run.arrived):
        s.job[i].dealt = _is_active(s.job[i])
        for kind in range(s.pair.shape[1]):
            s.pair[i, kind].served = 0


@rule
def _priority(pair, ratio):
    """The first key of a pair, smallest first; the deficit is the second."""
    if ratio:
        return -(2 * MILLION * pair.share // (2 * pair.served + 1))
    return -pair.deficit


@part
def _is_ahead(s, a, b, kinds, ratio):
    """Whether pair a goes before pair b."""
    x, y = s.pair[a // kinds, a % kinds], s.pair[b // kinds, b % kinds]
    if _priority(x, ratio) != _priority(y, ratio):
        return _priority(x, ratio) < _priority(y, ratio)
    second = (x.deficit, y.deficit) if ratio else (x.share, y.share)
    if second[0] != second[1]:
        return second[0] > second[1]
    return a < b


@part
def _sort_pairs(s, n, kinds, ratio):
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, n):
            moving, place = s.lists[PAIRS, k], k
            while place >= gap and _is_ahead(s, moving, s.lists[PAIRS, place - gap], kinds, ratio):
                s.lists[PAIRS, place] = s.lists[PAIRS, place - gap]
                place -= gap
            s.lists[PAIRS, place] = moving
        gap //= 3


@rule
def _shared_pairs(s, w):
    run = s.run[0]
    kinds, n = s.pair.shape[1], 0
    for i in range(run.oldest, run.arrived):
        if _is_active(s.job[i]):
            for kind in range(kinds):
                if s.pair[i, kind].share > 0 and _usable(s, w, i, kind):
                    s.lists[PAIRS, n] = i * kinds + kind
                    n += 1
    return n


@rule
def _assign(s, i, kind, chosen):
    """Job i gets the type if it has none and its GPUs fit; the number of jobs chosen so far."""
    job = s.job[i]
    if job.plan_gpus > 0 or s.kind[PLAN, kind].free < job.gpus:
        return chosen
    s.kind[PLAN, kind].free -= job.gpus
    job.plan_type, job.plan_gpus = kind, job.gpus
    s.lists[RANKED, chosen] = i
    return chosen + 1


@part
def _count_up(s, w):
    """GPUs of up nodes by type, in the layer PLAN."""
    open_decision(s)
    for kind in range(s.kind.shape[1]):
        s.kind[PLAN, kind].free = 0
    for node in range(s.node.shape[1]):
        if s.node[0, node].up:
            s.kind[PLAN, s.node[0, node].kind].free += s.node[0, node].gpus


@part
def serve_shares(s, w, t):
    """One round: choose a type per job, place, and keep the books."""
    run = s.run[0]
    kinds = s.pair.shape[1]
    _count_up(s, w)
    clear_choices(s)
    n = _shared_pairs(s, w)
    _sort_pairs(s, n, kinds, w.rules[run.rules].ratio)
    chosen = 0
    for k in range(n):
        chosen = _assign(s, s.lists[PAIRS, k] // kinds, s.lists[PAIRS, k] % kinds, chosen)
    for i in range(run.oldest, run.arrived):
        job = s.job[i]
        if _is_active(job) and job.plan_gpus == 0:
            for place in range(kinds):
                kind = w.place[job.cls, place].sequence
                if kind != NONE and s.pair[i, kind].share == 0 and may_use(job, kind):
                    chosen = _assign(s, i, kind, chosen)
    realise(s, w, chosen, t)
    for i in range(run.oldest, run.arrived):
        if _is_active(s.job[i]):
            for kind in range(kinds):
                s.pair[i, kind].deficit += s.pair[i, kind].share
    for k in range(run.running):
        i = s.lists[RUN, k]
        pair = s.pair[i, s.job[i].gpu_type]
        pair.deficit -= MILLION
        pair.served += 1
