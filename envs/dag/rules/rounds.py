"""Batches of events, polling rounds, and the answers that they get."""
from envs.core.jit import part, rule
from envs.dag.rules.choices import (
    ENV,
    choose,
    first_eligible,
    has_room,
    may_wait,
)
from envs.dag.rules.flows import next_flow_event, turn_flows
from envs.dag.rules.memory import bring, forget_tiles, note, settle_data
from envs.dag.rules.quantities import (
    MATRIX,
    TILES,
    duration,
    fetch_of,
    least,
    payloads_at,
    refresh_free,
)
from envs.dag.rules.queues import push, pushes, take_off
from envs.dag.rules.ready import arrive, list_ready, unblock, unlist
from envs.dag.state import (
    ASKS,
    CHOSEN,
    DONE,
    FRESH,
    HELD,
    LATE,
    LOG_FULL,
    NEVER,
    NONE,
    NOTHING,
    OVER,
    PLAYING,
    WAIT,
)


@rule
def _start(s, w, i, p):
    """The first held task of a worker starts if its data is there, or will be."""
    task, run = s.task[i], s.run[0]
    if task.data_ready == NEVER:
        return
    task.start = max(task.data_ready, run.now)
    task.finish = task.start + duration(s, w, i, w.worker[p].kind)
    s.worker[p].finish = task.finish


@part
def assign(s, w, i, p):
    """Give the ready task i to worker p."""
    run, task, worker = s.run[0], s.task[i], s.worker[p]
    job, n, comm = s.job[task.job], w.worker[p].node, w.setup[0].comm
    unlist(s, w, i)
    take_off(s, w, i)
    task.fetch = fetch_of(s, w, i, p)
    task.status, task.worker, task.assigned, task.after = HELD, p, run.now, NONE
    task.start, task.finish = NEVER, NEVER
    run.held += 1
    job.held += 1
    job.open_work -= least(s, w, i)
    if comm == TILES:
        task.data_ready = bring(s, w, i, n)
    elif comm == MATRIX:
        task.data_ready = max(run.now, payloads_at(s, w, i, p))
    else:
        task.data_ready = run.now
    if worker.held == 0:
        worker.first = i
        _start(s, w, i, p)
    else:
        s.task[worker.last].after = i
    worker.last = i
    worker.held += 1
    refresh_free(s, w, p)


@rule
def _finish_task(s, w, i):
    """Bookkeeping of every finished task; virtual ones too."""
    run, job = s.run[0], s.job[s.task[i].job]
    s.task[i].status = DONE
    job.left -= 1
    unblock(s, w, i)
    if job.left == 0:
        job.finish = run.now
        run.present -= 1
        if w.setup[0].comm == TILES:
            forget_tiles(s, w, s.task[i].job)


@rule
def _complete(s, w, p):
    """The running task of worker p finishes, its next one starts."""
    run, worker = s.run[0], s.worker[p]
    i = worker.first
    task = s.task[i]
    worker.busy += task.finish - task.start
    worker.stalled += task.start - task.assigned
    worker.last_finish, worker.finish = run.now, NEVER
    worker.held -= 1
    worker.first = task.after
    run.held -= 1
    run.finished += 1
    run.last_finish = run.now
    job = s.job[task.job]
    job.held -= 1
    job.work -= least(s, w, i)
    if w.setup[0].comm == TILES:
        settle_data(s, w, i, w.worker[p].node)
    _finish_task(s, w, i)
    if worker.first != NONE:
        _start(s, w, worker.first, p)


@rule
def _finish_virtual(s, w):
    """Virtual tasks among the newly ready finish; the others are kept, sorted by number."""
    run, k, kept = s.run[0], 0, 0
    while k < run.fresh:
        i = s.lists[FRESH, k]
        k += 1
        if w.task[s.task[i].info].virtual:
            task = s.task[i]
            task.assigned, task.start, task.finish = run.now, run.now, run.now
            run.last_finish = run.now
            _finish_task(s, w, i)
            continue
        at = kept
        while at > 0 and s.lists[FRESH, at - 1] > i:
            s.lists[FRESH, at] = s.lists[FRESH, at - 1]
            at -= 1
        s.lists[FRESH, at] = i
        kept += 1
    return kept


