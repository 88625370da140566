"""Who comes first: keys of active jobs, and the lists kept by them."""
from envs.cluster.policy import ORDERING
from envs.cluster.rules.quantities import (
    attained,
    attained_gpu,
    draw_job,
    planned_left,
    waited,
    whole,
)
from envs.cluster.state import NEVER, RUN, VICTIM, WAIT
from envs.cluster.work import ORDER
from envs.core.jit import part, pointer_call, rule

(FIFO, RANDOM, SJF, SJF_GPUS, SRTF, SRTF_GPU, LAS, LAS_GPU, TIRESIAS, GITTINS, PRIORITY, EDF, LLF,
 HRRN, USER) = range(len(ORDER))
call_user = pointer_call(ORDERING)


@rule
def _above(sample, x):
    """How many of the sample are at most x."""
    low, high = 0, len(sample) - 1
    while low < high:
        middle = (low + high) // 2
        if sample[middle].value <= x:
            low = middle + 1
        else:
            high = middle
    return low


@rule
def gittins_cost(w, rules, gatt):
    """Expected GPU time per expected completion within the next quantum."""
    delta = rules.delta
    a = gatt // delta * delta
    first = _above(w.sample, a)
    last = _above(w.sample, a + delta)
    n = last - first
    if n == 0:
        return NEVER
    within = w.sample[last].before - w.sample[first].before - a * n
    c = within + delta * (len(w.sample) - 1 - last)
    return (2 * c + n) // (2 * n)


@rule
def _user_key(s, w, rules, job, t):
    deadline = -1.0
    if job.deadline < NEVER:
        deadline = job.deadline / 1e6
    key = call_user(rules.user, (
        t / 1e6, job.arrival / 1e6, float(job.gpus), planned_left(job, rules, t) / 1e6,
        attained(job, t) / 1e6, attained_gpu(job, t) / 1e6, waited(job, t) / 1e6,
        float(job.priority), deadline, float(job.cls), float(job.tenant),
        float(job.launches), float(job.held)))
    if key != key:
        return NEVER
    return whole(max(key * 1e6, -4e18))


@rule
def set_key(s, w, i, t):
    """The keys of active job i at t; `llf` leaves out the part that all jobs share."""
    job = s.job[i]
    rules = w.rules[s.run[0].rules]
    order = rules.order
    job.k2 = 0
    if order == FIFO:
        job.k1 = job.arrival
    elif order == RANDOM:
        job.k1 = draw_job(s.run[0].seed, s.run[0].draw_from + i)
    elif order == SJF:
        job.k1 = whole(job.estimate if rules.by_estimate else job.work)
    elif order == SJF_GPUS:
        job.k1 = job.gpus
    elif order == SRTF:
        job.k1 = whole(planned_left(job, rules, t))
    elif order == SRTF_GPU:
        job.k1 = whole(planned_left(job, rules, t) * job.gpus)
    elif order == LAS:
        job.k1 = attained(job, t)
    elif order == LAS_GPU:
        job.k1 = attained_gpu(job, t)
    elif order == TIRESIAS:
        job.k1 = job.queue
        job.k2 = job.entry
    elif order == GITTINS:
        job.k1 = gittins_cost(w, rules, attained_gpu(job, t))
    elif order == PRIORITY:
        job.k1 = -(job.priority + job.bonus)
    elif order == EDF:
        job.k1 = job.deadline
    elif order == LLF:
        job.k1 = job.deadline
        if job.deadline < NEVER:
            job.k1 = job.deadline - whole(planned_left(job, rules, t))
    elif order == HRRN:
        ratio = (t - job.arrival) / max(1.0, planned_left(job, rules, t))
        job.k1 = -whole(1e6 * ratio)
    else:
        job.k1 = _user_key(s, w, rules, job, t)


@part
def set_keys(s, w, i, t):
    """`set_key`, compiled once: a call costs as much as the work, so loops take the rule."""
    set_key(s, w, i, t)


@rule
def is_before(s, a, b):
    """Whether job a stands above job b."""
    x, y = s.job[a], s.job[b]
    if x.boosted != y.boosted:
        return x.boosted > y.boosted
    if x.k1 != y.k1:
        return x.k1 < y.k1
    if x.k2 != y.k2:
        return x.k2 < y.k2
    return a < b


@rule
def is_strictly_above(s, a, b):
    """Whether job a may take the GPUs of job b under `preempt=strict`."""
    x, y = s.job[a], s.job[b]
    if x.boosted != y.boosted:
        return x.boosted > y.boosted
    return x.k1 < y.k1


@part
def sort_jobs(s, which, n):
    """Shell sort, for a list whose order was lost."""
    jobs = s.lists[which]
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            moving = jobs[i]
            place = i
            while place >= gap and is_before(s, moving, jobs[place - gap]):
                jobs[place] = jobs[place - gap]
                place -= gap
            jobs[place] = moving
        gap //= 3


@part
def tidy(s, which, n):
    """Insertion sort, for a list that is nearly in order."""
    jobs = s.lists[which]
    for i in range(1, n):
        moving = jobs[i]
        place = i
        while place > 0 and is_before(s, moving, jobs[place - 1]):
            jobs[place] = jobs[place - 1]
            place -= 1
        jobs[place] = moving


@part
def sort_numbers(s, which, n):
    """Ascending job numbers, few of them."""
    jobs = s.lists[which]
    for i in range(1, n):
        moving = jobs[i]
        place = i
        while place > 0 and moving < jobs[place - 1]:
            jobs[place] = jobs[place - 1]
            place -= 1
        jobs[place] = moving


@part
def take_out_stopped(s):
    """Running jobs marked `stopped` leave their list for `victim`, by number; how many."""
    run = s.run[0]
    kept, out = 0, 0
    for k in range(run.running):
        i = s.lists[RUN, k]
        if s.job[i].stopped:
            s.job[i].stopped = 0
            s.lists[VICTIM, out] = i
            out += 1
        else:
            s.lists[RUN, kept] = i
            kept += 1
    run.running = kept
    sort_numbers(s, VICTIM, out)
    return out


@part
def enqueue(s, i):
    """Put waiting job i, whose keys are set, at its place."""
    run = s.run[0]
    low, high = 0, run.waiting
    while low < high:
        middle = (low + high) // 2
        if is_before(s, i, s.lists[WAIT, middle]):
            high = middle
        else:
            low = middle + 1
    for place in range(run.waiting, low, -1):
        s.lists[WAIT, place] = s.lists[WAIT, place - 1]
    s.lists[WAIT, low] = i
    run.waiting += 1

