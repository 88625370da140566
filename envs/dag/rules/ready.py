"""Ready tasks in two orders, and which tasks may be seen."""
from envs.core.jit import part, rule
from envs.dag.rules.quantities import TILES, least
from envs.dag.state import (
    BLOCKED,
    FRESH,
    NONE,
    ORDER,
    RANK,
    READY,
    SCRATCH,
    UNSEEN,
)


@rule
def _key(s, row, i):
    return s.task[i].rank if row == RANK else s.task[i].rseq


@rule
def _place(s, row, head, tail, i):
    """Where task i is, or belongs, in a sorted list."""
    key = _key(s, row, i)
    while head < tail:
        mid = (head + tail) >> 1
        if _key(s, row, s.lists[row, mid]) < key:
            head = mid + 1
        else:
            tail = mid
    return head


@rule
def insert_by_rank(s, i):
    """The shorter side moves, so that a wide graph costs little."""
    run = s.run[0]
    head, tail = run.rank_head, run.rank_tail
    at = _place(s, RANK, head, tail, i)
    if head > 0 and (at - head < tail - at or tail == run.tasks):
        for k in range(head, at):
            s.lists[RANK, k - 1] = s.lists[RANK, k]
        s.lists[RANK, at - 1] = i
        run.rank_head -= 1
        return
    for k in range(tail, at, -1):
        s.lists[RANK, k] = s.lists[RANK, k - 1]
    s.lists[RANK, at] = i
    run.rank_tail += 1


@rule
def _take(s, row, head, tail, i):
    """Remove task i; 1 if the front of the list moved."""
    at = _place(s, row, head, tail, i)
    if at - head < tail - at:
        for k in range(at, head, -1):
            s.lists[row, k] = s.lists[row, k - 1]
        return 1
    for k in range(at, tail - 1):
        s.lists[row, k] = s.lists[row, k + 1]
    return 0


@rule
def _count(s, w, i, change):
    """Note how many ready tasks a group has."""
    g = w.task[s.task[i].info].group
    if g != NONE:
        s.group[g].ready += change


@rule
def list_ready(s, w, i):
    """Give a task its ready number and list it."""
    run = s.run[0]
    _count(s, w, i, 1)
    s.task[i].rseq = run.rseq
    run.rseq += 1
    s.lists[ORDER, run.order_tail] = i
    run.order_tail += 1
    insert_by_rank(s, i)


@rule
def unlist(s, w, i):
    """A ready task has been assigned."""
    run = s.run[0]
    _count(s, w, i, -1)
    front = _take(s, ORDER, run.order_head, run.order_tail, i)
    run.order_head += front
    run.order_tail -= 1 - front
    front = _take(s, RANK, run.rank_head, run.rank_tail, i)
    run.rank_head += front
    run.rank_tail -= 1 - front


@rule
def _see(s, w, i):
    """A blocked task becomes visible."""
    run, job = s.run[0], s.job[s.task[i].job]
    run.shown += 1
    if not w.task[s.task[i].info].virtual:
        run.seen += 1
        job.open_work += least(s, w, i)


@part
def reveal(s, w, i):
    """Task i is ready: what lies within the window of it can be seen from now on."""
    window = w.setup[0].window
    if s.task[i].hop == UNSEEN:
        _see(s, w, i)
    s.task[i].hop = 0
    s.lists[SCRATCH, 0] = i
    head, tail = 0, 1
    while head < tail:
        j = s.lists[SCRATCH, head]
        head += 1
        hop = s.task[j].hop + 1
        if hop > window:
            break
        info, first = w.task[s.task[j].info], s.job[s.task[j].job].first_task
        for a in range(info.first_succ, info.first_succ + info.succs):
            c = first + w.arc[a].task
            if s.task[c].hop > hop:
                if s.task[c].hop == UNSEEN:
                    _see(s, w, c)
                s.task[c].hop = hop
                s.lists[SCRATCH, tail] = c
                tail += 1


@rule
def become_ready(s, w, i):
    """The last predecessor of task i has finished, or it has none and its job has arrived."""
    run = s.run[0]
    s.task[i].ready = run.now
    s.task[i].status = READY
    s.lists[FRESH, run.fresh] = i
    run.fresh += 1
    if not w.setup[0].full:
        reveal(s, w, i)
    run.shown -= 1


@rule
def unblock(s, w, i):
    """A task has finished: count its successors down."""
    info, first = w.task[s.task[i].info], s.job[s.task[i].job].first_task
    for a in range(info.first_succ, info.first_succ + info.succs):
        c = first + w.arc[a].task
        s.task[c].blockers -= 1
        if s.task[c].blockers == 0:
            become_ready(s, w, c)


@part
def arrive(s, w, j):
    """A job arrives: its tiles are on the host, its sources ready."""
    run, job, setup = s.run[0], s.job[j], w.setup[0]
    graph = w.graph[job.graph]
    run.present += 1
    for d in range(job.first_tile, job.first_tile + graph.tiles * (setup.comm == TILES)):
        s.copy[d, 0].present, s.copy[d, 0].valid_at = 1, run.now
    for i in range(job.first_task, job.first_task + graph.tasks):
        if setup.full:
            _see(s, w, i)
    for i in range(job.first_task, job.first_task + graph.tasks):
        if s.task[i].status == BLOCKED and s.task[i].blockers == 0:
            become_ready(s, w, i)
