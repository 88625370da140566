"""Optimus: GPUs go one size at a time to the job that gains most per GPU."""
from envs.cluster.rules.quantities import planned_left, whole
from envs.cluster.rules.realise import clear_choices, merge_active, realise
from envs.cluster.state import (
    NONE,
    RANKED,
)
from envs.core.jit import part, rule


@rule
def next_size(job, powers, size):
    """The smallest allowed size above `size`; -1 if there is none."""
    if size >= job.most:
        return NONE
    if not powers:
        return size + 1
    power = 1
    while power <= size:
        power *= 2
    return min(power, job.most)


@rule
def _time_with(s, w, rules, i, gpus, t):
    job = s.job[i]
    speedup = w.point[job.cls, gpus].speedup / w.point[job.cls, job.gpus].speedup
    return planned_left(job, rules, t) / (w.place[job.cls, 0].speed * speedup)


@rule
def _set_gain(s, w, rules, i, t):
    """Microseconds saved per GPU by the next size; 0 if there is none."""
    job = s.job[i]
    larger = next_size(job, rules.powers, job.plan_gpus)
    job.gain = 0
    if larger != NONE:
        saved = _time_with(s, w, rules, i, job.plan_gpus, t) - _time_with(s, w, rules, i, larger, t)
        job.gain = whole(saved / (larger - job.plan_gpus))


@rule
def _best(s, rules, chosen, rest):
    """The place of the largest positive gain whose size fits, -1 if there is none."""
    best, most = NONE, 0
    for k in range(chosen):
        job = s.job[s.lists[RANKED, k]]
        if job.gain > most and next_size(job, rules.powers, job.plan_gpus) - job.plan_gpus <= rest:
            best, most = k, job.gain
    return best


@part
def optimus(s, w, t):
    """Smallest sizes by the order, then the largest marginal gain."""
    run = s.run[0]
    rules = w.rules[run.rules]
    active = merge_active(s)
    clear_choices(s)
    rest, chosen = 0, 0
    for node in range(s.node.shape[1]):
        if s.node[0, node].up:
            rest += s.node[0, node].gpus
    for k in range(active):
        i = s.lists[RANKED, k]
        job = s.job[i]
        if job.least <= rest:
            rest -= job.least
            job.plan_type, job.plan_gpus = 0, job.least
            _set_gain(s, w, rules, i, t)
            s.lists[RANKED, chosen] = i
            chosen += 1
    best = _best(s, rules, chosen, rest)
    while best != NONE:
        i = s.lists[RANKED, best]
        job = s.job[i]
        larger = next_size(job, rules.powers, job.plan_gpus)
        rest -= larger - job.plan_gpus
        job.plan_gpus = larger
        _set_gain(s, w, rules, i, t)
        best = _best(s, rules, chosen, rest)
    realise(s, w, chosen, t)
