"""Copies of tiles: space, eviction, and the requests that bring them."""
from envs.core.jit import part, rule
from envs.dag.rules.quantities import (
    READS,
    WRITES,
    hop_time,
    is_coming,
    source_of,
    tile_of,
)
from envs.dag.state import (
    EVICTED,
    FETCH,
    MOVED,
    NEVER,
    NONE,
    PENDING,
    STAGE,
    USED,
    WRITEBACK,
)
from envs.dag.work import HOST


@rule
def note(s, w, what, subject, time, end, number, length, src, dst, kind):
    """Add an entry to the log, if one is kept."""
    run = s.run[0]
    if not w.setup[0].recorded:
        return
    entry = s.log[run.logged]
    entry.what, entry.subject, entry.time, entry.end = what, subject, time, end
    entry.number, entry.length, entry.src, entry.dst, entry.kind = number, length, src, dst, kind
    run.logged += 1


@rule
def _link_newest(s, n, d):
    node = s.node[n]
    s.copy[d, n].older, s.copy[d, n].newer = node.newest, NONE
    if node.newest == NONE:
        node.oldest = d
    else:
        s.copy[node.newest, n].newer = d
    node.newest = d


@rule
def _unlink(s, n, d):
    node, older, newer = s.node[n], s.copy[d, n].older, s.copy[d, n].newer
    if older == NONE:
        node.oldest = newer
    else:
        s.copy[older, n].newer = newer
    if newer == NONE:
        node.newest = older
    else:
        s.copy[newer, n].older = older


@rule
def _note_use(s, w, n):
    note(s, w, USED, 0, s.run[0].now, 0, 0, s.node[n].used, n, 0, 0)


@rule
def drop(s, w, d, n, length):
    """The copy of a tile on a node vanishes, its space is free."""
    c = s.copy[d, n]
    if w.setup[0].fair:
        for f in range(s.run[0].flows):
            if s.flow[f].src == n and s.flow[f].tile == d and s.flow[f].flag == 0:
                s.flow[f].flag = -1
    c.present, c.valid_at, c.number, c.reading = 0, NEVER, 0, 0
    if c.resident:
        c.resident = 0
        _unlink(s, n, d)
        s.node[n].used -= length
        _note_use(s, w, n)


@rule
def pin(s, w, i, n, change):
    """Pin (+1) or unpin (-1) the operands of task i on an own node."""
    info = w.task[s.task[i].info]
    for k in range(info.first_operand, info.first_operand + info.operands):
        c = s.copy[tile_of(s, w, i, k), n]
        if c.pins + change == 0 or c.pins == 0:
            s.node[n].pinned += change * w.operand[k].length
        c.pins += change


@part
def request(s, w, kind, d, src, dst, length, earliest, stamp):
    """Ask for a transfer that also waits for `earliest`, or in `fair` for releases."""
    run, setup = s.run[0], w.setup[0]
    run.requests += 1
    run.moved[kind] += 1
    s.node[src].bytes_out += length
    s.node[dst].bytes_in += length
    waits = is_coming(s, d, src)
    target = s.copy[d, dst]
    target.present, target.number = 1, run.requests
    if setup.fair:
        flow = s.flow[run.flows]
        flow.number, flow.left, flow.rate, flow.length = run.requests, float(length), 0.0, length
        flow.start, flow.next, flow.flag, flow.stamp = 0, run.now, 0, stamp
        flow.tile, flow.src, flow.dst, flow.kind, flow.phase = d, src, dst, kind, PENDING
        flow.source = s.copy[d, src].number if waits else 0
        run.flows += 1
        target.valid_at = NEVER
        return NEVER
    start = max(earliest, run.now, s.copy[d, src].valid_at)
    start = max(start, s.node[src].out_free, s.node[dst].in_free)
    end = start + hop_time(w, src, dst, length)
    if src != HOST:
        s.node[src].out_free = end
    if dst != HOST:
        s.node[dst].in_free = end
    s.copy[d, src].reading = max(s.copy[d, src].reading, end)
    target.valid_at = end
    note(s, w, MOVED, d, start, end, run.requests, length, src, dst, kind)
    return end


@rule
def _flag(s, flow):
    run = s.run[0]
    run.releases += 1
    flow.flag = run.releases


