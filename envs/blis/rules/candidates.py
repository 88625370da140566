"""Who can serve a request, and what is expected of each device (section 6.1)."""
from envs.blis.rules.devices import is_ready
from envs.blis.state import LOADING, RUNNING
from envs.blis.work import LOADING as LOADING_RULES
from envs.core.jit import rule

FALLBACK, ALWAYS, NEVER = (LOADING_RULES.index(n) for n in ("fallback", "always", "never"))


@rule
def routable(s, work, k):
    """Number of routable devices of family `k`."""
    family = s.family[k]
    loading = work.rules[0].loading
    if loading == ALWAYS or (loading == FALLBACK and family.ready == 0):
        return family.usable
    return family.ready


@rule
def is_candidate(s, work, device, floor):
    """Routable, and of a high enough level."""
    if device.cap == 0 or device.level < floor:
        return False
    loading = work.rules[0].loading
    if loading == ALWAYS or is_ready(device):
        return True
    return loading == FALLBACK and s.family[device.family].ready == 0


@rule
def base_time(s, work, i):
    """When the device could start one more batch (section 6.1)."""
    device = s.device[i]
    if device.event == RUNNING:
        if device.running == device.target:
            return s.clock[i]
        return s.clock[i] + work.pair[device.pair].load
    if device.event == LOADING:
        return s.clock[i]
    return s.run[0].now


@rule
def expected_finish(s, work, i):
    """Expected finish of one more request."""
    device = s.device[i]
    m = device.queued + 1
    full = (m - 1) // device.cap
    rest = work.launch[device.pair, m - full * device.cap].latency
    return (base_time(s, work, i) + full * work.pair[device.pair].full) + rest


@rule
def outstanding(device):
    """Queued and running requests."""
    return device.queued + device.batch
