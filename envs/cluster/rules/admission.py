"""Who is admitted, and what time does to those who wait."""
from envs.cluster.rules.order import enqueue, set_key, set_keys, sort_jobs, tidy
from envs.cluster.rules.quantities import attained_gpu, waited, whole
from envs.cluster.state import (
    HOLD,
    NEVER,
    RUN,
    WAIT,
    WAITING,
)
from envs.cluster.work import ADMISSION, DEALING, ORDER, PREEMPTION
from envs.core.jit import part, rule

ALL, LOAD, QUOTA = range(len(ADMISSION))
OFF, WALK = PREEMPTION.index("off"), DEALING.index("walk")
TIRESIAS, PRIORITY = ORDER.index("tiresias"), ORDER.index("priority")


@rule
def _up_gpus(s, w):
    gpus = 0
    for node in range(s.node.shape[1]):
        if s.node[0, node].up:
            gpus += s.node[0, node].gpus
    return gpus


@rule
def _let_in(s, w, i, t):
    run, job = s.run[0], s.job[i]
    job.status, job.admitted, job.z, job.entry = WAITING, t, t, t
    run.admitted_gpus += job.gpus
    s.tenant[job.tenant].gpus += job.gpus
    set_keys(s, w, i, t)
    enqueue(s, i)


@rule
def _is_refused(s, w, job):
    """Whether the quota of its tenant keeps a job, or an earlier job of the tenant, out."""
    instant = s.run[0].instants + 1
    tenant = s.tenant[job.tenant]
    if tenant.barred != instant and tenant.gpus + job.gpus <= tenant.quota:
        return False
    tenant.barred = instant
    return True


@part
def admit(s, w, t):
    """Held jobs by number, as the rule allows."""
    run = s.run[0]
    rules = w.rules[run.rules]
    if run.held == 0:
        return
    room = rules.theta * _up_gpus(s, w)
    kept = 0
    for k in range(run.held):
        i = s.lists[HOLD, k]
        refused = False
        if rules.admission == LOAD:
            refused = kept > 0 or run.admitted_gpus > room
        elif rules.admission == QUOTA:
            refused = _is_refused(s, w, s.job[i])
        if refused:
            s.lists[HOLD, kept] = i
            kept += 1
        else:
            _let_in(s, w, i, t)
    run.held = kept


@rule
def queue_of(w, service):
    """How many queue limits a queue service has reached."""
    queue = 0
    for k in range(len(w.limits)):
        if w.limits[k] <= service:
            queue += 1
    return queue


@rule
def promotion_wait(rules, job):
    """Wait after which a job of a lower queue starts again in the first; never if off."""
    if rules.promote >= NEVER:
        return NEVER
    return whole(rules.promote * (job.att - job.base_att))


@rule
def _keep_queue(w, rules, job, t):
    """Tiresias: promotion, then the queue by attained service."""
    if job.status == WAITING and job.queue > 0 and waited(job, t) >= promotion_wait(rules, job):
        job.base_att, job.base_gatt = job.att, job.gatt
    queue = queue_of(w, attained_gpu(job, t) - job.base_gatt)
    if queue != job.queue:
        job.queue, job.entry = queue, t


@rule
def _keep(w, rules, job, t):
    if job.status == WAITING:
        if waited(job, t) >= rules.boost_after:
            job.boosted = 1
        if rules.order == PRIORITY and rules.age < NEVER:
            job.bonus = waited(job, t) // rules.age
    if rules.order == TIRESIAS:
        _keep_queue(w, rules, job, t)


@part
def _refresh(s, w, which, n, t):
    rules = w.rules[s.run[0].rules]
    for k in range(n):
        i = s.lists[which, k]
        _keep(w, rules, s.job[i], t)
        set_key(s, w, i, t)


@part
def upkeep(s, w, t):
    """Boosts, queues and bonuses at t, and the keys of jobs for which they change."""
    run = s.run[0]
    rules = w.rules[run.rules]
    if rules.moving or run.switched:
        _refresh(s, w, WAIT, run.waiting, t)
        if run.switched:
            sort_jobs(s, WAIT, run.waiting)
        else:
            tidy(s, WAIT, run.waiting)
        run.switched = 0
    if rules.preempt != OFF or rules.dealing != WALK or rules.order == TIRESIAS:
        _refresh(s, w, RUN, run.running, t)


@part
def line_up(s, w, i, t):
    """A job that lost its GPUs before the upkeep of this instant waits again."""
    run = s.run[0]
    _keep(w, w.rules[run.rules], s.job[i], t)
    set_keys(s, w, i, t)
    enqueue(s, i)

