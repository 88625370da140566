"""Which queued requests a device gives up before it decides (section 6.4)."""
from envs.blis.rules.requests import arrival, deadline, drop, slot
from envs.blis.state import EPS, EXPIRED, HOPELESS
from envs.blis.work import DROPPING
from envs.core.jit import rule

NEVER, EXPIRE, HOPE, EARLY = (DROPPING.index(n)
                              for n in ("never", "expired", "hopeless", "early_drop"))


@rule
def full_launch(work, device):
    """Requests that a launch takes of the whole queue."""
    return work.launch[device.pair, min(device.queued, device.cap)].taken


@rule
def _is_lost(s, work, device, r):
    rules = work.rules[0]
    if rules.dropping == EXPIRE:
        limit = arrival(s, work, r) + rules.factor * work.request[r].slo
        return s.run[0].now > limit + EPS
    return s.run[0].now + work.launch[device.pair, 1].charge > deadline(s, work, r) + EPS


@rule
def _drop_head(s, work, i, reason):
    device = s.device[i]
    r = device.head
    device.head = s.ring[slot(s, r)].next
    device.queued -= 1
    s.family[device.family].queued -= 1
    drop(s, work, r, reason, i)


@rule
def _sweep(s, work, i, reason):
    """Drop every lost request of the queue, in queue order."""
    device = s.device[i]
    kept = 0
    last = device.tail
    r = device.head
    for _ in range(device.queued):
        following = s.ring[slot(s, r)].next
        if _is_lost(s, work, device, r):
            s.family[device.family].queued -= 1
            drop(s, work, r, reason, i)
        else:
            if kept == 0:
                device.head = r
            else:
                s.ring[slot(s, last)].next = r
            last = r
            kept += 1
        r = following
    device.tail = last
    device.queued = kept


@rule
def apply_drops(s, work, i):
    """The drop rule on the whole queue of device `i`."""
    policy = work.rules[0].dropping
    device = s.device[i]
    if policy == NEVER or device.queued == 0:
        return
    if policy == EXPIRE:
        _sweep(s, work, i, EXPIRED)
    elif policy == HOPE:
        _sweep(s, work, i, HOPELESS)
    else:
        while device.queued > 0:
            charge = work.launch[device.pair, full_launch(work, device)].charge
            if not s.run[0].now + charge > deadline(s, work, device.head) + EPS:
                break
            _drop_head(s, work, i, HOPELESS)
