"""What an environment shows: listed jobs, the cluster, its GPU types, and what is legal."""
import math

from envs.cluster.rules.admission import queue_of
from envs.cluster.rules.choices import (
    NOWHERE,
    POLICY,
    RESIZE,
    SOMEWHERE,
    TOGETHER,
    legal_size,
    list_jobs,
    try_place,
)
from envs.cluster.rules.instants import is_last_chance
from envs.cluster.rules.quantities import attained, attained_gpu, planned_left, waited
from envs.cluster.state import FREE, NEVER, NONE, RANKED, RUNNING, WAIT
from envs.core.jit import part, rule

JOB_FEATURES, CLUSTER_FEATURES, TYPE_FEATURES = 16, 12, 3
FULL = math.log1p(14400.0)
DAY = 86_400_000_000


@rule
def scaled(microseconds):
    """L(x): 0 at 0, 1 at ten days, by the logarithm."""
    return min(1.0, math.log1p(max(0.0, microseconds / 6e7)) / FULL)


@rule
def _all_gpus(s):
    total = 0
    for node in range(s.node.shape[1]):
        total += s.node[FREE, node].gpus
    return total


@rule
def _laxity(job, rules, t):
    if job.deadline >= NEVER:
        return 1.0
    slack = job.deadline - t
    if not rules.blind:
        slack -= planned_left(job, rules, t)
    if slack < 0:
        return -scaled(-float(slack))
    return scaled(float(slack))


@rule
def _relative_speed(s, w, job):
    """Speed on the best allowed type over the greatest speed of any class on any type."""
    best, greatest = 0.0, 0.0
    for kind in range(s.kind.shape[1]):
        if job.only == NONE or job.only == kind:
            best = max(best, w.place[job.cls, kind].speed)
        for c in range(w.place.shape[0]):
            greatest = max(greatest, w.place[c, kind].speed)
    return best / greatest


@part
def _show_job(s, w, i, t, gpus, placed, lowest, highest, row):
    """The 16 features of a listed job."""
    job, rules = s.job[i], w.rules[s.run[0].rules]
    row[0] = 1.0
    row[1] = math.log2(1.0 + job.gpus) / math.log2(1.0 + gpus)
    row[2] = scaled(float(waited(job, t)))
    row[3] = scaled(float(t - job.arrival))
    row[4] = scaled(float(attained(job, t)))
    row[5] = scaled(attained_gpu(job, t) / gpus)
    if not rules.blind:
        row[6] = scaled(planned_left(job, rules, t))
        row[7] = scaled(job.estimate if rules.by_estimate else job.work)
    if highest > lowest:
        row[8] = 2.0 * (job.priority - lowest) / (highest - lowest) - 1.0
    row[9] = _laxity(job, rules, t)
    row[10] = placed >= SOMEWHERE
    row[11] = placed == TOGETHER
    row[12] = job.status == RUNNING
    if len(w.limits) > 0:
        row[13] = queue_of(w, attained_gpu(job, t) - job.base_gatt) / len(w.limits)
    row[14] = _relative_speed(s, w, job)
    row[15] = scaled(6e7 * job.preemptions)


@rule
def _broken(s, w, total):
    """Fragmentation now: the free share that a typical request cannot use on its node."""
    spoilt = 0.0
    for node in range(s.node.shape[1]):
        free = s.node[FREE, node].free
        if free > 0 and free < s.node[FREE, node].gpus:
            spoilt += free * w.point[0, free].larger
    return spoilt / max(1, total)


@part
def _show_cluster(s, w, t, gpus, row):
    """The 12 features of the cluster."""
    run = s.run[0]
    free, up, block, largest, wanted = 0, 0, 0, 1, 0
    for node in range(s.node.shape[1]):
        here = s.node[FREE, node]
        free += here.free
        up += here.gpus if here.up else 0
        block = max(block, here.free)
        largest = max(largest, here.gpus)
    for k in range(run.waiting):
        wanted += s.job[s.lists[WAIT, k]].gpus
    angle = 2.0 * math.pi * ((t + run.offset) % DAY) / DAY
    row[0] = free / gpus
    row[1] = up / gpus
    row[2] = (up - free) / gpus
    row[3] = block / largest
    row[4] = _broken(s, w, free)
    row[5] = scaled(6e7 * run.waiting)
    row[6] = min(1.0, wanted / (4.0 * gpus))
    row[7] = min(1.0, run.running / gpus)
    row[8] = math.sin(angle)
    row[9] = math.cos(angle)
    row[10] = (run.jobs - run.arrived) / run.jobs
    row[11] = scaled(float(t - run.decided_at))


@part
def _show_types(s, w, gpus, out):
    """Free and up share of every type, and its mean speed over the greatest."""
    greatest = 0.0
    for kind in range(s.kind.shape[1]):
        total = 0.0
        for c in range(w.place.shape[0]):
            total += w.place[c, kind].speed
        out[kind, 2] = total / w.place.shape[0]
        greatest = max(greatest, out[kind, 2])
    for kind in range(s.kind.shape[1]):
        out[kind, 0] = s.kind[FREE, kind].free / gpus
        out[kind, 1] = 0.0
        out[kind, 2] /= greatest
    for node in range(s.node.shape[1]):
        here = s.node[FREE, node]
        if here.up:
            out[here.kind, 1] += here.gpus / gpus


@rule
def _show_sizes(s, w, i, t, k, mask):
    """Which sizes job i, the k-th listed, can have now; the best way in which one can be placed."""
    sizes = len(w.sizes)
    best = NOWHERE
    for size in range(sizes):
        placed = legal_size(s, w, i, w.sizes[size], t)
        mask[k * sizes + size] = placed != NOWHERE
        best = max(best, placed)
    return best


@part
def show_jobs(s, w, t, lowest, highest, jobs, mask):
    """Listed jobs and what is legal; how many of them can start or change their size."""
    control = w.rules[0].control
    gpus = _all_gpus(s)
    legal = 0
    for k in range(list_jobs(s, w, t)):
        i = s.lists[RANKED, k]
        if control == RESIZE:
            placed = _show_sizes(s, w, i, t, k, mask)
        else:
            placed = try_place(s, w, i, s.job[i].gpus, t)
            mask[k] = placed != NOWHERE
        legal += placed != NOWHERE
        _show_job(s, w, i, t, gpus, placed, lowest, highest, jobs[k])
    mask[len(mask) - 1] = legal == 0 or not is_last_chance(s, w)
    return legal


@rule
def show_all(s, w, lowest, highest, jobs, cluster, kinds, shown, mask):
    """Everything that a replica shows at its decision point; how many jobs have a legal choice.

    `shown` is scratch for the mask over jobs where actions are candidates, all of them legal.
    """
    t = s.run[0].now
    gpus = _all_gpus(s)
    _show_cluster(s, w, t, gpus, cluster)
    _show_types(s, w, gpus, kinds)
    if w.rules[0].control != POLICY:
        return show_jobs(s, w, t, lowest, highest, jobs, mask)
    show_jobs(s, w, t, lowest, highest, jobs, shown)
    for k in range(len(mask)):
        mask[k] = 1
    return len(mask)
