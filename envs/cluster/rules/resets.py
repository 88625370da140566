"""An empty cluster at the start of an episode."""
from envs.cluster.rules.pieces import change
from envs.cluster.rules.runs import replica
from envs.cluster.state import BEGIN, FREE, FUTURE, NEVER, NONE, READY
from envs.core.jit import driver, rule


@rule
def _shifted(when, offset):
    if when >= NEVER:
        return NEVER
    return when - offset


@rule
def _fill(job, task, offset):
    """A future job."""
    job.arrival, job.deadline = task.arrival - offset, _shifted(task.deadline, offset)
    job.priority, job.work, job.estimate = task.priority, task.work, task.estimate
    job.ideal, job.left, job.rate, job.lost = task.ideal, task.work, 0.0, 0.0
    job.gpus, job.cls, job.tenant, job.only = task.gpus, task.cls, task.tenant, task.only
    job.least, job.most, job.status = task.least, task.most, FUTURE
    job.z, job.entry, job.att, job.gatt, job.base_att, job.base_gatt = 0, 0, 0, 0, 0, 0
    job.start, job.ready, job.end, job.expected, job.overhead = 0, 0, 0, 0, 0
    job.admitted, job.first_start, job.finish = NONE, NONE, NONE
    job.k1, job.k2, job.gain, job.bonus, job.boosted, job.queue = 0, 0, 0, 0, 0, 0
    job.gpu_type, job.held, job.level, job.nodes, job.piece = 0, 0, 0, 0, NONE
    job.plan_type, job.plan_gpus, job.plan_piece, job.plan_nodes, job.stopped = 0, 0, NONE, 0, 0
    job.launches, job.preemptions, job.evictions, job.largest, job.late = 0, 0, 0, 0, 0
    job.dealt = 0


@rule
def _fill_nodes(s, start):
    for layer in range(s.node.shape[0]):
        for kind in range(s.kind.shape[1]):
            s.kind[layer, kind].free = 0
            s.kind[layer, kind].largest = start.largest[kind]
        for number in range(s.node.shape[1]):
            s.node[layer, number].free = 0
    for number in range(s.node.shape[1]):
        node, given = s.node[FREE, number], start.node[number]
        node.kind, node.gpus, node.rack = given.kind, given.gpus, given.rack
        node.up, node.dealt, node.taken = given.up, 0, 0
        if given.up:
            change(s, FREE, number, given.gpus)


@rule
def _fill_scratch(s, start):
    for k in range(len(s.piece)):
        s.piece[k].next = k + 1
    s.piece[len(s.piece) - 1].next = NONE
    for number in range(len(s.tenant)):
        tenant = s.tenant[number]
        tenant.gpus, tenant.barred, tenant.quota = 0, 0, start.quota[number]
    for i in range(s.pair.shape[0]):
        for kind in range(s.pair.shape[1]):
            pair = s.pair[i, kind]
            pair.share, pair.deficit, pair.served = 0, 0, 0


@rule
def _fill_run(run):
    """Counters and lists at the start; times of the episode begin at 0."""
    run.now, run.last_instant, run.draw_from = 0, 0, 0
    run.arrived, run.oldest, run.present, run.finished = 0, 0, 0, 0
    run.held, run.waiting, run.running, run.launches, run.victims = 0, 0, 0, 0, 0
    run.stops, run.pending, run.cursor, run.chosen, run.event = 0, 0, 0, 0, 0
    run.dealt_at, run.dealt_for, run.switched, run.admitted_gpus = -1, 0, 0, 0
    run.instants, run.rounds, run.spare_piece, run.found, run.found_nodes = 0, 0, 0, NONE, 0
    run.last_finish, run.decided_at, run.illegal, run.missed = 0, 0, 0, 0
    run.counted, run.weight, run.presence, run.slowness, run.spent = 0, 0.0, 0.0, 0.0, 0.0
    run.logged = 0
    run.rules, run.phase, run.code, run.stalled, run.calm = 0, BEGIN, READY, 0, 0
    run.next_switch = NEVER


@driver
def reset_batch(state, start, chosen, seed, first, jobs, track_first, track_last, until,
                offset):
    """Empty the chosen replicas: `jobs` jobs of the trace from number `first` on are to come.

    Times of the episode are those of the trace less `offset`.
    """
    for e in range(len(chosen)):
        if chosen[e]:
            s = replica(state, e)
            run = s.run[0]
            _fill_run(run)
            run.seed, run.first, run.jobs, run.until = seed[e], first[e], jobs[e], until[e]
            run.track_first, run.track_last = track_first[e], track_last[e]
            run.tracked_left = track_last[e] - track_first[e] + 1
            run.offset = offset[e]
            for i in range(jobs[e]):
                _fill(s.job[i], start.task[first[e] + i], run.offset)
            _fill_nodes(s, start)
            _fill_scratch(s, start)
