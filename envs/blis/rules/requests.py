"""Requests: the ring of outstanding ones, queues, and how a request leaves (section 5.1)."""
from envs.blis.state import EPS, LATE, MET, MISSED, NONE, OPEN, QUEUED
from envs.core.jit import rule


@rule
def slot(s, r):
    """Place of an outstanding request in the ring, whose length is a power of two."""
    return r & (len(s.ring) - 1)


@rule
def arrival(s, work, r):
    """Arrival time within the episode."""
    return work.request[r].arrival - s.run[0].offset


@rule
def deadline(s, work, r):
    """Arrival plus allowance."""
    return arrival(s, work, r) + work.request[r].slo


@rule
def ring_is_full(s):
    """No place for one more request, after forgetting the oldest that are gone."""
    run = s.run[0]
    if run.cursor - run.oldest < len(s.ring):
        return False
    while run.oldest < run.cursor and s.ring[slot(s, run.oldest)].marks == 0:
        run.oldest += 1
    return run.cursor - run.oldest >= len(s.ring)


@rule
def mark_missed(s, work, r):
    """Count a request once that was late, dropped or served below its level."""
    link = s.ring[slot(s, r)]
    if link.marks & MISSED == 0:
        link.marks |= MISSED
        s.run[0].qos_missed += 1
        s.level[work.request[r].family, work.request[r].qos].missed += 1


@rule
def drop(s, work, r, reason, i):
    """The request leaves unanswered, sent to or queued at device `i`."""
    s.family[work.request[r].family].dropped += 1
    s.run[0].failed += 1
    mark_missed(s, work, r)
    s.ring[slot(s, r)].marks = 0
    if work.rules[0].recorded:
        out = s.outcome[r - s.run[0].first]
        out.status = reason
        out.host = i
        out.finish = s.run[0].now


@rule
def append(s, work, r, i):
    """The request joins the queue of device `i`."""
    device = s.device[i]
    s.ring[slot(s, r)].next = NONE
    if device.queued == 0:
        device.head = r
    else:
        s.ring[slot(s, device.tail)].next = r
    device.tail = r
    device.queued += 1
    s.family[work.request[r].family].queued += 1
    if work.rules[0].recorded:
        out = s.outcome[r - s.run[0].first]
        out.status = QUEUED
        out.host = i


@rule
def answer(s, work, r, variant, accuracy):
    """The request is answered now; whether in time."""
    family = s.family[work.request[r].family]
    met = not s.run[0].now > deadline(s, work, r) + EPS
    family.accuracy_done += accuracy
    if met:
        family.met += 1
        family.accuracy_met += accuracy
    else:
        family.late += 1
        s.run[0].failed += 1
        mark_missed(s, work, r)
    s.ring[slot(s, r)].marks = 0
    if work.rules[0].recorded:
        out = s.outcome[r - s.run[0].first]
        out.status = MET if met else LATE
        out.finish = s.run[0].now
    return met


@rule
def enter(s, work, r):
    """The request arrives and is outstanding from now on."""
    request = work.request[r]
    s.ring[slot(s, r)].marks = OPEN
    s.family[request.family].arrivals += 1
    s.level[request.family, request.qos].requests += 1
