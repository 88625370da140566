"""Which device a request is sent to (section 6.1), and admission (section 6.2).

`floor` is the lowest QoS level that a candidate needs. Ties go to the lowest device.
"""
from envs.blis.policy import ROUTE
from envs.blis.rules.candidates import (
    base_time,
    expected_finish,
    is_candidate,
    outstanding,
    routable,
)
from envs.blis.rules.infaas import infaas
from envs.blis.rules.requests import append, deadline, drop, mark_missed
from envs.blis.state import EPS, INF, NO_PREDICTOR, NONE, QOS, REJECTED
from envs.blis.work import ROUTING
from envs.core.jit import pointer_call, rule
from envs.core.rng import uniform

RANDOM, ROUND_ROBIN, EFT, LFT, JSEQ, CANARY, CANARY_SMOOTH, INFAAS, USER = range(len(ROUTING))
ANY_LEVEL = -1
NOBODY, BELOW_LEVEL = -1, -2            # answers of `_choose` that are no device

call_user = pointer_call(ROUTE)


@rule
def _draw(s, work):
    """Next number of stream 0, or of the list that replaces it."""
    n = s.run[0].draws
    s.run[0].draws += 1
    if work.rules[0].listed_draws:
        if n >= len(work.draws):
            s.run[0].out_of_draws = 1
            return 0.0
        return work.draws[n]
    return uniform(s.run[0].seed, 0, n)


@rule
def _random(s, work, k, floor):
    count = 0
    i = s.family[k].first
    while i != NONE:
        if is_candidate(s, work, s.device[i], floor):
            count += 1
        i = s.device[i].sibling
    left = min(count - 1, int(_draw(s, work) * count))
    i = s.family[k].first
    while True:
        if is_candidate(s, work, s.device[i], floor):
            if left == 0:
                return i
            left -= 1
        i = s.device[i].sibling


@rule
def _round_robin(s, work, k, floor):
    lowest = NONE
    i = s.family[k].first
    while i != NONE:
        if is_candidate(s, work, s.device[i], floor):
            if lowest == NONE:
                lowest = i
            if i > s.family[k].last_used:
                lowest = i
                break
        i = s.device[i].sibling
    s.family[k].last_used = lowest
    return lowest


@rule
def _finish_time(s, work, k, floor, latest, limit):
    """Earliest finish, or the latest one that is not past the limit."""
    soonest = INF
    best = -INF
    first = NONE
    last = NONE
    i = s.family[k].first
    while i != NONE:
        if is_candidate(s, work, s.device[i], floor):
            finish = expected_finish(s, work, i)
            if finish < soonest:
                soonest = finish
                first = i
            if latest and finish > best and not finish > limit + EPS:
                best = finish
                last = i
        i = s.device[i].sibling
    if last != NONE:
        return last
    return first


@rule
def _jseq(s, work, k, floor):
    best = INF
    choice = NONE
    i = s.family[k].first
    while i != NONE:
        device = s.device[i]
        if is_candidate(s, work, device, floor):
            score = (outstanding(device) + 1) * work.pair[device.pair].full / device.cap
            if score < best:
                best = score
                choice = i
        i = device.sibling
    return choice


@rule
def _weight(work, device, source):
    if source == 0:
        return device.weight
    if source == 1:
        return work.pair[device.pair].peak
    return 1.0


@rule
def _weigh(s, work, k, floor):
    """Where weights come from (plan, peak rates, ones), and their sum in index order."""
    for source in range(3):
        total = 0.0
        i = s.family[k].first
        while i != NONE:
            if is_candidate(s, work, s.device[i], floor):
                total += _weight(work, s.device[i], source)
            i = s.device[i].sibling
        if total > 0.0:
            break
    return source, total


