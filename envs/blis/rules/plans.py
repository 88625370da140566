"""Plans: targets and levels of all devices, committed at once (section 5.4)."""
from envs.blis.rules.batching import decide, may_decide
from envs.blis.rules.devices import set_target
from envs.blis.rules.requests import slot
from envs.blis.rules.routing import route
from envs.blis.state import NONE, TAKEN
from envs.core.jit import driver, rule


@rule
def _take_queue(s, i):
    device = s.device[i]
    r = device.head
    for _ in range(device.queued):
        s.ring[slot(s, r)].marks |= TAKEN
        r = s.ring[slot(s, r)].next
    taken = device.queued
    if taken > 0:
        s.family[device.family].queued -= taken
    device.queued = 0
    return taken


@driver
def commit(s, work, weighted):
    """Make the pending plan the targets; route the requests of moved devices again."""
    taken = 0
    for i in range(len(s.device)):
        device = s.device[i]
        if device.plan != device.target:
            taken += _take_queue(s, i)
            set_target(s, work, i, device.plan, device.plan_level)
        else:
            device.level = device.plan_level
    for i in range(len(s.device)):
        s.device[i].sent = 0
        if weighted:
            s.device[i].weight = s.device[i].plan_weight
    r = s.run[0].oldest
    while taken > 0:
        link = s.ring[slot(s, r)]
        if link.marks & TAKEN:
            link.marks &= ~TAKEN
            taken -= 1
            i = route(s, work, r)
            if i != NONE and may_decide(s.device[i]):
                decide(s, work, i)
        r += 1
