"""What an environment may choose at an instant, and what its choice does."""
from envs.cluster.rules.decision import carry_out, open_decision, plan_launch
from envs.cluster.rules.optimus import next_size
from envs.cluster.rules.order import tidy
from envs.cluster.rules.pieces import forget, give, level_of
from envs.cluster.rules.placement import find
from envs.cluster.rules.quantities import planned_left
from envs.cluster.rules.walk import OFF, evict_for
from envs.cluster.state import (
    NONE,
    PLAN,
    RANKED,
    RUN,
    RUNNING,
    VICTIM,
    WAIT,
    WAITING,
)
from envs.cluster.work import CONTROL
from envs.core.jit import part, rule

PICK, POLICY, RESIZE = (CONTROL.index(name) for name in ("pick", "policy", "resize"))
NOWHERE, SOMEWHERE, TOGETHER = range(3)         # how well a job can be placed now


@rule
def _place_anyhow(s, w, i, want, t):
    """Plan a place for job i, by eviction if the rules allow it; its type, or -1."""
    run = s.run[0]
    rules = w.rules[run.rules]
    open_decision(s)
    job = s.job[i]
    if job.status == RUNNING:
        job.stopped = 1
        run.stops = 1
        give(s, PLAN, job.piece)
    kind = find(s, w, PLAN, i, want, t)
    if kind == NONE and rules.preempt != OFF and want == job.gpus and job.status == WAITING:
        tidy(s, RUN, run.running)
        run.pending = run.running
        kind = evict_for(s, w, i, t)
    return kind


@rule
def _drop_plan(s, kind):
    """Forget what was planned; the real counts were not touched."""
    run = s.run[0]
    if kind != NONE:
        forget(s, run.found)
    if run.stops > 0:
        for k in range(run.running):
            s.job[s.lists[RUN, k]].stopped = 0
    run.stops = 0


@part
def try_place(s, w, i, want, t):
    """Whether job i could have `want` GPUs now, and whether at locality level 0."""
    kind = _place_anyhow(s, w, i, want, t)
    outcome = NOWHERE
    if kind != NONE:
        outcome = SOMEWHERE
        if level_of(s, s.run[0].found, kind, want, s.run[0].found_nodes) == 0:
            outcome = TOGETHER
    _drop_plan(s, kind)
    return outcome


@part
def place_now(s, w, i, want, t):
    """Job i starts now on `want` GPUs, or nothing happens; whether it did."""
    kind = _place_anyhow(s, w, i, want, t)
    if kind == NONE:
        _drop_plan(s, kind)
        return False
    plan_launch(s, i, kind, want)
    carry_out(s, w, t)
    return True


@rule
def is_size(job, powers, gpus):
    """Whether an elastic job may have so many GPUs."""
    if gpus == job.least or gpus == job.most:
        return True
    if gpus < job.least or gpus > job.most:
        return False
    return not powers or (gpus & (gpus - 1)) == 0


@part
def best_gain(s, w, i, t):
    """Seconds that the best size saves a running job at its present speed."""
    job, rules = s.job[i], w.rules[s.run[0].rules]
    size, best = job.held, job.rate
    here = w.point[job.cls, job.held].speedup
    while size != NONE:
        best = max(best, job.rate * w.point[job.cls, size].speedup / here)
        size = next_size(job, rules.powers, size)
    left = planned_left(job, rules, t)
    return (left / job.rate - left / best) / 1e6


@part
def list_jobs(s, w, t):
    """Fill `order` with the listed jobs: waiting ones in order, then for `resize` running ones.

    How many there are, at most `slots`.
    """
    run = s.run[0]
    rules = w.rules[run.rules]
    n = min(run.waiting, rules.slots)
    for k in range(n):
        s.lists[RANKED, k] = s.lists[WAIT, k]
    if rules.control != RESIZE or n == rules.slots:
        return n
    movable = 0
    for k in range(run.running):
        i = s.lists[RUN, k]
        if s.job[i].start < t:
            s.job[i].gain = int(1e6 * best_gain(s, w, i, t))
            place = movable
            while place > 0 and _gains_more(s, i, s.lists[VICTIM, place - 1]):
                s.lists[VICTIM, place] = s.lists[VICTIM, place - 1]
                place -= 1
            s.lists[VICTIM, place] = i
            movable += 1
    more = min(movable, rules.slots - n)
    for k in range(more):
        s.lists[RANKED, n + k] = s.lists[VICTIM, k]
    return n + more


@rule
def _gains_more(s, a, b):
    if s.job[a].gain != s.job[b].gain:
        return s.job[a].gain > s.job[b].gain
    return a < b


@part
def legal_size(s, w, i, want, t):
    """How job i can have `want` GPUs now by a launch or another size."""
    job = s.job[i]
    rules = w.rules[s.run[0].rules]
    if want == job.held or not is_size(job, rules.powers, want):
        return NOWHERE
    return try_place(s, w, i, want, t)