@rule
def _canary(s, work, k, floor):
    source, total = _weigh(s, work, k, floor)
    x = _draw(s, work) * total
    running = 0.0
    choice = NONE
    i = s.family[k].first
    while i != NONE:
        if is_candidate(s, work, s.device[i], floor):
            weight = _weight(work, s.device[i], source)
            if weight > 0.0:
                choice = i
                running += weight
                if running > x:
                    break
        i = s.device[i].sibling
    return choice


@rule
def _canary_smooth(s, work, k, floor):
    source, total = _weigh(s, work, k, floor)
    sent = 0
    i = s.family[k].first
    while i != NONE:
        if is_candidate(s, work, s.device[i], floor):
            sent += s.device[i].sent
        i = s.device[i].sibling
    best = -INF
    choice = NONE
    i = s.family[k].first
    while i != NONE:
        device = s.device[i]
        if is_candidate(s, work, device, floor):
            weight = _weight(work, device, source)
            score = (weight / total) * (sent + 1) - device.sent
            if weight > 0.0 and score > best:
                best = score
                choice = i
        i = device.sibling
    return choice


@rule
def _user(s, work, r, k, floor):
    """The candidate with the smallest score of the user's compiled policy."""
    best = INF
    choice = NONE
    request = work.request[r]
    i = s.family[k].first
    while i != NONE:
        device = s.device[i]
        if is_candidate(s, work, device, floor):
            pair = work.pair[device.pair]
            score = call_user(work.rules[0].user, (
                s.run[0].now, deadline(s, work, r), request.need, expected_finish(s, work, i),
                base_time(s, work, i), float(device.queued), float(device.batch),
                float(device.cap), pair.full, pair.one, pair.accuracy, pair.peak, device.weight))
            if choice == NONE or score < best or best != best:
                best = score
                choice = i
        i = device.sibling
    return choice


@rule
def _lowest_level(s, work, r, k):
    """The level that candidates need: the request's, any if nobody has it, or BELOW_LEVEL."""
    asked = work.request[r].qos
    i = s.family[k].first
    while i != NONE:
        if is_candidate(s, work, s.device[i], asked):
            return asked
        i = s.device[i].sibling
    if work.rules[0].strict_qos:
        return BELOW_LEVEL
    mark_missed(s, work, r)
    return ANY_LEVEL


@rule
def _choose(s, work, r, k):
    """The device for a request, NOBODY or BELOW_LEVEL."""
    policy = work.rules[0].routing
    candidates = routable(s, work, k) > 0
    if not candidates:
        if policy == INFAAS:
            return infaas(s, work, r, k, ANY_LEVEL, False)
        return NOBODY
    floor = ANY_LEVEL
    if work.rules[0].levels > 1:
        floor = _lowest_level(s, work, r, k)
        if floor == BELOW_LEVEL:
            return BELOW_LEVEL
    if policy == EFT or policy == LFT:
        return _finish_time(s, work, k, floor, policy == LFT, deadline(s, work, r))
    if policy == JSEQ:
        return _jseq(s, work, k, floor)
    if policy == CANARY:
        return _canary(s, work, k, floor)
    if policy == CANARY_SMOOTH:
        return _canary_smooth(s, work, k, floor)
    if policy == RANDOM:
        return _random(s, work, k, floor)
    if policy == ROUND_ROBIN:
        return _round_robin(s, work, k, floor)
    if policy == USER:
        return _user(s, work, r, k, floor)
    return infaas(s, work, r, k, floor, True)


@rule
def route(s, work, r):
    """Send a request to a device and return it, or drop the request and return NONE."""
    i = _choose(s, work, r, work.request[r].family)
    if i < 0:
        drop(s, work, r, QOS if i == BELOW_LEVEL else NO_PREDICTOR, NONE)
        return NONE
    s.device[i].sent += 1
    if work.rules[0].feasible and expected_finish(s, work, i) > deadline(s, work, r) + EPS:
        drop(s, work, r, REJECTED, i)
        return NONE
    append(s, work, r, i)
    return i
