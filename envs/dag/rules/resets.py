"""The start of an episode: nothing has arrived, every tile is nowhere."""
import math

from envs.core.jit import driver, part, rule
from envs.core.philox import fix, philox_normal
from envs.dag.rules.quantities import TILES, least_actual
from envs.dag.state import (
    BLOCKED,
    NEVER,
    NONE,
    NOTHING,
    PLAN,
    PLAYING,
    SCRATCH,
    UNSEEN,
    Replica,
)
from envs.dag.work import HOST

LOGNORMAL = 1               # NOISE
DURATIONS = 1               # stream of draws
LEAST = 0.05                # truncated normal factors


@rule
def replica(state, e):
    """Row `e` of the batch."""
    return Replica(state.run[e:e + 1], state.job[e], state.task[e], state.actual[e], state.copy[e],
                   state.worker[e], state.node[e], state.lists[e], state.flow[e], state.group[e],
                   state.log[e])


@part
def _factor(w, seed, task, job, kind, spread):
    """The random factor of a duration."""
    if w.setup[0].noise == LOGNORMAL:
        z = philox_normal(seed, DURATIONS, task, job, 256 * kind)
        return fix(math.exp(spread * z - spread * spread / 2.0))
    k = 0
    while True:
        x = 1.0 + spread * philox_normal(seed, DURATIONS, task, job, 256 * kind + k)
        if x >= LEAST:
            return fix(x)
        k += 1


@rule
def _fill_actual(s, w, seed, i, j):
    """Actual durations of task i of job j."""
    info = s.task[i].info
    number = i - s.job[j].first_task
    for kind in range(w.setup[0].types):
        expected = w.time[info, kind]
        s.actual[i, kind] = expected
        if expected > 0 and w.task[info].spread > 0.0:
            x = _factor(w, seed, number, j, kind, w.task[info].spread)
            s.actual[i, kind] = math.floor(expected * x + 0.5)


@rule
def _fill_task(s, w, i, j, k):
    task = s.task[i]
    info = w.graph[s.job[j].graph].first_task + k
    task.info, task.job, task.status, task.blockers = info, j, BLOCKED, w.task[info].preds
    task.worker, task.hop, task.queue, task.after, task.before = NONE, UNSEEN, NONE, NONE, NONE
    task.ready, task.assigned, task.data_ready, task.start, task.finish = 0, 0, NEVER, NEVER, NEVER
    task.rseq, task.fetch, task.stamp = 0, 0, 0
    task.tail, task.whole = w.task[info].tail, w.task[info].whole
    task.rank = task.foreseen = w.task[info].rank


@rule
def _fill_whole(s, w, j):
    """Whole paths with actual durations of one job."""
    job = s.job[j]
    graph = w.graph[job.graph]
    for k in range(graph.tasks - 1, -1, -1):
        i = job.first_task + w.task[graph.first_task + k].order
        info, best = w.task[s.task[i].info], 0
        for a in range(info.first_succ, info.first_succ + info.succs):
            best = max(best, s.task[job.first_task + w.arc[a].task].whole)
        s.task[i].whole = best + least_actual(s, w, i)


@rule
def _value(s, i, by_whole):
    return s.task[i].whole if by_whole else s.task[i].tail


@rule
def _precedes(s, i, k, by_whole):
    """Whether task i has the higher priority."""
    a, b = _value(s, i, by_whole), _value(s, k, by_whole)
    return a > b or (a == b and i < k)


@rule
def _sift(s, root, end, by_whole):
    while 2 * root + 1 < end:
        child = 2 * root + 1
        if child + 1 < end and _precedes(s, s.lists[SCRATCH, child], s.lists[SCRATCH, child + 1],
                                         by_whole):
            child += 1
        top, below = s.lists[SCRATCH, root], s.lists[SCRATCH, child]
        if not _precedes(s, top, below, by_whole):
            break
        s.lists[SCRATCH, root], s.lists[SCRATCH, child] = below, top
        root = child


