"""What the asking worker sees: slots, workers and the whole (section by section of the docstring
of the environment)."""
import math

from envs.core.jit import part, rule
from envs.dag.rules.choices import best_other, is_eligible, may_wait
from envs.dag.rules.quantities import (
    MATRIX,
    TILES,
    est,
    expected,
    fetch_of,
    least,
    missing,
    tail,
)
from envs.dag.state import NEVER, NONE, ORDER, RANK, UNSEEN
from envs.dag.work import HOST

SLOT_FEATURES, WORKER_FEATURES, GLOBAL_FEATURES = 25, 12, 10
KINDS, TYPES = 8, 4             # places of one-hot features
BY_PRIORITY = 0                 # SLOT_ORDER


@rule
def log_time(ticks, scale):
    """A time between -1 and 1: logarithmic, signed."""
    x = math.log1p(abs(ticks) / scale) / 5.0
    return min(1.0, x) if ticks >= 0 else -min(1.0, x)


@rule
def log_ratio(a, b):
    """The logarithm of a ratio of durations between -1 and 1."""
    return min(1.0, max(-1.0, math.log(max(1, a) / max(1, b)) / 5.0))


@part
def fix_scale(s, w):
    """The unit of logarithms: mean least duration of what is visible at the first decision."""
    run, total, count = s.run[0], 0.0, 0
    if w.setup[0].scale > 0:
        run.scale = w.setup[0].scale
        return
    for i in range(run.tasks):
        seen = s.task[i].hop != UNSEEN or (w.setup[0].full and s.task[i].job < run.arrived)
        if seen and not w.task[s.task[i].info].virtual:
            total += least(s, w, i)
            count += 1
    run.scale = max(1, math.floor(total / max(1, count) + 0.5))


@rule
def list_eligible(s, w, p, picks):
    """Fill `picks` with the first eligible tasks in slot order; how many there are in all."""
    run, count = s.run[0], 0
    by_priority = w.setup[0].slot_order == BY_PRIORITY
    head = run.rank_head if by_priority else run.order_head
    end = run.rank_tail if by_priority else run.order_tail
    row = RANK if by_priority else ORDER
    for k in range(head, end):
        i = s.lists[row, k]
        if is_eligible(s, w, i, p):
            if count < len(picks):
                picks[count] = i
            count += 1
    return count


@rule
def greatest_tail(s, w, p):
    """B of the first eligible task by priority."""
    run = s.run[0]
    for k in range(run.rank_head, run.rank_tail):
        if is_eligible(s, w, s.lists[RANK, k], p):
            return tail(s, s.lists[RANK, k])
    return 0


@rule
def sees_successors(s, w, i):
    """Whether the successors of a visible task are visible."""
    return w.setup[0].full or w.setup[0].window - s.task[i].hop >= 1


@rule
def show_kind(kind, codes, row, first):
    """One-hot place of a kind."""
    if kind != NONE and codes[kind] != NONE:
        row[first + codes[kind] % KINDS] = 1.0


@rule
def _other_least(s, w, i, kind):
    """Least expected ticks on another type; NEVER."""
    best = NEVER
    for other in range(w.setup[0].types):
        if other != kind and w.time[s.task[i].info, other] >= 0:
            best = min(best, expected(s, w, i, other))
    return best


@rule
def _released(s, w, i):
    """Successors of task i that wait for it alone."""
    info, first, count = w.task[s.task[i].info], s.job[s.task[i].job].first_task, 0
    for a in range(info.first_succ, info.first_succ + info.succs):
        count += s.task[first + w.arc[a].task].blockers == 1
    return count


@rule
def _bytes_beyond(s, w, i, n):
    """Bytes by which the operands of task i would exceed node n with all its residents."""
    info = w.task[s.task[i].info]
    total, first = s.node[n].used, s.job[s.task[i].job].first_tile
    for k in range(info.first_operand, info.first_operand + info.operands):
        if not s.copy[first + w.operand[k].tile, n].resident:
            total += w.operand[k].length
    return max(0, total - w.node[n].capacity)


