"""Variant choice per request (Romero et al., INFaaS, ATC 2021; section 6.1)."""
from envs.blis.rules.candidates import is_candidate, outstanding
from envs.blis.rules.devices import set_target
from envs.blis.state import EPS, INF, NONE
from envs.core.jit import rule


@rule
def _load_share(work, device, slo):
    """Outstanding requests against what the device serves in the allowance."""
    horizon = work.rules[0].infaas_horizon
    if horizon == 0.0:
        horizon = slo
    peak = work.pair[device.pair].peak
    if peak == 0.0:
        return INF
    return outstanding(device) / (peak * horizon / 1000)


@rule
def _infaas_accurate(s, work, r, k, floor):
    """Step 1: accurate enough and not overloaded, least loaded."""
    request = work.request[r]
    best = INF
    choice = NONE
    i = s.family[k].first
    while i != NONE:
        device = s.device[i]
        if (is_candidate(s, work, device, floor)
                and work.pair[device.pair].accuracy >= request.need):
            share = _load_share(work, device, request.slo)
            if share < 1.0 and share < best:
                best = share
                choice = i
        i = device.sibling
    return choice


@rule
def _is_hosted(s, work, k, j):
    i = s.family[k].first
    while i != NONE:
        if s.device[i].target == j:
            return True
        i = s.device[i].sibling
    return False


@rule
def _infaas_on_demand(s, work, r, k):
    """Step 2: load a variant that nobody hosts on a free, idle device."""
    request = work.request[r]
    best = INF
    best_variant = NONE
    choice = NONE
    for j in range(work.family[k].first, work.family[k].last):
        if _is_hosted(s, work, k, j):
            continue
        for i in range(len(s.device)):
            device = s.device[i]
            if device.target != NONE or device.running != NONE:
                continue
            pair = work.pair[device.kind * work.rules[0].variants + j]
            if pair.hostable == 0 or pair.accuracy < request.need:
                continue
            cost = pair.load + pair.one
            if not cost > request.slo + EPS and cost < best:
                best = cost
                best_variant = j
                choice = i
    if choice != NONE:
        set_target(s, work, choice, best_variant, request.qos)
    return choice


@rule
def _infaas_near(s, work, r, k, floor):
    """Step 3: not overloaded and fast enough, nearest in accuracy."""
    request = work.request[r]
    best = INF
    best_share = INF
    choice = NONE
    i = s.family[k].first
    while i != NONE:
        device = s.device[i]
        if is_candidate(s, work, device, floor):
            pair = work.pair[device.pair]
            share = _load_share(work, device, request.slo)
            if share < 1.0 and not pair.one > request.slo + EPS:
                far = abs(pair.accuracy - request.need)
                if far < best or (far == best and share < best_share):
                    best = far
                    best_share = share
                    choice = i
        i = device.sibling
    return choice


@rule
def _infaas_any(s, work, r, k, floor):
    """Step 4: any candidate, least loaded."""
    best = INF
    fewest = INF
    choice = NONE
    i = s.family[k].first
    while i != NONE:
        device = s.device[i]
        if is_candidate(s, work, device, floor):
            share = _load_share(work, device, work.request[r].slo)
            count = outstanding(device)
            if choice == NONE or share < best or (share == best and count < fewest):
                best = share
                fewest = count
                choice = i
        i = device.sibling
    return choice


@rule
def infaas(s, work, r, k, floor, candidates):
    choice = NONE
    if candidates:
        choice = _infaas_accurate(s, work, r, k, floor)
    if choice == NONE and work.rules[0].on_demand and s.run[0].free > 0:
        choice = _infaas_on_demand(s, work, r, k)
    if choice == NONE and candidates:
        choice = _infaas_near(s, work, r, k, floor)
    if choice == NONE and candidates:
        choice = _infaas_any(s, work, r, k, floor)
    return choice
