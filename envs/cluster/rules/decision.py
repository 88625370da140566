"""Carry out a decision: planned stops by number, then planned launches by number."""
from envs.cluster.rules.order import enqueue, set_keys, sort_numbers, take_out_stopped
from envs.cluster.rules.segments import begin_segment, end_segment
from envs.cluster.state import (
    FREE,
    LAUNCH,
    MIGRATE,
    PLAN,
    PREEMPT,
    RESCALE,
    VICTIM,
    WAIT,
    WAITING,
)
from envs.core.jit import part, rule


@part
def copy_layer(s, source, target):
    """Copy one layer of free counts."""
    for node in range(s.node.shape[1]):
        s.node[target, node].free = s.node[source, node].free
    for kind in range(s.kind.shape[1]):
        s.kind[target, kind].free = s.kind[source, kind].free


@part
def open_decision(s):
    """Plan on a copy of the free counts."""
    run = s.run[0]
    copy_layer(s, FREE, PLAN)
    run.launches = 0
    run.stops = 0


@rule
def plan_launch(s, i, kind, gpus):
    """The place found last is planned for job i."""
    run, job = s.run[0], s.job[i]
    job.plan_type, job.plan_gpus = kind, gpus
    job.plan_piece, job.plan_nodes = run.found, run.found_nodes
    s.lists[LAUNCH, run.launches] = i
    run.launches += 1


@rule
def _reason(job):
    if job.plan_gpus == 0:
        return PREEMPT
    if job.plan_gpus == job.held:
        return MIGRATE
    return RESCALE


@rule
def _drop_launched(s):
    """Waiting jobs that get GPUs leave the list."""
    run = s.run[0]
    kept = 0
    for k in range(run.waiting):
        i = s.lists[WAIT, k]
        if s.job[i].plan_gpus == 0:
            s.lists[WAIT, kept] = i
            kept += 1
    run.waiting = kept


@part
def carry_out(s, w, t):
    """Begin and end the segments that the decision planned."""
    run = s.run[0]
    stops = 0
    if run.stops > 0:
        stops = take_out_stopped(s)
    waiting = False
    for k in range(run.launches):
        waiting |= s.job[s.lists[LAUNCH, k]].status == WAITING
    if waiting:
        _drop_launched(s)
    for k in range(stops):
        i = s.lists[VICTIM, k]
        end_segment(s, w, i, t, _reason(s.job[i]))
        if s.job[i].plan_gpus == 0:
            set_keys(s, w, i, t)
            enqueue(s, i)
    sort_numbers(s, LAUNCH, run.launches)
    for k in range(run.launches):
        begin_segment(s, w, s.lists[LAUNCH, k], t)
    if stops + run.launches > 0:
        run.calm = 0
    run.launches = 0
    run.stops = 0
