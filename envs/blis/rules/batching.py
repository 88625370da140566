"""When a ready, idle device starts, and with how many requests (sections 5.3 and 6.3)."""
from envs.blis.rules.devices import cancel_timer
from envs.blis.rules.dropping import apply_drops, full_launch
from envs.blis.rules.requests import arrival, deadline, slot
from envs.blis.state import EPS, IDLE, INF, NONE, RUNNING, STARTED, TIMER
from envs.blis.work import BATCHING
from envs.core.jit import rule

SINGLE, GREEDY, EARLY_START, NEXUS, AIMD = (
    BATCHING.index(n) for n in ("single", "greedy", "early_start", "nexus", "aimd"))


@rule
def take(work, device, x):
    """Requests that a launch takes of `x` queued."""
    return work.launch[device.pair, min(x, device.cap)].taken


@rule
def first_deadline(s, work, device, c):
    """Smallest deadline of the first `c` queued requests."""
    r = device.head
    least = INF
    for _ in range(c):
        least = min(least, deadline(s, work, r))
        r = s.ring[slot(s, r)].next
    return least


@rule
def _early_start(s, work, device):
    """Start as late as the most urgent member allows."""
    n = device.queued
    c = full_launch(work, device)
    if n >= device.cap:
        return c, INF
    at = first_deadline(s, work, device, c) - work.launch[device.pair, c].charge
    if s.run[0].now < at:
        return 0, at
    m = c
    while m >= 1:
        finish = s.run[0].now + work.launch[device.pair, m].charge
        if not finish > first_deadline(s, work, device, m) + EPS:
            return m, INF
        m = take(work, device, m - 1) if m > 1 else 0
    return c, INF


@rule
def _nexus(s, work, device):
    """Start when a full batch just fits before the first deadline."""
    c = full_launch(work, device)
    if device.queued >= device.cap:
        return c, INF
    at = first_deadline(s, work, device, c) - work.pair[device.pair].full
    if s.run[0].now < at:
        return 0, at
    return c, INF


@rule
def _growing(work, device):
    if work.rules[0].ladder:
        if work.pair[device.pair].sizes > 0:
            return work.sizes[device.pair, device.place]
        return 1
    return int(device.growth)


@rule
def _aimd(s, work, device):
    """Wait for the size that grew with success, or for the timeout."""
    size = _growing(work, device)
    timeout = work.rules[0].timeout
    if device.queued >= size:
        return take(work, device, size), INF
    if timeout < 0.0:
        return 0, INF
    at = arrival(s, work, device.head) + timeout
    if s.run[0].now < at:
        return 0, at
    return full_launch(work, device), INF


@rule
def adapt(work, device, any_late):
    """AIMD: the size after a batch."""
    rules = work.rules[0]
    count = work.pair[device.pair].sizes
    if rules.ladder:
        step = -1 if any_late else 1
        device.place = max(0, min(count - 1, device.place + step))
    elif any_late:
        device.growth = max(1.0, device.growth * rules.decrease)
    else:
        largest = float(work.sizes[device.pair, count - 1]) if count > 0 else 1.0
        device.growth = min(device.growth + rules.increase, largest)


@rule
def _ask(s, work, device):
    """Requests to launch now, or 0 and the time of the next decision (inf: never)."""
    policy = work.rules[0].batching
    if policy == SINGLE:
        return 1, INF
    if policy == GREEDY:
        return full_launch(work, device), INF
    if policy == EARLY_START:
        return _early_start(s, work, device)
    if policy == NEXUS:
        return _nexus(s, work, device)
    return _aimd(s, work, device)


@rule
def _launch(s, work, i, c):
    """The first `c` queued requests start now."""
    device = s.device[i]
    recorded = work.rules[0].recorded
    device.batch_head = device.head
    r = device.head
    for _ in range(c):
        if recorded:
            out = s.outcome[r - s.run[0].first]
            out.status = STARTED
            out.start = s.run[0].now
            out.variant = device.target
        r = s.ring[slot(s, r)].next
    device.head = r
    device.queued -= c
    s.family[device.family].queued -= c
    device.batch = c
    device.batch_start = s.run[0].now
    device.running = device.target
    device.event = RUNNING
    s.clock[i] = s.run[0].now + work.launch[device.pair, c].charge


@rule
def decide(s, work, i):
    """A ready, idle device launches a batch, sets a timer, or waits for more requests."""
    device = s.device[i]
    at_launch = work.rules[0].at_launch
    cancel_timer(s, i)
    if not at_launch:
        apply_drops(s, work, i)
    if device.queued == 0:
        return
    c, at = _ask(s, work, device)
    if c == 0:
        device.event = IDLE
        if at < INF:
            device.event = TIMER
            s.clock[i] = at
        return
    if at_launch:
        apply_drops(s, work, i)
        if device.queued == 0:
            return
        c = take(work, device, min(c, device.queued))
    _launch(s, work, i, c)


@rule
def may_decide(device):
    """Ready and idle."""
    return device.target != NONE and device.loaded == device.target and device.running == NONE
