"""Devices: targets, loads, and the list of devices of every family (section 5.2)."""
from envs.blis.state import IDLE, INF, LOADING, NONE, TIMER
from envs.core.jit import driver, rule


@rule
def is_ready(device):
    """The target is in memory."""
    return device.target != NONE and device.loaded == device.target


@rule
def count_ready(s, i):
    """The device became ready."""
    device = s.device[i]
    if device.cap > 0:
        s.family[device.family].ready += 1


@rule
def cancel_timer(s, i):
    """Forget a planned decision."""
    if s.device[i].event == TIMER:
        s.device[i].event = IDLE
        s.clock[i] = INF


@rule
def _leave(s, i):
    """Take the device off the list of its family."""
    device = s.device[i]
    family = s.family[device.family]
    if device.cap > 0:
        family.usable -= 1
        if is_ready(device):
            family.ready -= 1
    if family.first == i:
        family.first = device.sibling
    else:
        at = family.first
        while s.device[at].sibling != i:
            at = s.device[at].sibling
        s.device[at].sibling = device.sibling
    device.sibling = NONE


@rule
def _join(s, i):
    """Put the device on the list of its family, in index order."""
    device = s.device[i]
    family = s.family[device.family]
    if device.cap > 0:
        family.usable += 1
    if family.first == NONE or family.first > i:
        device.sibling = family.first
        family.first = i
    else:
        at = family.first
        while s.device[at].sibling != NONE and s.device[at].sibling < i:
            at = s.device[at].sibling
        device.sibling = s.device[at].sibling
        s.device[at].sibling = i


@rule
def reset_growth(work, device):
    """AIMD starts anew."""
    rules = work.rules[0]
    device.place = 0
    largest = 1
    count = work.pair[device.pair].sizes
    if count > 0:
        largest = work.sizes[device.pair, count - 1]
    device.growth = min(rules.start, float(largest))


@rule
def begin_load(s, work, i):
    """The idle device loads its target, if it has one."""
    device = s.device[i]
    device.loaded = NONE
    device.event = IDLE
    s.clock[i] = INF
    if device.target == NONE:
        return
    s.run[0].loads += 1
    duration = work.pair[device.pair].load
    if duration == 0.0:
        end_load(s, i)
    else:
        device.event = LOADING
        s.clock[i] = s.run[0].now + duration


@rule
def end_load(s, i):
    """The target is in memory now."""
    device = s.device[i]
    device.loaded = device.target
    device.event = IDLE
    s.clock[i] = INF
    count_ready(s, i)


@driver
def set_target(s, work, i, variant, level):
    """Change the target; at the start of a run the variant is in memory already."""
    device = s.device[i]
    cancel_timer(s, i)
    if device.target == NONE:
        s.run[0].free -= 1
    else:
        _leave(s, i)
    device.target = variant
    device.level = level
    device.cap = 0
    device.pair = 0
    device.family = NONE
    if variant == NONE:
        s.run[0].free += 1
    else:
        device.pair = device.kind * work.rules[0].variants + variant
        device.cap = work.pair[device.pair].cap
        device.family = work.pair[device.pair].family
        reset_growth(work, device)
        _join(s, i)
    if s.run[0].started == 0:
        device.loaded = variant
        if variant != NONE:
            count_ready(s, i)
        return
    s.run[0].reallocations += 1
    s.run[0].window_reallocations += 1
    if device.running == NONE:
        begin_load(s, work, i)
    elif is_ready(device):
        count_ready(s, i)
