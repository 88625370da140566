"""Times of tasks and transfers, and the estimates that features and policies share."""
import math

from envs.core.jit import part, rule
from envs.dag.state import NEVER, NONE
from envs.dag.work import HOST

NO_COMM, MATRIX, TILES = range(3)       # COMM
READS, WRITES = 1, 2                    # bits of an access mode
INTO, OUT = 0, 1                        # directions of an own node's link


@rule
def link_time(lag, speed, length, per_unit):
    """Ticks that `length` bytes take alone over a link."""
    if length == 0:
        return 0
    return lag + max(0, math.ceil(length * per_unit / speed - 1e-6))


@rule
def hop_time(w, m, n, length):
    """Ticks over the direct link from node m to node n."""
    return link_time(w.link[m, n].lag, w.link[m, n].speed, length, w.setup[0].per_unit)


@rule
def alone(w, m, n, length):
    """Ticks from node m to node n, over the host if there is no direct link."""
    if w.link[m, n].direct:
        return hop_time(w, m, n, length)
    return hop_time(w, m, HOST, length) + hop_time(w, HOST, n, length)


@rule
def pair_time(w, p, r, length):
    """c: ticks that a payload takes between two workers."""
    if p == r or length == 0:
        return 0
    if w.setup[0].matrix:
        link = w.link[p, r]
        return link_time(link.pair_lag, link.pair_speed, length, w.setup[0].per_unit)
    m, n = w.worker[p].node, w.worker[r].node
    return 0 if m == n else alone(w, m, n, length)


@rule
def duration(s, w, i, kind):
    """Actual ticks of a task on a type of worker."""
    if w.setup[0].noise:
        return s.actual[i, kind]
    return w.time[s.task[i].info, kind]


@rule
def expected(s, w, i, kind):
    """Expected ticks of a task on a type; the actual ones under foresight."""
    if s.run[0].foresight:
        return duration(s, w, i, kind)
    return w.time[s.task[i].info, kind]


@rule
def least(s, w, i):
    """Least expected ticks of a task over the machine's types."""
    if not s.run[0].foresight or not w.setup[0].noise:
        return w.task[s.task[i].info].least
    return least_actual(s, w, i)


@rule
def least_actual(s, w, i):
    """Least actual ticks of a task over the machine's types."""
    best, info = NEVER, s.task[i].info
    if w.task[info].virtual:
        return 0
    for kind in range(w.setup[0].types):
        if w.time[info, kind] >= 0:
            best = min(best, duration(s, w, i, kind))
    return best


@rule
def tail(s, i):
    """B of a ready task: whole actual paths under foresight."""
    return s.task[i].whole if s.run[0].foresight else s.task[i].tail


@rule
def is_able(s, w, i, p):
    """Whether worker p can run task i at all."""
    info = s.task[i].info
    if w.time[info, w.worker[p].kind] < 0:
        return False
    return w.setup[0].comm != TILES or w.task[info].length <= w.node[w.worker[p].node].capacity


@rule
def tile_of(s, w, i, k):
    """The episode's number of the tile of operand k."""
    return s.job[s.task[i].job].first_tile + w.operand[k].tile


@rule
def is_coming(s, d, n):
    """Whether a present copy is not complete yet."""
    return s.copy[d, n].valid_at > s.run[0].now


@rule
def source_of(s, w, d, n, length):
    """The node from which tile d is brought to node n over a direct link; NONE."""
    best, found, later = NEVER, NONE, True
    for m in range(w.setup[0].nodes):
        if m == n or not s.copy[d, m].present or not w.link[m, n].direct:
            continue
        coming, time = is_coming(s, d, m), hop_time(w, m, n, length)
        if found == NONE or (later and not coming) or (coming == later and time < best):
            best, found, later = time, m, coming
    return found


@rule
def _tile_fetch(s, w, i, n):
    """Ticks to bring the absent operands of task i to node n, one after the other."""
    info = w.task[s.task[i].info]
    total = 0
    for k in range(info.first_operand, info.first_operand + info.operands):
        d = tile_of(s, w, i, k)
        if not w.operand[k].mode & READS or s.copy[d, n].present:
            continue
        length = w.operand[k].length
        m = source_of(s, w, d, n, length)
        if m == NONE:
            m = source_of(s, w, d, HOST, length)
            total += hop_time(w, m, HOST, length)
            m = HOST
        total += hop_time(w, m, n, length)
    return total


@rule
def payloads_at(s, w, i, p):
    """Latest arrival of the payloads of task i on worker p."""
    info, latest = w.task[s.task[i].info], 0
    first = s.job[s.task[i].job].first_task
    for a in range(info.first_pred, info.first_pred + info.preds):
        k = first + w.arc[a].task
        from_worker = s.task[k].worker
        if from_worker == NONE:
            continue
        length = w.arc[a].length
        latest = max(latest, s.task[k].finish + pair_time(w, from_worker, p, length))
    return latest


@part
def fetch(s, w, i, p):
    """Estimated ticks of the transfers of a ready task if worker p started it now."""
    comm = w.setup[0].comm
    if comm == TILES:
        return _tile_fetch(s, w, i, w.worker[p].node)
    return max(0, payloads_at(s, w, i, p) - s.run[0].now)


@rule
def fetch_of(s, w, i, p):
    """`fetch`, without a call where nothing is ever moved."""
    return 0 if w.setup[0].comm == NO_COMM else fetch(s, w, i, p)


@part
def missing(s, w, i, p):
    """Bytes that a ready task would have to wait for on worker p."""
    info, n, total = w.task[s.task[i].info], w.worker[p].node, 0
    if w.setup[0].comm == TILES:
        for k in range(info.first_operand, info.first_operand + info.operands):
            if w.operand[k].mode & READS and not s.copy[tile_of(s, w, i, k), n].present:
                total += w.operand[k].length
    elif w.setup[0].comm == MATRIX:
        first = s.job[s.task[i].job].first_task
        for a in range(info.first_pred, info.first_pred + info.preds):
            r = s.task[first + w.arc[a].task].worker
            if r != NONE and r != p and (w.setup[0].matrix or w.worker[r].node != n):
                total += w.arc[a].length
    return total


@part
def refresh_free(s, w, p):
    """Estimate when worker p will have finished what it holds."""
    now, i = s.run[0].now, s.worker[p].first
    end = now
    while i != NONE:
        task = s.task[i]
        if task.start != NEVER:
            end = max(now, task.start + expected(s, w, i, w.worker[p].kind))
        else:
            data = task.data_ready
            if data == NEVER:
                data = max(now, task.assigned + task.fetch)
            end = max(end, data) + expected(s, w, i, w.worker[p].kind)
        i = task.after
    s.worker[p].free = end


@rule
def est(s, w, i, p, moving):
    """Estimated finish of task i on worker p, `moving` ticks of transfers included."""
    ticks = expected(s, w, i, w.worker[p].kind)
    if w.setup[0].comm == TILES and w.setup[0].prefetch == 0:
        return s.worker[p].free + moving + ticks
    return max(s.worker[p].free, s.run[0].now + moving) + ticks


@rule
def est_of(s, w, i, p):
    """`est` with its own estimate of transfers."""
    return est(s, w, i, p, fetch_of(s, w, i, p))