@part
def evict(s, w, d, n, length):
    """Take a tile off an own node; its last copy is written back to the host."""
    run, node, c = s.run[0], s.node[n], s.copy[d, n]
    others = 0
    for m in range(w.setup[0].nodes):
        others += m != n and s.copy[d, m].present
    dirty = others == 0
    note(s, w, EVICTED, d, run.now, 0, 0, length, n, 0, dirty)
    if w.setup[0].fair:
        for f in range(run.flows):
            if s.flow[f].src == n and s.flow[f].tile == d and s.flow[f].flag == 0:
                _flag(s, s.flow[f])
    if dirty:
        run.dirty += 1
        request(s, w, WRITEBACK, d, n, HOST, length, run.now, 0)
        if w.setup[0].fair:
            _flag(s, s.flow[run.flows - 1])
    else:
        run.clean += 1
    node.release = max(node.release, c.reading)
    drop(s, w, d, n, length)


@rule
def _make_room(s, w, n, length):
    """Evict the tiles touched least recently until `length` bytes fit."""
    d = s.node[n].oldest
    while s.node[n].used + length > w.node[n].capacity:
        newer = s.copy[d, n].newer
        if s.copy[d, n].pins == 0:
            evict(s, w, d, n, s.copy[d, HOST].length)
        d = newer


@rule
def _allot(s, w, d, n, length):
    _make_room(s, w, n, length)
    s.node[n].used += length
    s.copy[d, n].resident = 1
    _note_use(s, w, n)


@rule
def bring(s, w, i, n):
    """Make space for the operands of task i on node n and fetch what it reads.

    Returns the tick at which all is there, NEVER if that is not known yet.
    """
    run, info = s.run[0], w.task[s.task[i].info]
    latest = run.now
    s.task[i].stamp = 0
    if n != HOST:
        pin(s, w, i, n, 1)
    for k in range(info.first_operand, info.first_operand + info.operands):
        d, length = tile_of(s, w, i, k), w.operand[k].length
        release, stamp = run.now, 0
        if n != HOST:
            if s.copy[d, n].resident:
                _unlink(s, n, d)
            else:
                _allot(s, w, d, n, length)
                release, stamp = s.node[n].release, run.releases
                latest = max(latest, release)
                s.task[i].stamp = stamp
            _link_newest(s, n, d)
        if w.operand[k].mode & READS:
            if not s.copy[d, n].present:
                m = source_of(s, w, d, n, length)
                if m == NONE:
                    m = source_of(s, w, d, HOST, length)
                    request(s, w, STAGE, d, m, HOST, length, run.now, 0)
                    m = HOST
                request(s, w, FETCH, d, m, n, length, release, stamp)
            latest = max(latest, s.copy[d, n].valid_at)
    if s.task[i].stamp > 0 and waits_for_release(s, n, s.task[i].stamp):
        return NEVER
    return latest


@rule
def waits_for_release(s, n, stamp):
    """Whether a flow out of node n that an allotment must wait for has not ended."""
    for f in range(s.run[0].flows):
        if s.flow[f].src == n and 0 < s.flow[f].flag <= stamp:
            return True
    return False


@part
def settle_data(s, w, i, n):
    """Task i has finished on node n: what it wrote is valid there and nowhere else."""
    info = w.task[s.task[i].info]
    for k in range(info.first_operand, info.first_operand + info.operands):
        if not w.operand[k].mode & WRITES:
            continue
        d = tile_of(s, w, i, k)
        s.copy[d, n].present, s.copy[d, n].valid_at, s.copy[d, n].number = 1, s.run[0].now, 0
        for m in range(w.setup[0].nodes):
            if m != n and (s.copy[d, m].present or s.copy[d, m].resident):
                drop(s, w, d, m, w.operand[k].length)
    if n != HOST:
        pin(s, w, i, n, -1)


@part
def forget_tiles(s, w, j):
    """The last task of a job has finished: all copies of its tiles vanish."""
    job = s.job[j]
    for d in range(job.first_tile, job.first_tile + w.graph[job.graph].tiles):
        for n in range(w.setup[0].nodes):
            if s.copy[d, n].present or s.copy[d, n].resident:
                drop(s, w, d, n, s.copy[d, HOST].length)


@rule
def fits(s, w, i, p):
    """Whether the pinned tiles of the worker's node leave room for the operands of task i."""
    n = w.worker[p].node
    if s.node[n].pinned == 0:
        return True
    info = w.task[s.task[i].info]
    needed = s.node[n].pinned
    for k in range(info.first_operand, info.first_operand + info.operands):
        if s.copy[tile_of(s, w, i, k), n].pins == 0:
            needed += w.operand[k].length
    return needed <= w.node[n].capacity