@part
def show_slot(s, w, p, i, greatest, codes, row):
    """The features of one eligible task."""
    run, setup, info = s.run[0], w.setup[0], w.task[s.task[i].info]
    job, kind, scale = s.job[s.task[i].job], w.worker[p].kind, run.scale
    ticks, other = expected(s, w, i, kind), _other_least(s, w, i, kind)
    moving = fetch_of(s, w, i, p)
    here, there = est(s, w, i, p, moving), best_other(s, w, i, p)
    row[0] = 1.0
    row[1] = log_time(ticks, scale)
    row[2] = log_time(least(s, w, i), scale)
    row[3] = log_ratio(ticks, other) if other < NEVER else 0.0
    row[4] = log_time(moving, scale)
    needed = info.reads if setup.comm == TILES else info.carried if setup.comm == MATRIX else 0
    row[5] = missing(s, w, i, p) / needed if needed > 0 else 0.0
    row[6] = log_time(here - run.now, scale)
    row[7] = log_time(there - here, scale) if there < NEVER else 1.0
    row[8] = log_time(tail(s, i), scale)
    row[9] = tail(s, i) / greatest if greatest > 0 else 0.0
    if sees_successors(s, w, i):
        row[10] = min(1.0, info.succs / 16.0)
        row[11] = min(1.0, _released(s, w, i) / 8.0)
    row[12] = log_time(run.now - s.task[i].ready, scale)
    n = w.worker[p].node
    capacity = w.node[n].capacity
    if setup.comm == TILES and capacity < NEVER:
        row[13] = min(1.0, _bytes_beyond(s, w, i, n) / capacity)
        row[14] = min(1.0, info.length / capacity)
    row[15] = min(1.0, job.held / setup.workers)
    row[16] = log_time(job.open_work, scale)
    show_kind(info.kind, codes, row, 17)


@rule
def _show_worker(s, w, p, asks, row):
    run, setup, worker = s.run[0], w.setup[0], s.worker[p]
    n = w.worker[p].node
    row[0] = 1.0 if asks else 0.0
    row[1] = 1.0 if worker.held > 0 else 0.0
    row[2] = log_time(worker.free - run.now, run.scale)
    row[3] = worker.held / (1.0 + setup.prefetch)
    row[4] = float(worker.waited)
    if setup.comm == TILES and n != HOST:
        if w.node[n].capacity < NEVER:
            row[5] = s.node[n].used / w.node[n].capacity
        if not setup.fair:
            row[6] = log_time(max(0, s.node[n].in_free - run.now), run.scale)
            row[7] = log_time(max(0, s.node[n].out_free - run.now), run.scale)
    row[8 + w.worker[p].kind % TYPES] = 1.0


@rule
def _show_whole(s, w, p, count, slots, row):
    run, setup = s.run[0], w.setup[0]
    row[0] = min(1.0, count / slots)
    row[1] = max(0, count - slots) / max(1, count)
    row[2] = run.held / (setup.workers * (1.0 + setup.prefetch))
    row[3] = min(1.0, math.log1p(run.shown) / 10.0)
    row[4] = log_time(run.now, run.scale)
    row[5] = log_time(run.now - run.asked_at, run.scale) if run.decisions > 0 else 0.0
    row[6] = min(1.0, math.log1p(run.present) / 5.0)
    row[7] = min(1.0, setup.noise_share)
    row[8] = 1.0 if may_wait(s, w, p) else 0.0
    row[9] = run.finished / max(1, run.seen)


@part
def show_all(s, w, codes, slots, workers, whole, mask, picks):
    """Write slots (K, 25), workers (P, 12), whole (10,) and the mask (K + 1,), all zero before;
    `picks` (K,) gets the task of each slot. The number of eligible tasks."""
    p, last = s.run[0].asking, len(picks)
    if s.run[0].scale == 0:
        fix_scale(s, w)
    count = list_eligible(s, w, p, picks)
    greatest = greatest_tail(s, w, p)
    for k in range(min(count, last)):
        show_slot(s, w, p, picks[k], greatest, codes, slots[k])
        mask[k] = 1
    for v in range(w.setup[0].workers):
        _show_worker(s, w, v, v == p, workers[v])
    _show_whole(s, w, p, count, last, whole)
    mask[last] = whole[8] > 0.0
    return count