@rule
def _welcome(s, w):
    """Ready numbers for the newly ready tasks, and queues where the policy has them."""
    run = s.run[0]
    kept = _finish_virtual(s, w)
    queued = pushes(run.policy)
    if queued:
        for p in range(w.setup[0].workers):
            refresh_free(s, w, p)
    for k in range(kept):
        i = s.lists[FRESH, k]
        list_ready(s, w, i)
        if queued:
            push(s, w, i, run.policy)


@part
def turn_batch(s, w):
    """Everything that happens at this tick; whether workers are asked afterwards."""
    run, asked = s.run[0], False
    run.fresh = 0
    if w.setup[0].fair:
        turn_flows(s, w)
        for p in range(w.setup[0].workers):
            if s.worker[p].first != NONE and s.task[s.worker[p].first].start == NEVER:
                _start(s, w, s.worker[p].first, p)
    for p in range(w.setup[0].workers):
        if s.worker[p].finish == run.now:
            _complete(s, w, p)
            asked = True
    while run.arrived < run.jobs and s.job[run.arrived].arrival <= run.now:
        run.arrived += 1
        arrive(s, w, run.arrived - 1)
        asked = True
    if asked:
        _welcome(s, w)
    return asked


@rule
def _next_event(s, w):
    run, soonest = s.run[0], NEVER
    for p in range(w.setup[0].workers):
        soonest = min(soonest, s.worker[p].finish)
    if run.arrived < run.jobs:
        soonest = min(soonest, s.job[run.arrived].arrival)
    if w.setup[0].fair and run.flows > 0:
        soonest = min(soonest, next_flow_event(s))
    return soonest


@rule
def _next_batch(s, w):
    """Go to the next event and let it happen; open a round if workers are to be asked."""
    run = s.run[0]
    soonest = _next_event(s, w)
    if soonest == NEVER:
        run.code = OVER
        return
    run.area += run.present * (soonest - run.now)
    run.now = soonest
    if not turn_batch(s, w):
        return
    run.cursor = 0
    for p in range(w.setup[0].workers):
        s.worker[p].waited = 0
        refresh_free(s, w, p)


@rule
def _answer(s, w, p, answer):
    """Carry out an answer; a WAIT that is illegal becomes the first eligible task."""
    run = s.run[0]
    if answer == WAIT and not may_wait(s, w, p):
        answer = first_eligible(s, w, p)
    task = NONE if answer == WAIT else answer
    note(s, w, CHOSEN, task, run.now, 0, 0, 0, p, 0, 0)
    run.decisions += 1
    run.asked_at = run.now
    if answer == WAIT:
        run.waits += 1
        s.worker[p].waited = 1
        run.cursor = p + 1
    else:
        assign(s, w, answer, p)


@rule
def _find_asking(s, w):
    """Move the cursor to the next worker that asks; NONE ends the round."""
    run = s.run[0]
    if run.order_head == run.order_tail:
        run.cursor = NONE
    while run.cursor != NONE:
        p = run.cursor
        if p == w.setup[0].workers:
            run.cursor = NONE
        elif has_room(s, w, p) and first_eligible(s, w, p) != NONE:
            break
        else:
            run.cursor += 1


@part
def play(s, w):
    """Go on until the host must answer, the log is full, or the run is over."""
    run = s.run[0]
    run.code = PLAYING
    if run.answer != NOTHING:
        answer = run.answer
        run.answer = NOTHING
        _answer(s, w, run.asking, answer)
    while run.code == PLAYING:
        if w.setup[0].recorded and run.logged + w.setup[0].margin > len(s.log):
            run.code = LOG_FULL
            break
        if run.cursor == NONE:
            _next_batch(s, w)
            continue
        _find_asking(s, w)
        if run.cursor == NONE:
            continue
        run.asking = run.cursor
        if run.now > run.until:
            run.code = LATE
        elif run.policy == ENV:
            run.code = ASKS
        else:
            _answer(s, w, run.asking, choose(s, w, run.asking, run.policy))
