"""The start of a run, and the border between two windows (section 5.4)."""
from envs.blis.state import IDLE, INF, NONE
from envs.core.jit import driver, rule


@driver
def open_window(s):
    """Begin the next window if one has ended: its counters start at zero."""
    run = s.run[0]
    if run.closed == 0:
        return
    run.closed = 0
    run.window += 1
    run.window_start = run.now
    run.window_reallocations = 0
    for i in range(len(s.device)):
        s.device[i].busy = 0.0
    _zero_counters(s)


@rule
def _zero_counters(s):
    for k in range(len(s.family)):
        f = s.family[k]
        f.arrivals = f.met = f.late = f.dropped = 0
        f.accuracy_met = f.accuracy_done = 0.0
        for q in range(s.level.shape[1]):
            s.level[k, q].requests = 0
            s.level[k, q].missed = 0


@rule
def nothing_left(s):
    """No arrival, batch, load or timer is outstanding."""
    if s.run[0].cursor < s.run[0].last:
        return False
    for i in range(len(s.clock)):
        if s.clock[i] < INF:
            return False
    return True


@rule
def is_over(s):
    """The run ends with the window that just ended."""
    if s.run[0].windows >= 0:
        return s.run[0].window + 1 >= s.run[0].windows
    return nothing_left(s)


@driver
def reset(s, seed, first, last, offset, windows):
    """An empty cluster at time 0, before the plan of time 0 is committed."""
    run = s.run[0]
    run.now = run.window_start = 0.0
    run.offset = offset
    run.windows = windows
    run.seed = seed
    run.draws = run.window = 0
    run.first = run.cursor = run.oldest = first
    run.last = last
    run.budget = -1
    run.reallocations = run.loads = run.qos_missed = run.window_reallocations = 0
    run.illegal = run.failed = 0
    run.free = len(s.device)
    run.turn = run.planned = run.started = run.out_of_draws = run.code = run.closed = 0
    for i in range(len(s.device)):
        _reset_device(s, i)
    for k in range(len(s.family)):
        s.family[k].first = s.family[k].last_used = NONE
        s.family[k].usable = s.family[k].ready = 0
        s.family[k].queued = 0
        for w in range(s.history.shape[1]):
            s.history[k, w] = 0
    _zero_counters(s)


@rule
def _reset_device(s, i):
    device = s.device[i]
    device.target = device.loaded = device.running = device.sibling = NONE
    device.plan = device.family = NONE
    device.event = IDLE
    device.level = device.cap = device.pair = device.place = 0
    device.plan_level = 0
    device.queued = device.batch = device.sent = 0
    device.head = device.tail = device.batch_head = NONE
    device.weight = device.busy = device.growth = device.plan_weight = 0.0
    s.clock[i] = INF
