"""Steps 1 to 3 of an instant: completions, node events, arrivals."""
from envs.cluster.rules.admission import line_up
from envs.cluster.rules.order import take_out_stopped
from envs.cluster.rules.pieces import change
from envs.cluster.rules.segments import end_segment
from envs.cluster.state import (
    DRAIN,
    DRAINED,
    FAIL,
    FINISH,
    FINISHED,
    FREE,
    HELD,
    HOLD,
    NEVER,
    NONE,
    RUN,
    UP,
    VICTIM,
)
from envs.core.jit import part, rule


@rule
def _is_tracked(run, i):
    return run.track_first <= i <= run.track_last


@rule
def _account(s, w, i, t):
    """A finished job leaves: lists, sums and what rewards are made of."""
    run, job = s.run[0], s.job[i]
    run.present -= 1
    run.finished += 1
    run.admitted_gpus -= job.gpus
    s.tenant[job.tenant].gpus -= job.gpus
    if not _is_tracked(run, i):
        return
    run.last_finish = max(run.last_finish, job.finish)
    run.tracked_left -= 1
    run.counted -= 1
    run.weight -= 1.0 / job.ideal
    run.spent += float(job.finish - job.arrival)
    run.presence -= float(t - job.finish)
    run.slowness -= float(t - job.finish) / job.ideal
    if job.finish > job.deadline and not job.late:
        job.late = 1
        run.missed += 1


@part
def complete(s, w, t):
    """Running jobs whose projected finish has come, by number."""
    run = s.run[0]
    due = False
    for k in range(run.running):
        if s.job[s.lists[RUN, k]].end <= t:
            s.job[s.lists[RUN, k]].stopped = 1
            due = True
    if not due:
        return
    boundary = w.rules[run.rules].boundary
    done = take_out_stopped(s)
    for k in range(done):
        i = s.lists[VICTIM, k]
        end_segment(s, w, i, t if boundary else s.job[i].end, FINISH)
        _account(s, w, i, t)
    while run.oldest < run.arrived and s.job[run.oldest].status == FINISHED:
        run.oldest += 1
    run.calm = 0


@rule
def _holds(s, i, node):
    piece = s.job[i].piece
    while piece >= 0:
        if s.piece[piece].node == node:
            return True
        piece = s.piece[piece].next
    return False


@rule
def _write_turn(s, w, t, node, up):
    run = s.run[0]
    if w.rules[run.rules].recorded:
        row = s.log[run.logged]
        row.job, row.start, row.node, row.up = NONE, t, node, up
        run.logged += 1


@part
def _go_down(s, w, node, what, t):
    run = s.run[0]
    for k in range(run.running):
        if _holds(s, s.lists[RUN, k], node):
            s.job[s.lists[RUN, k]].stopped = 1
    evicted = take_out_stopped(s)
    for k in range(evicted):
        end_segment(s, w, s.lists[VICTIM, k], t, DRAIN if what == DRAINED else FAIL)
        line_up(s, w, s.lists[VICTIM, k], t)
    s.node[0, node].up = 0
    change(s, FREE, node, -s.node[0, node].gpus)
    _write_turn(s, w, t, node, 0)


@part
def turn_nodes(s, w, t):
    """Node events up to t that were not yet seen, in order."""
    run = s.run[0]
    while run.event < len(w.event) and w.event[run.event].when <= t:
        event = w.event[run.event]
        run.event += 1
        node = event.node
        run.calm = 0
        if event.what == UP:
            if not s.node[0, node].up:
                s.node[0, node].up = 1
                change(s, FREE, node, s.node[0, node].gpus)
                _write_turn(s, w, t, node, 1)
        elif s.node[0, node].up:
            _go_down(s, w, node, event.what, t)


@part
def arrive(s, w, t):
    """Jobs that have arrived are held until admission."""
    run = s.run[0]
    while run.arrived < run.jobs and s.job[run.arrived].arrival <= t:
        i = run.arrived
        job = s.job[i]
        job.status = HELD
        s.lists[HOLD, run.held] = i
        run.held += 1
        run.arrived += 1
        run.present += 1
        run.calm = 0
        if _is_tracked(run, i):
            run.counted += 1
            run.weight += 1.0 / job.ideal
            run.presence += float(t - job.arrival)
            run.slowness += float(t - job.arrival) / job.ideal


@part
def count_missed(s, t):
    """Deadlines that passed while their jobs were present."""
    run = s.run[0]
    for i in range(run.oldest, run.arrived):
        job = s.job[i]
        passed = job.deadline < NEVER and job.deadline <= t and job.status != FINISHED
        if passed and not job.late and _is_tracked(run, i):
            job.late = 1
            run.missed += 1
