"""Replay in time order: completions, loads, timers, arrivals, then the window end (section 2)."""
from envs.blis.rules.batching import adapt, decide, may_decide
from envs.blis.rules.devices import begin_load, end_load
from envs.blis.rules.requests import answer, arrival, enter, ring_is_full, slot
from envs.blis.rules.routing import route
from envs.blis.state import (
    IDLE,
    INF,
    LOADING,
    NONE,
    OUT_OF_DRAWS,
    PAUSED,
    RING_FULL,
    RUNNING,
    WINDOW_END,
)
from envs.core.jit import driver, rule


@rule
def _next_event(s):
    """Time and device of the next event; at equal times completions, loads, timers, by index."""
    best = INF
    who = 0
    for i in range(len(s.clock)):
        if s.clock[i] < best:
            best = s.clock[i]
            who = i
        elif s.clock[i] == best < INF and s.device[i].event < s.device[who].event:
            who = i
    return best, who


@rule
def _complete(s, work, i):
    """The running batch finishes now; then a changed target is loaded."""
    device = s.device[i]
    variant = device.running
    accuracy = work.pair[device.kind * work.rules[0].variants + variant].accuracy
    any_late = False
    r = device.batch_head
    for _ in range(device.batch):
        following = s.ring[slot(s, r)].next
        if not answer(s, work, r, variant, accuracy):
            any_late = True
        r = following
    device.busy += s.run[0].now - max(device.batch_start, s.run[0].window_start)
    device.batch = 0
    device.running = NONE
    device.event = IDLE
    s.clock[i] = INF
    if device.target == variant:
        adapt(work, device, any_late)
    if device.target != device.loaded:
        begin_load(s, work, i)


@rule
def _handle(s, work, i):
    """The event of device `i` happens; a timer only asks for a decision."""
    if s.device[i].event == RUNNING:
        _complete(s, work, i)
    elif s.device[i].event == LOADING:
        end_load(s, i)


@rule
def _end_window(s, end):
    run = s.run[0]
    run.now = end
    run.closed = 1
    place = run.window % s.history.shape[1]
    for k in range(len(s.family)):
        s.history[k, place] = s.family[k].arrivals


@rule
def _arrive(s, work, time):
    """The next request arrives and is sent to the device that is returned, if any."""
    run = s.run[0]
    r = run.cursor
    run.now = time
    run.cursor += 1
    run.budget -= 1
    enter(s, work, r)
    return route(s, work, r)


@driver
def advance(s, work):
    """Process all events up to the end of the window; say why it returns."""
    run = s.run[0]
    end = (run.window + 1) * work.rules[0].window
    best, who = _next_event(s)
    while run.budget != 0:
        coming = INF
        if run.cursor < run.last:
            coming = arrival(s, work, run.cursor)
        if min(best, coming) > end:
            _end_window(s, end)
            return WINDOW_END
        if best <= coming:
            run.now = best
            _handle(s, work, who)
            if may_decide(s.device[who]):
                decide(s, work, who)
            best, who = _next_event(s)
            continue
        if ring_is_full(s):
            return RING_FULL
        i = _arrive(s, work, coming)
        if run.out_of_draws:
            return OUT_OF_DRAWS
        if i == NONE:
            continue
        if may_decide(s.device[i]):
            decide(s, work, i)
        if i != who and s.clock[i] < best:
            best = s.clock[i]
            who = i
        elif i == who or s.clock[i] == best:
            best, who = _next_event(s)
    return PAUSED
