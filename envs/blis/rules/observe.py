"""What an agent sees, before scaling (section 10)."""
from envs.blis.rules.actions import plan_family
from envs.blis.rules.candidates import base_time
from envs.blis.rules.devices import is_ready
from envs.blis.rules.requests import arrival, slot
from envs.blis.state import NONE, RUNNING
from envs.core.jit import rule

FAMILY_FEATURES = 10
DEVICE_FEATURES = 5     # and the one-hot family


@rule
def observe_counts(s, work, out):
    """`sched/Blis-v0`: a row per family, a last row of free devices; counts, ms, requests."""
    kinds = len(work.kind)
    levels = work.rules[0].levels
    families = len(s.family)
    for k in range(families + 1):
        for column in range(out.shape[1]):
            out[k, column] = 0.0
    for i in range(len(s.device)):
        device = s.device[i]
        k = plan_family(work, device)
        if k == NONE:
            out[families, device.kind] += 1
        else:
            out[k, device.plan_level * kinds + device.kind] += 1
    for k in range(families):
        _default_latencies(work, out, k, levels, kinds)
        f = s.family[k]
        at = 2 * levels * kinds
        for q in range(levels):
            out[k, at + 2 * q] = s.level[k, q].requests
            out[k, at + 2 * q + 1] = s.level[k, q].missed
        out[k, at + 2 * levels] = f.arrivals
        out[k, at + 2 * levels + 1] = f.late + f.dropped


@rule
def _default_latencies(work, out, k, levels, kinds):
    for t in range(kinds):
        variant = work.default[k, t]
        if variant != NONE:
            for q in range(levels):
                place = levels * kinds + q * kinds + t
                out[k, place] = work.pair[t * work.rules[0].variants + variant].one


@rule
def _oldest(s, work, k):
    """Age of the oldest queued request of a family, in ms."""
    oldest = s.run[0].now
    i = s.family[k].first
    while i != NONE:
        r = s.device[i].head
        for _ in range(s.device[i].queued):
            oldest = min(oldest, arrival(s, work, r))
            r = s.ring[slot(s, r)].next
        i = s.device[i].sibling
    return s.run[0].now - oldest


@rule
def _demand(s, work, k):
    """Exponentially weighted arrivals per window, over the last `span` windows."""
    span = s.history.shape[1]
    seen = s.run[0].window + s.run[0].closed
    keep = work.rules[0].demand_keep
    value = 0.0
    weight = 0.0
    for w in range(max(0, seen - span), seen):
        weight *= keep
        value = (weight * value + s.history[k, w % span]) / (weight + 1.0)
        weight += 1.0
    return value


@rule
def _observe_family(s, work, k, out, at):
    f = s.family[k]
    per_second = 1000 / work.rules[0].window
    resolved = f.met + f.late + f.dropped
    ready = 0.0
    hosted = 0.0
    i = f.first
    while i != NONE:
        peak = work.pair[s.device[i].pair].peak
        hosted += peak
        if is_ready(s.device[i]):
            ready += peak
        i = s.device[i].sibling
    out[at] = f.arrivals * per_second / 100
    out[at + 1] = _demand(s, work, k) * per_second / 100
    out[at + 2] = f.met / resolved if resolved > 0 else 1.0
    out[at + 3] = f.late / resolved if resolved > 0 else 0.0
    out[at + 4] = f.dropped / resolved if resolved > 0 else 0.0
    out[at + 5] = f.accuracy_met / f.met / 100 if f.met > 0 else 0.0
    out[at + 6] = f.queued / 100
    out[at + 7] = _oldest(s, work, k) / work.family[k].slo
    out[at + 8] = ready / 100
    out[at + 9] = hosted / 100


@rule
def _observe_device(s, work, i, out, at):
    families = len(s.family)
    device = s.device[i]
    for column in range(families + DEVICE_FEATURES):
        out[at + column] = 0.0
    rest = at + families
    if device.target == NONE:
        if device.event == RUNNING:
            out[rest + 3] = (s.clock[i] - s.run[0].now) / 1000
        return
    pair = work.pair[device.pair]
    out[at + pair.family] = 1.0
    out[rest] = pair.accuracy / 100
    out[rest + 1] = pair.peak / 100
    out[rest + 2] = 1.0 if is_ready(device) else 0.0
    out[rest + 3] = (base_time(s, work, i) - s.run[0].now) / 1000
    out[rest + 4] = device.queued / 100


@rule
def observe_variants(s, work, out):
    """`sched/BlisAccuracy-v0`: families, devices, and the share of the horizon that is over."""
    at = 0
    for k in range(len(s.family)):
        _observe_family(s, work, k, out, at)
        at += FAMILY_FEATURES
    for i in range(len(s.device)):
        _observe_device(s, work, i, out, at)
        at += len(s.family) + DEVICE_FEATURES
    out[at] = 0.0
    if s.run[0].windows > 0:
        out[at] = s.run[0].now / (s.run[0].windows * work.rules[0].window)
