"""Push policies: a ready task is put into a worker's queue; and what becomes of the queues."""
from envs.core.jit import part, rule
from envs.dag.rules.quantities import expected, fetch_of, is_able, tail
from envs.dag.state import NEVER, NONE

DM, DMDA, DMDAR, DMDAS, WS = 7, 8, 9, 10, 11        # POLICIES


@rule
def pushes(policy):
    """Whether a policy keeps queues."""
    return DM <= policy <= WS


@rule
def _append(s, w, i, p):
    worker = s.worker[p]
    s.task[i].queue, s.task[i].before, s.task[i].after = p, worker.back, NONE
    if worker.back == NONE:
        worker.front = i
    else:
        s.task[worker.back].after = i
    worker.back = i
    worker.length += 1
    worker.queued += expected(s, w, i, w.worker[p].kind) if is_able(s, w, i, p) else 0


@rule
def take_off(s, w, i):
    """Take a task off the queue that lists it, if any."""
    p = s.task[i].queue
    if p == NONE:
        return
    worker, before, after = s.worker[p], s.task[i].before, s.task[i].after
    if before == NONE:
        worker.front = after
    else:
        s.task[before].after = after
    if after == NONE:
        worker.back = before
    else:
        s.task[after].before = before
    worker.length -= 1
    worker.queued -= expected(s, w, i, w.worker[p].kind) if is_able(s, w, i, p) else 0
    s.task[i].queue = NONE


@rule
def _queued_before(s, w, i, p, policy):
    """Expected ticks of the queue of worker p that count for task i."""
    if policy != DMDAS:
        return s.worker[p].queued
    total, k = 0, s.worker[p].front
    while k != NONE:
        if tail(s, k) >= tail(s, i):
            total += expected(s, w, k, w.worker[p].kind)
        k = s.task[k].after
    return total


@rule
def _least_end(s, w, i, policy):
    """The able worker with the least expected end and transfer."""
    best, found = NEVER, NONE
    for p in range(w.setup[0].workers):
        if is_able(s, w, i, p):
            moving = 0 if policy == DM else fetch_of(s, w, i, p)
            start = s.worker[p].free + _queued_before(s, w, i, p, policy)
            start = max(start, s.run[0].now + moving)
            end = start + expected(s, w, i, w.worker[p].kind) + moving
            if end < best:
                best, found = end, p
    return found


@rule
def _latest_worker(s, w, i):
    """Who ran the latest-finished predecessor of task i; NONE."""
    info, first = w.task[s.task[i].info], s.job[s.task[i].job].first_task
    latest, found = -1, NONE
    for a in range(info.first_pred, info.first_pred + info.preds):
        k = first + w.arc[a].task
        p = s.task[k].worker
        if p != NONE and (s.task[k].finish > latest
                          or (s.task[k].finish == latest and p < found)):
            latest, found = s.task[k].finish, p
    return found


@rule
def _deal(s, w, i):
    """The next of the able workers in turn."""
    able = 0
    for p in range(w.setup[0].workers):
        able += is_able(s, w, i, p)
    turn = s.run[0].pushed % able
    s.run[0].pushed += 1
    for p in range(w.setup[0].workers):
        if is_able(s, w, i, p):
            if turn == 0:
                return p
            turn -= 1
    return NONE


@part
def push(s, w, i, policy):
    """Queue a task that has become ready."""
    if policy != WS:
        _append(s, w, i, _least_end(s, w, i, policy))
        return
    p = _latest_worker(s, w, i)
    if p == NONE or not is_able(s, w, i, p):
        p = _deal(s, w, i)
    _append(s, w, i, p)
