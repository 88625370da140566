"""The graph view: visible unfinished tasks as nodes, and the edges between them."""
from envs.core.jit import part, rule
from envs.dag.rules.choices import is_eligible
from envs.dag.rules.observe import log_ratio, log_time, sees_successors, show_kind
from envs.dag.rules.quantities import expected, least
from envs.dag.state import (
    BLOCKED,
    HELD,
    NEVER,
    NONE,
    ORDER,
    RANK,
    READY,
    SCRATCH,
    UNSEEN,
)

NODE_FEATURES = 20
BY_PRIORITY = 0                 # SLOT_ORDER


@rule
def _add(s, i, count, nodes):
    """Number a task as the next node, if there is room."""
    s.lists[SCRATCH, i] = count if count < nodes else NONE
    return count + 1


@part
def number_nodes(s, w, p, nodes, listed):
    """Number the nodes in `lists[SCRATCH]` by task, and in `listed` (N,) the other way round:
    eligible ones in slot order, other ready ones, assigned ones, then the rest; how many."""
    run, count = s.run[0], 0
    for i in range(run.tasks):
        s.lists[SCRATCH, i] = NONE
    by_priority = w.setup[0].slot_order == BY_PRIORITY
    head = run.rank_head if by_priority else run.order_head
    end = run.rank_tail if by_priority else run.order_tail
    row = RANK if by_priority else ORDER
    for k in range(head, end):
        if is_eligible(s, w, s.lists[row, k], p):
            count = _add(s, s.lists[row, k], count, nodes)
    for k in range(run.order_head, run.order_tail):
        if not is_eligible(s, w, s.lists[ORDER, k], p):
            count = _add(s, s.lists[ORDER, k], count, nodes)
    for i in range(run.tasks):
        if s.task[i].status == HELD:
            count = _add(s, i, count, nodes)
    for i in range(run.tasks):
        if count >= nodes:
            break
        seen = s.task[i].hop != UNSEEN or (w.setup[0].full and s.task[i].job < run.arrived)
        if s.task[i].status == BLOCKED and seen:
            count = _add(s, i, count, nodes)
    for i in range(run.tasks):
        if s.lists[SCRATCH, i] != NONE:
            listed[s.lists[SCRATCH, i]] = i
    return min(count, nodes)


@rule
def _type_ratio(s, w, i):
    """First over second of the task's own types, in machine order."""
    first, second = NEVER, NEVER
    for kind in range(w.setup[0].types):
        if w.time[s.task[i].info, kind] >= 0:
            if first == NEVER:
                first = expected(s, w, i, kind)
            elif second == NEVER:
                second = expected(s, w, i, kind)
    return log_ratio(first, second) if second < NEVER else 0.0


@rule
def _tail_at(s, w, i):
    """B of a visible task: what lies within the window."""
    if w.setup[0].full:
        return s.task[i].tail
    return w.tail[s.task[i].info, w.setup[0].window - s.task[i].hop]


@rule
def _show_held(s, w, nodes):
    """Expected finishes of assigned tasks, worker by worker, as estimates of `free` go."""
    run = s.run[0]
    for p in range(w.setup[0].workers):
        end, i = run.now, s.worker[p].first
        while i != NONE:
            task = s.task[i]
            if task.start != NEVER:
                end = max(run.now, task.start + expected(s, w, i, w.worker[p].kind))
            else:
                data = task.data_ready
                if data == NEVER:
                    data = max(run.now, task.assigned + task.fetch)
                end = max(end, data) + expected(s, w, i, w.worker[p].kind)
            if s.lists[SCRATCH, i] != NONE:
                nodes[s.lists[SCRATCH, i], 7] = log_time(end - run.now, run.scale)
            i = task.after


@rule
def _show_node(s, w, p, i, k, slots, codes, row):
    run, task, info = s.run[0], s.task[i], w.task[s.task[i].info]
    row[0] = 1.0
    if task.status == READY:
        row[1] = 1.0
        row[11] = log_time(run.now - task.ready, run.scale)
        if is_eligible(s, w, i, p):
            row[3] = 1.0
            if k < slots:
                row[8] = (k + 1) / slots
    elif task.status == HELD:
        row[2] = 1.0
    row[4] = log_time(least(s, w, i), run.scale)
    row[5] = _type_ratio(s, w, i)
    row[6] = log_time(_tail_at(s, w, i), run.scale)
    row[9] = min(1.0, task.blockers / 8.0)
    if sees_successors(s, w, i):
        row[10] = min(1.0, info.succs / 16.0)
    show_kind(info.kind, codes, row, 12)


@rule
def _show_edges(s, w, i, k, count, edges):
    """Append the edges of node k, sorted; the new number of edges."""
    info, first, begin = w.task[s.task[i].info], s.job[s.task[i].job].first_task, count
    for a in range(info.first_succ, info.first_succ + info.succs):
        target = s.lists[SCRATCH, first + w.arc[a].task]
        if target == NONE:
            continue
        at = count
        if at == edges.shape[1]:        # full: the greatest of this node gives way
            at -= 1
            if at < begin or edges[1, at] <= target:
                continue
        else:
            count += 1
        while at > begin and edges[1, at - 1] > target:
            edges[1, at] = edges[1, at - 1]
            at -= 1
        edges[0, at], edges[1, at] = k, target
        edges[0, count - 1] = k
    return count


@part
def show_graph(s, w, codes, slots, nodes, edges, listed):
    """Write nodes (N, 20), zero before, and edges (2, E), -1 before."""
    p, number = s.run[0].asking, 0
    count = number_nodes(s, w, p, nodes.shape[0], listed)
    _show_held(s, w, nodes)
    for k in range(count):
        i = listed[k]
        _show_node(s, w, p, i, k, slots, codes, nodes[k])
        if sees_successors(s, w, i):
            number = _show_edges(s, w, i, k, number, edges)