@part
def _rank(s, by_whole):
    """Number the tasks of all jobs by (-B, number): a heap sort."""
    n = s.run[0].tasks
    for i in range(n):
        s.lists[SCRATCH, i] = i
    for root in range(n // 2 - 1, -1, -1):
        _sift(s, root, n, by_whole)
    for end in range(n - 1, 0, -1):
        first, last = s.lists[SCRATCH, 0], s.lists[SCRATCH, end]
        s.lists[SCRATCH, 0], s.lists[SCRATCH, end] = last, first
        _sift(s, 0, end, by_whole)
    for k in range(n):
        if by_whole:
            s.task[s.lists[SCRATCH, k]].foreseen = k
        else:
            s.task[s.lists[SCRATCH, k]].rank = k


@rule
def _fill_tiles(s, w):
    run = s.run[0]
    for j in range(run.jobs):
        first = s.job[j].first_tile
        for d in range(first, first + w.graph[s.job[j].graph].tiles):
            for n in range(w.setup[0].nodes):
                c = s.copy[d, n]
                c.valid_at, c.reading, c.number, c.present, c.resident = NEVER, 0, 0, 0, 0
                c.older, c.newer, c.pins = NONE, NONE, 0
        for i in range(s.job[j].first_task, s.job[j].first_task + w.graph[s.job[j].graph].tasks):
            info = w.task[s.task[i].info]
            for k in range(info.first_operand, info.first_operand + info.operands):
                s.copy[first + w.operand[k].tile, HOST].length = w.operand[k].length


@rule
def _fill_machine(s, w):
    for p in range(w.setup[0].workers):
        worker = s.worker[p]
        worker.finish, worker.last_finish, worker.free = NEVER, 0, 0
        worker.busy, worker.stalled, worker.queued, worker.held, worker.waited = 0, 0, 0, 0, 0
        worker.first, worker.last, worker.front, worker.back = NONE, NONE, NONE, NONE
        worker.length, worker.next, worker.end = 0, 0, 0
    for g in range(w.setup[0].groups):
        s.group[g].ready = 0
    for n in range(w.setup[0].nodes):
        node = s.node[n]
        node.used, node.pinned, node.release, node.in_free, node.out_free = 0, 0, 0, 0, 0
        node.bytes_in, node.bytes_out, node.oldest, node.newest = 0, 0, NONE, NONE


@rule
def _fill_run(run):
    run.now, run.arrived, run.present, run.area, run.held, run.shown = 0, 0, 0, 0, 0, 0
    run.seen, run.finished, run.fresh, run.rseq, run.requests = 0, 0, 0, 0, 0
    run.releases, run.flows, run.rated_at, run.decisions, run.waits = 0, 0, 0, 0, 0
    run.clean, run.dirty, run.pushed, run.asked_at, run.scale = 0, 0, 0, 0, 0
    run.last_finish, run.logged, run.illegal, run.asking, run.foresight = 0, 0, 0, 0, 0
    run.answer, run.cursor, run.code = NOTHING, NONE, PLAYING
    for kind in range(3):
        run.moved[kind] = 0


@part
def _fill_jobs(s, w, arrival, graph):
    run = s.run[0]
    run.tasks, run.tiles = 0, 0
    for j in range(run.jobs):
        job, given = s.job[j], w.graph[graph[j]]
        job.arrival, job.finish, job.graph, job.left = arrival[j], NEVER, graph[j], given.tasks
        job.first_task, job.first_tile, job.held, job.open_work = run.tasks, run.tiles, 0, 0
        job.work = given.work
        run.tasks += given.tasks
        run.tiles += given.tiles
        for k in range(given.tasks):
            _fill_task(s, w, job.first_task + k, j, k)
            if w.setup[0].noise:
                _fill_actual(s, w, run.seed, job.first_task + k, j)
        if w.setup[0].foresee:
            _fill_whole(s, w, j)


@driver
def reset_batch(state, w, chosen, seed, jobs, arrival, graph, until, policy):
    """Begin an episode in the chosen replicas: `jobs` (E,), their `arrival` and `graph` (E, J)."""
    for e in range(len(chosen)):
        if not chosen[e]:
            continue
        s = replica(state, e)
        run = s.run[0]
        _fill_run(run)
        run.seed, run.jobs, run.until, run.policy = seed[e], jobs[e], until[e], policy[e]
        _fill_jobs(s, w, arrival[e], graph[e])
        run.order_head, run.order_tail = 0, 0
        run.rank_head = run.rank_tail = run.tasks // 2
        if run.jobs > 1:
            _rank(s, False)
        if w.setup[0].foresee and (run.jobs > 1 or w.setup[0].noise or not w.setup[0].full):
            _rank(s, True)
        _fill_machine(s, w)
        if w.setup[0].comm == TILES:
            _fill_tiles(s, w)


@driver
def plan_batch(state, first, order):
    """Give every replica the same plan: worker p runs `order[first[p]:first[p + 1]]`."""
    for e in range(state.run.shape[0]):
        s = replica(state, e)
        for k in range(len(order)):
            s.lists[PLAN, k] = order[k]
        for p in range(len(first) - 1):
            s.worker[p].next, s.worker[p].end = first[p], first[p + 1]
